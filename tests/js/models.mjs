/** Small models written by hand, in memory, and a `fetch` that serves them. */

import { createHash } from "node:crypto";
import { writeSafetensors } from "../../js/safetensors.js";

const STORED = { f32: ["F32", Float32Array], i32: ["I32", Int32Array], u8: ["U8", Uint8Array], i8: ["I8", Int8Array], bool: ["BOOL", Uint8Array] };
const SOURCE = { f32: "float32", i32: "int32", u8: "uint8", i8: "int8", bool: "bool" };

/** A stored tensor of numbers. */
export function stored(dtype, shape, values) {
  const [name, Type] = STORED[dtype];
  return { dtype: name, shape, bytes: new Uint8Array(Type.from(values).buffer) };
}

/**
 * The files of a model.
 * @param {{
 *   inputs: Record<string, { dtype?: string, shape: (number | string)[] }>,
 *   constants?: Record<string, { dtype?: string, shape: number[], values: number[] }>,
 *   nodes: [op: string, inputs: string[], output: string, attributes?: object][],
 *   outputs: Record<string, { dtype?: string, shape: (number | string)[] }>,
 *   symbols?: object, state?: object[], more?: object }} parts
 * @returns {Map<string, Uint8Array | string>} by file name
 */
export function modelFiles({ inputs, constants = {}, nodes, outputs, symbols = {}, state = [], more = {} }) {
  const shard = writeSafetensors(Object.entries(constants).map(([name, { dtype = "f32", shape, values }]) => [name, stored(dtype, shape, values)]));
  const argument = ([name, { dtype = "f32", shape, source }]) => ({ name, value: name, dtype: source ?? SOURCE[dtype], shape });
  const json = {
    format: "webkiln",
    version: 1,
    requires: state.length ? ["state"] : [],
    producer: "tests",
    name: "tested",
    symbols,
    signatures: [{ name: "main", inputs: Object.entries(inputs).map(argument), outputs: Object.entries(outputs).map(argument) }],
    constants: Object.fromEntries(Object.entries(constants).map(([name, { dtype = "f32", shape }]) => [name, { dtype, shape, shard: 0, tensor: name }])),
    nodes: nodes.map(([op, from, output, attributes = {}]) => ({ op, inputs: from, outputs: [output], attributes })),
    state,
    processing: { inputs: {}, outputs: {} },
    shards: [{ file: "weights-00000.safetensors", bytes: shard.length, sha256: sha256Of(shard), role: "weights" }],
    provenance: {},
    ...more,
  };
  return new Map([["model.json", JSON.stringify(json)], ["weights-00000.safetensors", shard]]);
}

/** @param {Uint8Array} bytes */
export function sha256Of(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * A fetch that answers with some files, and the real one for the rest.
 * @param {Map<string, Uint8Array | string>} files
 */
export function fetchFrom(files) {
  const log = [];
  const fetchFile = async (address, options) => {
    options?.signal?.throwIfAborted();
    const name = new URL(address).pathname.split("/").at(-1);
    log.push(name);
    const content = files.get(name);
    return content === undefined ? new Response("no such file", { status: 404, statusText: "Not Found" }) : new Response(content);
  };
  return Object.assign(fetchFile, { log });
}

export const ADDRESS = "http://models.test/tested/model.json";

/** The built modules, read from disk, for loads with a fetch of their own. */
export async function wasmFiles() {
  const { readFile } = await import("node:fs/promises");
  const dist = new URL("../../dist/", import.meta.url);
  return { plain: await readFile(new URL("webkiln-plain.wasm", dist)), relaxed: await readFile(new URL("webkiln-relaxed.wasm", dist)) };
}

/**
 * Loads a model written by hand.
 * @param {Parameters<typeof modelFiles>[0] | Map<string, Uint8Array | string>} parts
 * @param {import("../../js/load.js").LoadOptions} [options]
 */
export async function loadModel(parts, options = {}) {
  const { load } = await import("../../js/index.js");
  const files = parts instanceof Map ? parts : modelFiles(parts);
  return load(ADDRESS, { fetch: fetchFrom(files), wasm: await wasmFiles(), relaxed: false, ...options });
}

/** Pseudo-random numbers that are the same every time. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, integer: (low, high) => low + Math.floor(next() * (high - low)), pick: (list) => list[Math.floor(next() * list.length)] };
}
