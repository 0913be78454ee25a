/** Elements of the page. Texts of a model are data: they only ever become text nodes and attributes. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} kind
 * @param {Record<string, string | number | boolean>} [attributes] `true` is an attribute without a value, `false` none
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  made.append(...children);
  return made;
}

/**
 * @param {string} text
 * @param {() => unknown} onClick
 * @param {string} [kind] further classes
 */
export function button(text, onClick, kind = "") {
  const made = make("button", { type: "button", class: `button ${kind}`.trim() }, text);
  made.addEventListener("click", () => void onClick());
  return made;
}

/**
 * A button that lets a file be chosen, the same one again too.
 * @param {{ id: string, accept: string, text: string, kind?: string }} options `kind`: further classes
 * @param {(file: File) => unknown} onFile
 * @returns {[HTMLLabelElement, HTMLInputElement]} both go into the page
 */
export function fileChooser({ id, accept, text, kind = "" }, onFile) {
  const file = make("input", { type: "file", class: "unseen", id, accept });
  file.addEventListener("change", () => {
    if (file.files?.[0]) onFile(file.files[0]);
    file.value = "";
  });
  return [make("label", { for: id, class: `button ${kind}`.trim() }, text), file];
}

/**
 * A table with headings; cells are texts or elements.
 * @param {string[]} headings
 * @param {(Node | string)[][]} rows
 */
export function table(headings, rows) {
  const head = make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)));
  return make("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": headings.join(", ") },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)))))));
}

/**
 * An element that the page was written with.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  return document.getElementById(id);
}

/** A number for people: at most `digits` significant ones. @param {number} value */
export function shown(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : String(Number(value.toPrecision(digits)));
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {readonly (number | string)[]} shape */
export function shapeText(shape) {
  return `[${shape.join(", ")}]`;
}
