/** Reading and writing safetensors files. */

import { FormatError } from "./errors.js";

/** @typedef {{ dtype: string, shape: number[], bytes: Uint8Array }} StoredTensor `dtype` as safetensors writes it: "F32" */

const MAXIMUM_HEADER = 16 * 1024 * 1024;
const MAXIMUM_RANK = 8;
const MAXIMUM_SIZE = 2 ** 31 - 1;

/** @type {ReadonlyMap<string, number>} bytes of an element */
export const STORED_SIZES = new Map([
  ["F64", 8], ["F32", 4], ["F16", 2], ["I64", 8], ["I32", 4], ["I16", 2], ["I8", 1],
  ["U64", 8], ["U32", 4], ["U16", 2], ["U8", 1], ["BOOL", 1],
]);

/**
 * @param {Uint8Array} file
 * @param {string} label what to call the file in an error
 * @returns {Map<string, StoredTensor>} the bytes are windows into `file`
 * @throws {FormatError}
 */
export function readSafetensors(file, label) {
  /** @type {(what: string) => never} */
  const fail = (what) => {
    throw new FormatError(`${label} is no whole safetensors file: ${what}`);
  };
  if (file.length < 8) fail(`it has ${file.length} bytes, the length of the header alone takes 8`);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const headerLength = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (headerLength > MAXIMUM_HEADER) fail(`its header claims ${headerLength} bytes; at most ${MAXIMUM_HEADER} are read`);
  if (headerLength > file.length - 8) fail(`its header claims ${headerLength} bytes and the file has ${file.length}`);
  /** @type {unknown} */
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, 8 + headerLength)));
  } catch (error) {
    fail(`its header is no JSON (${/** @type {Error} */ (error).message})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) fail("its header is no JSON object");

  const data = file.subarray(8 + headerLength);
  /** @type {Map<string, StoredTensor>} */
  const tensors = new Map();
  /** @type {[number, number, string][]} */
  const ranges = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = Object(entry);
    const what = `tensor ${JSON.stringify(name)}`;
    const size = typeof dtype === "string" ? STORED_SIZES.get(dtype) : undefined;
    if (size === undefined) fail(`${what} has the dtype ${JSON.stringify(dtype)}; known are ${[...STORED_SIZES.keys()].join(" ")}`);
    if (!Array.isArray(shape) || shape.length > MAXIMUM_RANK || !shape.every(isSize)) fail(`${what} has the shape ${JSON.stringify(shape)}; expected are at most ${MAXIMUM_RANK} integers`);
    const count = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    if (!isSize(count)) fail(`${what} claims ${count} elements; at most ${MAXIMUM_SIZE} are read`);
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0)) fail(`${what} has the data_offsets ${JSON.stringify(offsets)}`);
    const [begin, end] = offsets;
    if (begin > end || end > data.length) fail(`${what} claims the bytes ${begin} to ${end} of ${data.length}`);
    if (end - begin !== count * size) fail(`${what} of ${count} ${dtype} takes ${count * size} bytes and claims ${end - begin}`);
    tensors.set(name, { dtype, shape, bytes: data.subarray(begin, end) });
    if (end > begin) ranges.push([begin, end, name]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < ranges.length; i++) {
    if (ranges[i][0] < ranges[i - 1][1]) fail(`the tensors ${JSON.stringify(ranges[i - 1][2])} and ${JSON.stringify(ranges[i][2])} overlap`);
  }
  return tensors;
}

/** @param {unknown} value */
function isSize(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MAXIMUM_SIZE;
}

/**
 * @param {Iterable<[string, StoredTensor]>} tensors in the order in which they are written
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function writeSafetensors(tensors) {
  const entries = [...tensors];
  let end = 0;
  // Object.fromEntries defines own properties, so that a tensor may be called __proto__.
  const header = Object.fromEntries(
    entries.map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data_offsets: [end, (end += bytes.length)] }]),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end);
  file.fill(32, 8, 8 + headerLength);
  new DataView(file.buffer).setUint32(0, headerLength, true);
  file.set(text, 8);
  let offset = 8 + headerLength;
  for (const [, { bytes }] of entries) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}
