/** Constants that are packed: integers with scales, and elements that a bit mask says are present. Each is unpacked straight to where it is wanted. */

import { storedValues } from "./stored.js";
import { halfToNumber } from "./half.js";

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
  const wrap = signed ? 2 ** bits : 0;
  const groups = block === undefined ? length : Math.ceil(length / block);
  return (target) => {
    let next = 0;
    const read = () => {
      const k = next++;
      const q = bits === 8 ? packed[k] : bits === 4 ? (packed[k >> 1] >> (4 * (k & 1))) & 15 : packed[2 * k] | (packed[2 * k + 1] << 8);
      return wrap && q >= wrap / 2 ? q - wrap : q;
    };
    for (let i = 0, outer = 0; i < count; outer++) {
      for (let place = 0; place < length; place++) {
        const group = block === undefined ? place : (outer * groups + Math.floor(place / block)) * inner;
        for (let j = 0; j < inner; j++, i++) {
          const at = block === undefined ? group : group + j;
          const zero = zeros ? zeros[at] : 0;
          const q = !mask || (mask[i >> 3] >> (i & 7)) & 1 ? read() : zero;
          target[i] = scales[at] * (q - zero);
        }
      }
    }
  };
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
