/** verify.html: checks at once, and says what was found. */

import { byId, messageOf } from "./elements.js";
import { verifyHere } from "./verification.js";

/** @returns {Promise<void>} */
export async function startVerifying() {
  const again = byId("again");
  const check = async () => {
    again.disabled = true;
    document.documentElement.dataset.state = "loading";
    try {
      const { passed, text } = await verifyHere(byId("verification"));
      Object.assign(globalThis, { webkilnVerification: { passed, text } });
      document.documentElement.dataset.state = passed ? "passed" : "failed";
    } catch (error) {
      byId("verification").replaceChildren();
      byId("problem").textContent = messageOf(error);
      byId("problem").hidden = false;
      document.documentElement.dataset.state = "error";
    }
    again.disabled = false;
  };
  again.addEventListener("click", check);
  await check();
}
