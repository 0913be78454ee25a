/** Constants as shards hold them: in their dtype, or in fewer bits that stand for it. */

import { DTYPES, sizeOf } from "./dtypes.js";
import { halfToNumber } from "./half.js";

/** @typedef {import("./dtypes.js").Dtype} Dtype */
/** @typedef {(target: Float32Array) => void} Fill writes all elements */
/**
 * `storage`: the type of the elements in `bytes`. With `fill`, the bytes are packed, and it unpacks them, as elements of `storage`: a copy of a
 * tensor in floats lasts only as long as whoever asks for one needs it.
 * @typedef {{ bytes: Uint8Array, storage: string, dtype: Dtype, shape: number[], fill?: Fill }} Source
 */
/** @typedef {Float32Array | Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array} StoredArray */

/** @type {ReadonlyMap<string, Dtype>} what a constant that is stored as something else than its dtype becomes */
export const STORAGES = new Map([["f16", "f32"], ["u8", "i32"], ["i8", "i32"], ["u16", "i32"], ["i16", "i32"]]);

/** @type {Record<string, new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => StoredArray>} */
const ARRAYS = { f32: Float32Array, i32: Int32Array, u8: Uint8Array, i8: Int8Array, bool: Uint8Array, f16: Uint16Array, u16: Uint16Array, i16: Int16Array };

/**
 * @param {string} storage
 * @returns {number} bytes of an element
 */
export function storedSize(storage) {
  return /** @type {any} */ (ARRAYS[storage]).BYTES_PER_ELEMENT;
}

/**
 * The elements of a constant as they are stored (of float16, the bits): where they lie, or a copy where they lie across words.
 * @param {Source} source
 * @returns {StoredArray}
 */
export function storedValues({ bytes, storage, shape, fill }) {
  if (fill) {
    const values = new Float32Array(sizeOf(shape));
    fill(values);
    return values;
  }
  const size = storedSize(storage);
  const { buffer, byteOffset, length } = bytes.byteOffset % size ? bytes.slice() : bytes;
  return new ARRAYS[storage](buffer, byteOffset, length / size);
}

/**
 * What a state holds in the first run.
 * @param {{ shape: readonly number[], dtype: Dtype, initial: string }} state
 * @param {(name: string) => Source} sourceOf a constant's bytes
 * @returns {Float32Array | Int32Array | Uint8Array | Int8Array}
 */
export function initialState({ shape, dtype, initial }, sourceOf) {
  return initial === "zeros" ? new DTYPES[dtype].array(sizeOf(shape)) : widened(sourceOf(initial));
}

/**
 * The elements of a constant in its dtype, in an array of their own.
 * @param {Source} source
 * @returns {Float32Array | Int32Array | Uint8Array | Int8Array}
 */
export function widened(source) {
  const values = storedValues(source);
  if (source.fill) return /** @type {Float32Array} */ (values);
  return source.storage === "f16" ? Float32Array.from(values, halfToNumber) : new DTYPES[source.dtype].array(values);
}
