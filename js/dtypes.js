/** Dtypes: those of the source model, those inside, and the casts between them at the boundary. */

import { InputError } from "./errors.js";

/** @typedef {"f32" | "i32" | "u8" | "i8" | "bool"} Dtype a dtype inside */
/** @typedef {Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint32Array | Uint16Array | Uint8Array | Uint8ClampedArray | BigInt64Array | BigUint64Array} AnyArray */
/** @typedef {Float32Array | Int32Array | Int16Array | Int8Array | Uint32Array | Uint16Array | Uint8Array} TypedArray */
/** @typedef {TypedArray & { shape: number[] }} Tensor a result */
/** @typedef {number | bigint | boolean | unknown[]} NestedArray numbers, however deep */
/** @typedef {import("./pictures/sources.js").PictureSource | import("./pictures/sources.js").PicturePart} PictureValue */
/** @typedef {AnyArray | NestedArray | { data: AnyArray | NestedArray, shape?: readonly number[] }} ArrayValue */
/** @typedef {ArrayValue | PictureValue | import("./device_tensor.js").DeviceTensor} InputValue */

/**
 * What a source's dtype is inside, what its results are, and which integers it may hold.
 * @type {ReadonlyMap<string, { dtype: Dtype, result: new (values: ArrayLike<number>) => TypedArray, minimum?: number, maximum?: number }>}
 */
export const SOURCE_DTYPES = new Map([
  ["float32", { dtype: "f32", result: Float32Array }],
  ["float64", { dtype: "f32", result: Float32Array }],
  ["float16", { dtype: "f32", result: Float32Array }],
  ["int64", { dtype: "i32", result: Int32Array, minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }],
  ["int32", { dtype: "i32", result: Int32Array, minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }],
  ["int16", { dtype: "i32", result: Int16Array, minimum: -(2 ** 15), maximum: 2 ** 15 - 1 }],
  ["int8", { dtype: "i8", result: Int8Array, minimum: -128, maximum: 127 }],
  ["uint64", { dtype: "i32", result: Int32Array, minimum: 0, maximum: 2 ** 31 - 1 }],
  ["uint32", { dtype: "i32", result: Uint32Array, minimum: 0, maximum: 2 ** 31 - 1 }],
  ["uint16", { dtype: "i32", result: Uint16Array, minimum: 0, maximum: 2 ** 16 - 1 }],
  ["uint8", { dtype: "u8", result: Uint8Array, minimum: 0, maximum: 255 }],
  ["bool", { dtype: "bool", result: Uint8Array, minimum: 0, maximum: 1 }],
  // Real and imaginary parts, along one more axis, the last.
  ["complex64", { dtype: "f32", result: Float32Array }],
  ["complex128", { dtype: "f32", result: Float32Array }],
]);

/** @type {Record<Dtype, { code: number, size: number, array: Float32ArrayConstructor | Int32ArrayConstructor | Uint8ArrayConstructor | Int8ArrayConstructor }>} */
export const DTYPES = {
  f32: { code: 0, size: 4, array: Float32Array },
  i32: { code: 1, size: 4, array: Int32Array },
  u8: { code: 2, size: 1, array: Uint8Array },
  i8: { code: 3, size: 1, array: Int8Array },
  bool: { code: 4, size: 1, array: Uint8Array },
};

/**
 * @param {readonly number[]} shape
 * @returns {number} of elements
 */
