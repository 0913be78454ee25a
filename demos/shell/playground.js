/** The page for an online playground. Nothing leaves this page before a click. */

import { ownSource, readAsset } from "./assets.js";
import { button, make } from "./elements.js";

/** Takes files as fields of a form: developer.stackblitz.com, "POST API". */
const ADDRESS = "https://stackblitz.com/run";

/**
 * @param {string} single address of the page that holds everything; "" where this page is it
 * @param {(problem: unknown) => void} onProblem
 * @returns {HTMLElement}
 */
export function playground(single, onProblem) {
  const said = make("span", { class: "hint", role: "status" });
  const read = async () => ownSource || (await readAsset(single)).text();
  const field = (/** @type {string} */ name, /** @type {string} */ value) => make("input", { type: "hidden", name: `project[${name}]`, value });
  const page = field("files][index.html", "");
  const form = make("form", { method: "post", action: ADDRESS, target: "_blank" }, field("title", document.title), field("description", "One page with runtime and models"), field("template", "html"), page);
  const submit = make("button", { type: "submit", class: "button" }, "Open in a playground");
  form.append(submit);
  form.addEventListener("submit", (event) => {
    if (page.value) return;
    event.preventDefault();
    read().then((text) => {
      page.value = text;
      form.submit();
      page.value = "";
    }).catch(onProblem);
  });
  const copy = button("Copy the page", () => read().then(async (text) => {
    const size = `${(text.length / 1e6).toFixed(1)} MB`;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = `Copied, ${size}. Paste it as the HTML of any playground.`;
    } catch {
      save(text);
      said.textContent = `Saved as a file, ${size}: this page may not use the clipboard.`;
    }
  }).catch(onProblem));
  return make("div", { class: "actions" }, form, copy, said);
}

/** @param {string} text */
function save(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  make("a", { href: address, download: "demo.html" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
