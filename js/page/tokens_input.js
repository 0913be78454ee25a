/** An input of tokens: the numbers that the model's own tokenizer makes of a text. */

import { symbolsOf } from "../dims.js";
import { make, shapeText } from "./elements.js";
import { takeNumbersFrom } from "./numbers_input.js";
import { generated, shapeOf } from "./sizes.js";

export class TokensInput {
  /** @type {number[] | null} */
  #given = null;
  #field = make("textarea", { rows: 3, spellcheck: "false", autocomplete: "off", inputmode: "numeric" });
  #hint = make("p", { class: "hint" });

  /**
   * @param {import("./numbers_input.js").Context} context
   * @param {any} spec of model.json
   */
  constructor(context, spec) {
    this.context = context;
    this.spec = spec;
    const id = `tokens-${context.position}`;
    takeNumbersFrom(this.#field, this.#hint, id, context, (numbers) => (this.#given = numbers));
    this.element = make("div", { class: "input" }, make("label", { for: id, class: "name" }, context.argument.name), this.#field, this.#hint);
  }

  accepts() {
    return false;
  }

  async take() {}

  async showSample() {
    this.#given = null;
  }

  /** As long as the tokens are, or padded to the length that the model wants. @returns {{ data: number[], shape: number[], present: number[] }} */
  value() {
    const { argument, position, golden, sizes } = this.context;
    for (const symbol of argument.shape.slice(0, -1).flatMap((dim) => [...symbolsOf(dim)])) sizes.set(symbol, 1);
    this.#given ??= [...Array.from(generated({ ...argument, shape: argument.shape.slice(-1) }, position, golden, sizes).data)];
    const last = argument.shape[argument.shape.length - 1];
    const most = Math.min(this.spec.maximum_length ?? Infinity, typeof last === "number" ? last : Infinity);
    if (!this.#given.length || this.#given.length > most) throw new Error(`${argument.name} takes 1 to ${most} tokens, got ${this.#given.length}`);
    if (typeof last === "string") sizes.set(last, this.#given.length);
    const shape = shapeOf(argument, sizes);
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Array.from({ length: size }, (_, k) => this.#given?.[k] ?? this.spec.padding ?? 0);
    this.#field.value = this.#given.join(", ");
    const tokenizer = this.spec.tokenizer ? ` (${this.spec.tokenizer})` : "";
    this.#hint.textContent = `Numbers of tokens, as the model’s tokenizer${tokenizer} makes them of a text. ${argument.dtype} ${shapeText(shape)}`;
    return { data, shape, present: data.map((_, k) => Number(k < (this.#given?.length ?? 0))) };
  }
}
