/** Says so in the page where a script of the runtime did not load; the rest of the page is not run then. */

import { make } from "./elements.js";

const SCRIPT = /^runtime\/webkiln\.(\w+)\.min\.js$/;

const wanted = [...document.scripts].map((script) => script.getAttribute("src") ?? "").filter((address) => SCRIPT.test(address));
const missing = wanted.filter((address) => !(/** @type {any} */ (globalThis).webkiln?.[address.replace(SCRIPT, "$1")]));

if (missing.length) {
  const error = `${missing.join(" and ")} did not load: it is missing beside this page, or this browser is too old for it.`;
  document.getElementById("demo")?.append(make("p", { class: "problem", role: "alert" }, error));
  Object.assign(globalThis, { webkilnDemo: { frames: 0, error } });
  throw new Error(error);
}
