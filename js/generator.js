/** `webkiln-mix32`: the generator of golden inputs, the same numbers in every language. */

import { WebkilnError } from "./errors.js";
import { halfToNumber, numberToHalf } from "./half.js";

/** Elements: of four bytes each, they would fill the memory of WebAssembly. */
const MAXIMUM_SIZE = 2 ** 30;

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
 * @returns {Float64Array | Int32Array} values that the dtype holds exactly
 * @throws {WebkilnError} for more than any backend takes, before anything is allocated; for integers of more than 32 bits
 */
export function generate({ seed, low = 0, high = 1 }, dtype, size) {
  if (size > MAXIMUM_SIZE) throw new WebkilnError(`an input of ${size} elements is not generated; at most ${MAXIMUM_SIZE} are: give inputs, or smaller ones`);
  const isFloat = /^(float|complex)/.test(dtype);
  if (!isFloat && !(Number.isInteger(low) && Number.isInteger(high) && low >= -(2 ** 31) && low < high && high <= 2 ** 31)) {
    throw new WebkilnError(`integers from ${low} up to ${high} are not generated; wanted a range within 32 bits`);
  }
  const value = {
    float: (/** @type {number} */ u) => low + (high - low) * ((u >>> 8) / 2 ** 24),
    half: (/** @type {number} */ u) => halfToNumber(numberToHalf(low + (high - low) * ((u >>> 8) / 2 ** 24))),
    bool: (/** @type {number} */ u) => u & 1,
    integer: (/** @type {number} */ u) => low + (u % (high - low)),
  }[dtype === "float16" ? "half" : isFloat ? "float" : dtype === "bool" ? "bool" : "integer"];
  const values = new (isFloat ? Float64Array : Int32Array)(size);
  for (let i = 0; i < size; i++) values[i] = value(mix32((seed + Math.imul(i, 0x9e3779b9)) | 0));
  return values;
}
