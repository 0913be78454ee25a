/** Constants that are packed: integers with scales, and elements that a bit mask says are present. Each is unpacked straight to where it is wanted. */

import { halfToNumber } from "./half.js";
import { storedValues } from "./stored.js";

/** @typedef {import("./stored.js").Fill} Fill */
/** @typedef {import("./stored.js").Source} Source */
/** @typedef {{ bytes: Uint8Array, count: number }} Mask bits, least significant first, and how many are set */
/**
 * Parts that fit together. The tensor is read as [outer, length, inner]; runs of `block` positions on the middle axis share scale and zero
 * point for each outer and inner one, or with no `block`, each position has its own.
 * @typedef {{ packed: Uint8Array, bits: number, signed: boolean, mask: Uint8Array | null, scales: Float32Array, zeros: number[] | null, count: number, length: number, inner: number, block?: number }} Packed
 */

/**
 * scale · (q − zero_point), which is exact in a number, rounded to a float.
 * @param {Packed} parts
 * @returns {Fill}
 */
export function affineValues({ packed, bits, signed, mask, scales, zeros, count, length, inner, block }) {
  const run = block ?? 1;
  const rows = block === undefined ? 1 : inner; // of scales, for each run
  const groups = Math.ceil(length / run) * rows;
  const offsets = zeros ? Float64Array.from(zeros) : new Float64Array(scales.length);
  return (target) => {
    const values = integers(packed, bits, signed);
    if (inner === 1 && block === undefined && !mask) { // what most weights are, in a tight loop
      for (let i = 0; i < count; i += length) {
        for (let place = 0; place < length; place++) target[i + place] = scales[place] * (values[i + place] - offsets[place]);
      }
      return;
    }
    for (let i = 0, next = 0, outer = 0; i < count; outer++) {
      const first = block === undefined ? 0 : outer * groups;
      for (let place = 0; place < length; place++) {
        const group = first + Math.floor(place / run) * rows;
        for (let j = 0; j < inner; j++, i++) {
          const at = rows === 1 ? group : group + j;
          if (mask && !((mask[i >> 3] >> (i & 7)) & 1)) target[i] = 0;
          else target[i] = scales[at] * (values[next++] - offsets[at]);
        }
      }
    }
  };
}

/**
 * @param {Uint8Array} packed
 * @param {number} bits
 * @param {boolean} signed
 * @returns {Int8Array | Uint8Array | Int16Array | Uint16Array}
 */
function integers(packed, bits, signed) {
  if (bits === 4) {
    const values = new Int8Array(2 * packed.length);
    packed.forEach((pair, k) => {
      values[2 * k] = signed ? (pair << 28) >> 28 : pair & 15;
      values[2 * k + 1] = signed ? (pair << 24) >> 28 : pair >> 4;
    });
    return values;
  }
  return /** @type {Int8Array} */ (storedValues({ bytes: packed, storage: `${signed ? "i" : "u"}${bits}`, dtype: "i32", shape: [] }));
}

/**
 * The elements that a mask says are present, among zeros.
 * @param {Source} present
 * @param {Mask} mask
 * @returns {Fill}
 */
export function sparseFill(present, { bytes }) {
  return (target) => {
    const values = storedValues(present);
    const isHalf = present.storage === "f16";
    for (let i = 0, next = 0; i < target.length; i++) {
      if (!((bytes[i >> 3] >> (i & 7)) & 1)) target[i] = 0;
      else target[i] = isHalf ? halfToNumber(values[next++]) : values[next++];
    }
  };
}
