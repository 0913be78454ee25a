/** An input of numbers: typed, from a file, or generated. */

import { button, fileChooser, make, shapeText, shown } from "./elements.js";
import { generated, shapeOf } from "./sizes.js";

/** @typedef {import("./sizes.js").Argument} Argument */
/** @typedef {{ argument: Argument, position: number, golden: any, sizes: Map<string, number>, onChange: () => void, onProblem: (error: unknown) => void, tokens: () => { shape: number[], present: number[] } | null }} Context */

/** More than these are not shown in a field. */
const MOST_SHOWN = 1024;

export class NumbersInput {
  /** @type {number[] | null} typed or from a file */
  #given = null;
  /** @type {number | undefined} */
  #seed;
  #field = make("textarea", { rows: 3, spellcheck: "false", autocomplete: "off" });
  #hint = make("p", { class: "hint" });

  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    const { argument } = context;
    const id = `numbers-${context.position}`;
    const chooser = fileChooser(
      { id: `${id}-file`, accept: ".txt,.csv,.json,text/plain,application/json", text: "Numbers from a file" },
      (file) => this.take(file).then(context.onChange, context.onProblem),
    );
    takeNumbersFrom(this.#field, this.#hint, id, context, (numbers) => (this.#given = numbers));
    this.element = make("div", { class: "input" },
      make("label", { for: id, class: "name" }, argument.name), this.#field, this.#hint,
      make("div", { class: "actions" }, ...chooser,
        button("Random numbers", () => {
          this.#given = null;
          this.#seed = Math.floor(Math.random() * 2 ** 31);
          context.onChange();
        })));
  }

  /** @param {File} file */
  accepts(file) {
    return /^text\/|json$/.test(file.type) || /\.(txt|csv|json)$/i.test(file.name);
  }

  /** @param {Blob} file */
  async take(file) {
    this.#given = parseNumbers(await file.text());
  }

  async showSample() {
    this.#given = null;
    this.#seed = undefined;
  }

  /** @returns {{ data: ArrayLike<number>, shape: number[] }} */
  value() {
    const { argument, position, golden, sizes } = this.context;
    const tokens = this.context.tokens(); // which give their size
    const shape = shapeOf(argument, sizes);
    const size = shape.reduce((a, b) => a * b, 1);
    if (this.#given && this.#given.length !== size) {
      throw new Error(`${argument.name} is ${shapeText(shape)}: wanted ${size} numbers, got ${this.#given.length}`);
    }
    const data = this.#given ?? this.#beside(shape, tokens) ?? generated(argument, position, golden, sizes, this.#seed).data;
    this.#show(data, shape);
    return { data, shape };
  }

  /**
   * Integers as many as the tokens go with them: in a mask 1 for each that is present, positions in order, else 0.
   * @param {number[]} shape
   * @param {ReturnType<Context["tokens"]>} tokens
   */
  #beside(shape, tokens) {
    const isBeside = this.#seed === undefined && /^u?int/.test(this.context.argument.dtype) && tokens?.shape.join() === shape.join();
    if (!tokens || !isBeside) return null;
    const { name } = this.context.argument;
    return /mask/i.test(name) ? tokens.present : tokens.present.map((_, k) => (/position/i.test(name) ? k : 0));
  }

  /**
   * @param {ArrayLike<number>} data
   * @param {number[]} shape
   */
  #show(data, shape) {
    this.#field.hidden = data.length > MOST_SHOWN;
    if (!this.#field.hidden) this.#field.value = Array.from(data, (value) => shown(value, 7)).join(", ");
    this.#hint.textContent = `${this.context.argument.dtype} ${shapeText(shape)}, ${data.length.toLocaleString("en")} numbers${this.#given ? "" : this.#seed === undefined ? ", those of the sample" : ", random"}`;
  }
}

/**
 * Takes the numbers that are written into a field.
 * @param {HTMLTextAreaElement} field
 * @param {HTMLElement} hint that describes it
 * @param {string} id the field's
 * @param {Context} context
 * @param {(numbers: number[]) => void} take
 */
export function takeNumbersFrom(field, hint, id, context, take) {
  field.id = id;
  hint.id = `${id}-hint`;
  field.setAttribute("aria-describedby", hint.id);
  field.addEventListener("change", () => {
    try {
      take(parseNumbers(field.value));
      context.onChange();
    } catch (error) {
      context.onProblem(error);
    }
  });
}

/**
 * Numbers with anything between them that is none: plain text, CSV, nested arrays of JSON.
 * @param {string} text
 * @returns {number[]}
 */
function parseNumbers(text) {
  const words = text.split(/[\s,;[\]()]+/).filter(Boolean);
  const numbers = words.map((word) => (word === "true" ? 1 : word === "false" ? 0 : Number(word)));
  const wrong = words[numbers.findIndex((value, at) => Number.isNaN(value) && !/^nan$/i.test(words[at]))];
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong.slice(0, 40))} is not a number; wanted numbers with commas, spaces or lines between them`);
  return numbers;
}