export function sizeOf(shape) {
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * A typed array that starts at a byte offset of a buffer.
 * @param {ArrayBuffer | SharedArrayBuffer} buffer
 * @param {Dtype} dtype
 * @param {number} byteOffset a multiple of the dtype's size
 * @param {number} size
 */
export function viewOf(buffer, dtype, byteOffset, size) {
  return new DTYPES[dtype].array(/** @type {ArrayBuffer} */ (buffer), byteOffset, size);
}

/**
 * What the user gave for one input, as numbers and a shape.
 * @param {string} name of the input
 * @param {ArrayValue} value
 * @param {string} sourceDtype "float32", …
 * @param {readonly (number | string)[]} shape declared; strings are symbolic
 * @returns {{ data: ArrayLike<number>, shape: number[] }} values that the inner dtype can hold
 * @throws {InputError}
 */
export function readInput(name, value, sourceDtype, shape) {
  const what = `input ${JSON.stringify(name)}`;
  const wanted = `wanted ${sourceDtype} [${shape.join(", ")}]`;
  /** @type {unknown} */
  let data = value;
  /** @type {number[] | undefined} */
  let given;
  if (typeof value === "object" && value !== null && "data" in value) {
    data = value.data;
    if (value.shape !== undefined && !Array.isArray(value.shape)) throw new InputError(`${what}: its shape must be an array of integers, got ${typeof value.shape}`);
    if (value.shape !== undefined) given = [...value.shape];
  } else if (ArrayBuffer.isView(value) && "shape" in value && Array.isArray(value.shape)) {
    given = [...value.shape]; // a result of an earlier run
  }
  if (typeof data === "number" || typeof data === "bigint" || typeof data === "boolean") {
    given ??= [];
    data = [data];
  } else if (Array.isArray(data)) {
    const nested = flatten(data, what);
    // A flat array stands for its elements only, whatever the rank; nesting says the shape.
    if (nested.shape.length > 1) given ??= nested.shape;
    data = nested.values;
  }
  if (!(ArrayBuffer.isView(data) && !(data instanceof DataView)) && !Array.isArray(data)) {
    throw new InputError(`${what}: ${wanted}, got ${data === null ? "null" : typeof data}; give a typed array, a (nested) array, a number, or { data, shape }`);
  }
  const array = /** @type {AnyArray | (number | bigint | boolean)[]} */ (data);
  const actual = given ?? impliedShape(shape, array.length);
  if (!actual) throw new InputError(`${what}: ${wanted}, got ${array.length} elements; give { data, shape } to say how they are arranged`);
  if (!actual.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || sizeOf(actual) !== array.length) {
    throw new InputError(`${what}: the shape [${actual.join(", ")}] does not fit the ${array.length} elements given`);
  }
  const fits = actual.length === shape.length && shape.every((dim, axis) => typeof dim === "string" || dim === actual[axis]);
  if (!fits) {
    // One element is one element, however many axes of length 1 are written around it.
    const alike = array.length === 1 && shape.every((dim) => dim === 1);
    if (!alike) throw new InputError(`${what}: ${wanted}, got the shape [${actual.join(", ")}]`);
    actual.splice(0, actual.length, ...shape.map(Number));
  }
  return { data: checkValues(array, sourceDtype, what), shape: actual };
}

/**
 * The shape of so many elements: at most one dimension may be a bare symbol.
 * @param {readonly (number | string)[]} shape
 * @param {number} count
 * @returns {number[] | undefined}
 */
function impliedShape(shape, count) {
  const symbolic = shape.filter((dim) => typeof dim === "string").length;
  const known = sizeOf(/** @type {number[]} */ (shape.filter((dim) => typeof dim === "number")));
  if (symbolic === 0) return known === count ? /** @type {number[]} */ ([...shape]) : undefined;
  if (symbolic > 1 || known === 0 || count % known !== 0) return undefined;
  return shape.map((dim) => (typeof dim === "number" ? dim : count / known));
}

/**
 * @param {unknown[]} nested
 * @param {string} what
 * @returns {{ values: (number | bigint | boolean)[], shape: number[] }}
 */
function flatten(nested, what) {
  /** @type {number[]} */
  const shape = [];
  for (let level = /** @type {unknown} */ (nested); Array.isArray(level) || ArrayBuffer.isView(level); level = /** @type {unknown[]} */ (level)[0]) {
    shape.push(/** @type {unknown[]} */ (level).length);
    if (shape.length > 8) break;
  }
  /** @type {(number | bigint | boolean)[]} */
  const values = [];
  /** @type {(level: unknown, axis: number) => void} */
  const visit = (level, axis) => {
    if (axis === shape.length) {
      if (typeof level !== "number" && typeof level !== "bigint" && typeof level !== "boolean") {
        throw new InputError(`${what}: the array holds ${Array.isArray(level) ? "deeper arrays in some places" : `a ${typeof level}`}; wanted numbers`);
      }
      values.push(level);
      return;
    }
    const length = Array.isArray(level) || ArrayBuffer.isView(level) ? /** @type {unknown[]} */ (level).length : -1;
    if (length !== shape[axis]) throw new InputError(`${what}: the nested array is ragged: ${length < 0 ? "a number" : `${length} elements`} where others have ${shape[axis]}, on axis ${axis}`);
    for (let i = 0; i < length; i++) visit(/** @type {unknown[]} */ (level)[i], axis + 1);
  };
  visit(nested, 0);
  return { values, shape };
}

/**
 * @param {AnyArray | (number | bigint | boolean)[]} array
 * @param {string} sourceDtype
 * @param {string} what
 * @returns {ArrayLike<number>}
 */
function checkValues(array, sourceDtype, what) {
  const source = SOURCE_DTYPES.get(sourceDtype);
  if (!source) throw new InputError(`${what} has the unknown dtype ${sourceDtype}`);
  const isBig = array instanceof BigInt64Array || array instanceof BigUint64Array;
  if (source.minimum === undefined || source.maximum === undefined) {
    if (isBig) throw new InputError(`${what}: wanted ${sourceDtype}, got a ${array.constructor.name}; convert it to a Float32Array first`);
    if (!Array.isArray(array)) return /** @type {ArrayLike<number>} */ (array);
    return Array.from(array, Number);
  }
  if (array instanceof Float32Array || array instanceof Float64Array) {
    throw new InputError(`${what}: wanted ${sourceDtype}, got a ${array.constructor.name}; give ${source.result.name} or another array of integers`);
  }
  const { minimum, maximum } = source;
  const values = isBig || Array.isArray(array) ? Array.from(/** @type {ArrayLike<number>} */ (array), Number) : /** @type {ArrayLike<number>} */ (array);
  for (let i = 0; i < values.length; i++) {
    if (!(values[i] >= minimum && values[i] <= maximum && Number.isInteger(values[i]))) {
      throw new InputError(`${what}: element ${i} is ${array[i]}; wanted ${sourceDtype}, integers from ${minimum} to ${maximum}`);
    }
  }
  return values;
}
