/** `webkiln-mix32`: the generator of golden inputs, the same numbers in every language. */

import { halfToNumber, numberToHalf } from "./half.js";

/** @typedef {{ seed: number, low?: number, high?: number }} GeneratedInput */

/**
 * A permutation of the 32-bit integers that mixes well.
 * @param {number} h
 * @returns {number} 0 … 2³² − 1
 */
export function mix32(h) {
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  h ^= h >>> 16;
  return h >>> 0;
}

/**
 * @param {GeneratedInput} spec
 * @param {string} dtype the source's, such as "float32"
 * @param {number} size
 * @returns {number[]} values that the dtype holds exactly
 */
export function generate({ seed, low = 0, high = 1 }, dtype, size) {
  const value = {
    float: (/** @type {number} */ u) => low + (high - low) * ((u >>> 8) / 2 ** 24),
    half: (/** @type {number} */ u) => halfToNumber(numberToHalf(low + (high - low) * ((u >>> 8) / 2 ** 24))),
    bool: (/** @type {number} */ u) => u & 1,
    integer: (/** @type {number} */ u) => low + (u % (high - low)),
  }[dtype === "float16" ? "half" : /^(float|complex)/.test(dtype) ? "float" : dtype === "bool" ? "bool" : "integer"];
  const values = new Array(size);
  for (let i = 0; i < size; i++) values[i] = value(mix32((seed + Math.imul(i, 0x9e3779b9)) | 0));
  return values;
}
