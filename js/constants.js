/** Constants of a model: from shards, checked, and out of their quantized form. */

import { sizeOf } from "./dtypes.js";
import { FormatError, HashError } from "./errors.js";
import { fetchChecked } from "./fetching.js";
import { halfToNumber } from "./half.js";
import { affineValues, sparseFill } from "./packed.js";
import { readSafetensors } from "./safetensors.js";
import { sha256 } from "./sha256.js";
import { storedSize } from "./stored.js";

/** @typedef {import("./format.js").ModelDescription} ModelDescription */
/** @typedef {import("./format.js").Constant} Constant */
/** @typedef {import("./format.js").Shard} Shard */
/** @typedef {import("./format.js").AffineQuantization} AffineQuantization */
/** @typedef {import("./fetching.js").FetchOptions} FetchOptions */
/** @typedef {import("./packed.js").Mask} Mask */
/** @typedef {import("./stored.js").Fill} Fill */
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
  const count = sizeOf(shape);
  const part = (/** @type {string} */ tensorName) => find(shard, tensorName, where);
  const present = quantization?.mask === undefined ? null : maskOf(part(quantization.mask), count, where);
  if (quantization?.scheme === "affine") return { bytes: stored.bytes, storage: dtype, dtype, shape, fill: affineFill(constant, quantization, stored, present, part, where) };
  const storage = constant.storage ?? dtype;
  if (stored.dtype !== storage.toUpperCase()) throw new FormatError(`${where} is stored as ${stored.dtype}; model.json says ${storage.toUpperCase()}`);
  const bytes = (present ? present.count : count) * storedSize(storage);
  if (stored.bytes.length !== bytes) throw new FormatError(`${where} of the shape [${shape.join(", ")}]${present ? `, whose mask has ${present.count} elements,` : ""} takes ${bytes} bytes; its tensor has ${stored.bytes.length}`);
  const source = { bytes: stored.bytes, storage, dtype, shape };
  return present ? { ...source, storage: dtype, fill: sparseFill(source, present) } : source;
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
 * A bit mask, checked, and how many elements are present.
 * @param {StoredTensor} tensor
 * @param {number} count
 * @param {string} where
 * @returns {Mask}
 */
function maskOf({ dtype, bytes }, count, where) {
  if (dtype !== "U8" || bytes.length !== Math.ceil(count / 8)) throw new FormatError(`${where}: its mask must be ${Math.ceil(count / 8)} bytes of U8; got ${bytes.length} of ${dtype}`);
  let present = 0;
  for (let i = 0; i < count; i++) present += (bytes[i >> 3] >> (i & 7)) & 1;
  return { bytes, count: present };
}

/**
 * Checks the parts of a constant in integers and gives the function that turns them into floats.
 * @param {Constant} constant
 * @param {AffineQuantization} quantization
 * @param {StoredTensor} stored
 * @param {Mask | null} mask
 * @param {(tensor: string) => StoredTensor} part
 * @param {string} where
 * @returns {Fill}
 */
function affineFill({ shape }, { bits, signed, axis, scale, zero_point: zeroPoint, block }, stored, mask, part, where) {
  const count = sizeOf(shape);
  const present = mask ? mask.count : count;
  const needed = Math.ceil((present * bits) / 8);
  if (stored.bytes.length !== needed) throw new FormatError(`${where}: ${present} values of ${bits} bits take ${needed} bytes; its tensor has ${stored.bytes.length}`);
  const scales = numbers(part(scale), where);
  const zeros = zeroPoint === undefined ? null : numbers(part(zeroPoint), where);
  const length = axis === null ? 1 : shape[axis];
  const inner = axis === null ? count : sizeOf(shape.slice(axis + 1));
  // With blocks, there is a scale for each run along the axis and each place on the other axes.
  const wanted = axis === null ? 1 : block === undefined ? length : (count / Math.max(1, length)) * Math.ceil(length / block);
  for (const [kind, list] of /** @type {[string, number[] | null][]} */ ([["scale", scales], ["zero_point", zeros]])) {
    if (list && list.length !== wanted) throw new FormatError(`${where}: its ${kind} has ${list.length} values; wanted ${wanted}`);
  }
  return affineValues({ packed: stored.bytes, bits, signed, mask: mask?.bytes ?? null, scales: Float32Array.from(scales), zeros, count, length, inner, block });
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
