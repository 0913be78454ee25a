/** Constants of a model: from shards, checked, and out of their quantized form. */

import { sizeOf } from "./dtypes.js";
import { FormatError, HashError } from "./errors.js";
import { fetchChecked } from "./fetching.js";
import { halfToNumber } from "./half.js";
import { readSafetensors } from "./safetensors.js";
import { sha256 } from "./sha256.js";
import { storedSize } from "./stored.js";

/** @typedef {import("./format.js").ModelDescription} ModelDescription */
/** @typedef {import("./format.js").Constant} Constant */
/** @typedef {import("./format.js").Shard} Shard */
/** @typedef {import("./format.js").AffineQuantization} AffineQuantization */
/** @typedef {import("./fetching.js").FetchOptions} FetchOptions */
/** @typedef {import("./stored.js").Source} Source */
/** @typedef {import("./safetensors.js").StoredTensor} StoredTensor */


/**
 * Fetches the shards that hold some constants, all at once.
 * @param {{ description: ModelDescription, base: URL, fetching: FetchOptions }} parts
 * @param {ReadonlySet<string>} names
 * @param {{ signal?: AbortSignal, onProgress?: (progress: import("./fetching.js").Progress) => void }} [options]
 * @returns {Promise<Map<string, Source>>}
 */
export async function loadSources({ description: { constants, shards }, base, fetching }, names, { signal, onProgress } = {}) {
  const wanted = [...names].map((name) => ({ name, constant: /** @type {Constant} */ (constants.get(name)) }));
  const indices = [...new Set(wanted.map(({ constant }) => constant.shard))];
  const total = indices.reduce((sum, index) => sum + shards[index].bytes, 0);
  let loaded = 0;
  const onBytes = (/** @type {number} */ count) => onProgress?.({ loaded: (loaded += count), total, stage: "weights" });
  // The first shard that fails stops the others, and so does the caller.
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  try {
    const tensors = new Map(await Promise.all(indices.map(async (index) => /** @type {[number, Map<string, StoredTensor>]} */ ([index, await fetchShard(shards[index], base, { ...fetching, signal: stop.signal, onBytes })]))));
    return new Map(wanted.map(({ name, constant }) => [name, readConstant(name, constant, /** @type {Map<string, StoredTensor>} */ (tensors.get(constant.shard)))]));
  } catch (error) {
    stop.abort();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Fetches a shard, checks its size and hash, and reads its header.
 * @param {Shard} shard
 * @param {URL} base address of model.json
 * @param {FetchOptions & { onBytes?: (count: number) => void }} options
 * @returns {Promise<Map<string, StoredTensor>>}
 */
export async function fetchShard({ file, bytes, sha256: wanted }, base, options) {
  const url = new URL(file, base);
  const what = `the shard ${file}`;
  const content = await fetchChecked(url, { ...options, what, bytes }, async (received) => {
    const got = await sha256(received);
    if (got !== wanted) throw new HashError(`${what} (${url.href}) has the sha256 ${got}, and model.json says ${wanted}: it is damaged, or of another conversion; copy the whole folder again`);
  });
  return readSafetensors(content, what);
}

/**
 * @param {string} name of the constant
 * @param {Constant} constant
 * @param {Map<string, StoredTensor>} shard
 * @returns {Source}
 * @throws {FormatError}
 */
export function readConstant(name, constant, shard) {
  const where = `the constant ${JSON.stringify(name)}`;
  const { dtype, shape, quantization } = constant;
  const stored = find(shard, constant.tensor, where);
  if (quantization?.scheme === "affine") return { bytes: dequantize(constant, quantization, stored, shard, where), storage: dtype, dtype, shape };
  const storage = constant.storage ?? dtype;
  const count = sizeOf(shape);
  if (stored.dtype !== storage.toUpperCase()) throw new FormatError(`${where} is stored as ${stored.dtype}; model.json says ${storage.toUpperCase()}`);
  const size = storedSize(storage);
  if (quantization) return { bytes: spread(stored, find(shard, quantization.mask, where), count, size, where), storage, dtype, shape };
  if (stored.bytes.length !== count * size) throw new FormatError(`${where} of the shape [${shape.join(", ")}] takes ${count * size} bytes; its tensor has ${stored.bytes.length}`);
  return { bytes: stored.bytes, storage, dtype, shape };
}

/**
 * @param {Map<string, StoredTensor>} shard
 * @param {string} tensor
 * @param {string} where
 * @returns {StoredTensor}
 */
function find(shard, tensor, where) {
  const stored = shard.get(tensor);
  if (!stored) throw new FormatError(`${where}: its tensor ${JSON.stringify(tensor)} is not in the shard`);
  return stored;
}

/**
 * Elements that a bit mask says are present; the others are 0.
 * @param {StoredTensor} present
 * @param {StoredTensor} mask
 * @param {number} count
 * @param {number} size bytes of an element
 * @param {string} where
 * @returns {Uint8Array}
 */
function spread(present, mask, count, size, where) {
  if (mask.dtype !== "U8" || mask.bytes.length !== Math.ceil(count / 8)) throw new FormatError(`${where}: its mask must be ${Math.ceil(count / 8)} bytes of U8; got ${mask.bytes.length} of ${mask.dtype}`);
  const result = new Uint8Array(count * size);
  let next = 0;
  for (let i = 0; i < count; i++) {
    if (!((mask.bytes[i >> 3] >> (i & 7)) & 1)) continue;
    result.set(present.bytes.subarray(next, next + size), i * size);
    next += size;
  }
  if (next !== present.bytes.length) throw new FormatError(`${where}: its mask has ${next / size} elements, its tensor ${present.bytes.length / size}`);
  return result;
}

/**
 * scale · (q − zero_point), in float32.
 * @param {Constant} constant
 * @param {AffineQuantization} quantization
 * @param {StoredTensor} stored
 * @param {Map<string, StoredTensor>} shard
 * @param {string} where
 * @returns {Uint8Array} of f32
 */
function dequantize({ shape }, { bits, signed, axis, scale, zero_point: zeroPoint, block }, stored, shard, where) {
  const count = sizeOf(shape);
  const needed = Math.ceil((count * bits) / 8);
  if (stored.bytes.length !== needed) throw new FormatError(`${where}: ${count} values of ${bits} bits take ${needed} bytes; its tensor has ${stored.bytes.length}`);
  const scales = numbers(find(shard, scale, where), where);
  const zeros = zeroPoint === undefined ? null : numbers(find(shard, zeroPoint, where), where);
  const inner = axis === null ? 1 : sizeOf(shape.slice(axis + 1));
  const length = axis === null ? 1 : shape[axis];
  const groups = Math.ceil(length / (block ?? 1));
  // With blocks, there is a scale for each run along the axis and each place on the other axes.
  const wanted = axis === null ? 1 : block === undefined ? length : (count / Math.max(1, length)) * groups;
  for (const [kind, list] of /** @type {[string, number[] | null][]} */ ([["scale", scales], ["zero_point", zeros]])) {
    if (list && list.length !== wanted) throw new FormatError(`${where}: its ${kind} has ${list.length} values; wanted ${wanted}`);
  }
  const values = new Float32Array(count);
  const { bytes } = stored;
  for (let i = 0; i < count; i++) {
    let q = bits === 4 ? (bytes[i >> 1] >> (4 * (i & 1))) & 15 : bits === 8 ? bytes[i] : bytes[2 * i] | (bytes[2 * i + 1] << 8);
    if (signed && q >= 2 ** (bits - 1)) q -= 2 ** bits;
    let at = 0;
    if (axis !== null) {
      const place = Math.floor(i / inner) % length;
      at = block === undefined ? place : (Math.floor(i / (inner * length)) * groups + Math.floor(place / block)) * inner + (i % inner);
    }
    values[i] = Math.fround(scales[at]) * (q - (zeros ? zeros[at] : 0));
  }
  return new Uint8Array(values.buffer);
}

/**
 * @param {StoredTensor} tensor
 * @param {string} where
 * @returns {number[]}
 */
export function numbers({ dtype, bytes }, where) {
  const { buffer } = bytes.slice();
  switch (dtype) {
    case "F32": return Array.from(new Float32Array(buffer));
    case "F64": return Array.from(new Float64Array(buffer));
    case "F16": return Array.from(new Uint16Array(buffer), halfToNumber);
    case "I64": return Array.from(new BigInt64Array(buffer), Number);
    case "U64": return Array.from(new BigUint64Array(buffer), Number);
    case "I32": return Array.from(new Int32Array(buffer));
    case "U32": return Array.from(new Uint32Array(buffer));
    case "I16": return Array.from(new Int16Array(buffer));
    case "U16": return Array.from(new Uint16Array(buffer));
    case "I8": return Array.from(new Int8Array(buffer));
    case "U8":
    case "BOOL": return Array.from(new Uint8Array(buffer));
    default: throw new FormatError(`${where}: a tensor of ${dtype} holds no numbers that are read`);
  }
}
