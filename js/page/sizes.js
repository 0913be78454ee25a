/** Sizes that a model leaves open, and numbers to fill its inputs with: those of its golden vectors, where it has them. */

import { evaluateDim, symbolsOf } from "../dims.js";
import { generate } from "../generator.js";

/** @typedef {{ name: string, dtype: string, shape: (number | string)[], values?: string[] }} Argument of model.json */

/**
 * @param {any} description model.json
 * @param {string} signature
 */
export function goldenCase(description, signature) {
  return description.golden?.cases?.find((/** @type {any} */ one) => one.signature === signature) ?? { symbols: {}, inputs: {} };
}

/**
 * A size for every symbol of the inputs.
 * @param {any} description
 * @param {string} signature
 * @param {Argument[]} inputs
 * @returns {Map<string, number>}
 */
export function defaultSizes(description, signature, inputs) {
  const { symbols = {} } = goldenCase(description, signature);
  const names = new Set(inputs.flatMap(({ shape, values = [] }) => [...shape.flatMap((dim) => [...symbolsOf(dim)]), ...values]));
  return new Map([...names].map((name) => {
    const { minimum = 1, multiple = 1 } = description.symbols?.[name] ?? {};
    return [name, symbols[name] ?? Math.ceil(Math.max(minimum, multiple) / multiple) * multiple];
  }));
}

/**
 * @param {Argument} argument
 * @param {Map<string, number>} sizes
 * @returns {number[]}
 */
export function shapeOf({ shape }, sizes) {
  return shape.map((dim) => evaluateDim(dim, sizes));
}

/**
 * Numbers for an input: the golden ones, or others of the same range.
 * @param {Argument} argument
 * @param {number} position of the argument
 * @param {any} golden case
 * @param {Map<string, number>} sizes
 * @param {number} [seed] of others
 * @returns {{ data: ArrayLike<number>, shape: number[] }}
 */
export function generated(argument, position, golden, sizes, seed) {
  const shape = shapeOf(argument, sizes);
  if (argument.values) return { data: argument.values.map((name) => /** @type {number} */ (sizes.get(name))), shape };
  const isFloat = /^(float|complex)/.test(argument.dtype);
  const range = { seed: position + 1, low: isFloat ? -1 : 0, high: isFloat ? 1 : 2, ...golden.inputs?.[argument.name] };
  return { data: generate(seed === undefined ? range : { ...range, seed }, argument.dtype, shape.reduce((a, b) => a * b, 1)), shape };
}
