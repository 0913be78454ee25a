/** HTML elements in a few words. */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | boolean | (() => void)>} [attributes] a function listens to the event of that name; false leaves an attribute out
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {() => void} onClick
 * @param {string} [kind] of its look
 */
export const button = (text, onClick, kind = "") => make("button", { type: "button", class: `button ${kind}`, click: onClick }, text);

/**
 * One of a few, as radio buttons.
 * @param {string} legend
 * @param {Record<string, string>} choices what is shown, by value
 * @param {(value: string) => void} onChange
 */
export function choice(legend, choices, onChange) {
  const name = legend.replace(/\W+/g, "-").toLowerCase();
  const inputs = Object.keys(choices).map((value) => make("input", { type: "radio", name, value, change: () => onChange(value) }));
  const labels = inputs.map((input) => make("label", {}, input, make("span", {}, choices[input.value])));
  const element = make("fieldset", {}, make("legend", {}, legend), make("div", { class: "switch" }, ...labels));
  return { element, select: (/** @type {string} */ value) => inputs.forEach((input) => (input.checked = input.value === value)) };
}

/**
 * @param {string} text
 * @param {boolean} checked
 * @param {(checked: boolean) => void} onChange
 */
export function tick(text, checked, onChange) {
  const input = make("input", { type: "checkbox", checked });
  input.addEventListener("change", () => onChange(input.checked));
  return { element: make("label", { class: "tick" }, input, text), input };
}

/**
 * A button that asks for a file.
 * @param {string} text
 * @param {string} accept
 * @param {(file: File) => void} onFile
 */
export function fileChooser(text, accept, onFile) {
  const input = make("input", { type: "file", class: "unseen", accept });
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) onFile(file);
    input.value = ""; // the same file may be chosen again
  });
  return make("label", { class: "button" }, text, input);
}
