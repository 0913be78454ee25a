/** What a Python `Session` drives, inside a page or Node: methods with JSON arguments; arrays travel as safetensors over HTTP. */

import { numbers } from "./constants.js";
import { describeError, WebkilnError } from "./errors.js";
import { numberToHalf } from "./half.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {typeof import("./index.js")} Runtime */
/** @typedef {import("./model.js").Model | import("./remote.js").RemoteModel} AnyModel */
/** @typedef {import("./safetensors.js").StoredTensor} StoredTensor */
/** @typedef {{ [method: string]: (args: any) => Promise<any> }} Session */

/** @type {Record<string, { stored: string, pack: (values: ArrayLike<number>) => { buffer: ArrayBufferLike } }>} */
const PACKINGS = {
  float32: { stored: "F32", pack: (values) => Float32Array.from(values) },
  float64: { stored: "F64", pack: (values) => Float64Array.from(values) },
  float16: { stored: "F16", pack: (values) => Uint16Array.from(values, numberToHalf) },
  int64: { stored: "I64", pack: (values) => BigInt64Array.from(Array.from(values, BigInt)) },
  int32: { stored: "I32", pack: (values) => Int32Array.from(values) },
  int16: { stored: "I16", pack: (values) => Int16Array.from(values) },
  int8: { stored: "I8", pack: (values) => Int8Array.from(values) },
  uint64: { stored: "U64", pack: (values) => BigUint64Array.from(Array.from(values, BigInt)) },
  uint32: { stored: "U32", pack: (values) => Uint32Array.from(values) },
  uint16: { stored: "U16", pack: (values) => Uint16Array.from(values) },
  uint8: { stored: "U8", pack: (values) => Uint8Array.from(values) },
  bool: { stored: "BOOL", pack: (values) => Uint8Array.from(values) },
  complex64: { stored: "F32", pack: (values) => Float32Array.from(values) },
  complex128: { stored: "F32", pack: (values) => Float32Array.from(values) },
};

/**
 * @param {{ webkiln: Runtime }} runtime the runtime to drive: source modules or a bundle
 * @returns {Session} one that answers `{ error: { kind, message } }` instead of throwing
 */
export function createSession({ webkiln }) {
  /** @type {Map<number, AnyModel>} */
  const models = new Map();
  let next = 0;

  const find = (/** @type {number} */ id) => {
    const model = models.get(id);
    if (!model) throw new WebkilnError(`the session has no model ${id}`);
    return model;
  };
  const inProcess = (/** @type {number} */ id) => {
    const model = find(id);
    if (!("_snapshot" in model)) throw new WebkilnError("a model in a worker has no snapshot; load it without { worker: true }");
    return model;
  };

  /** @type {Session} */
  const methods = {
    async load({ url, options = {} }) {
      const model = await webkiln.load(url, options);
      const id = next++;
      models.set(id, model);
      return { id, backend: model.backend, build: model.build, plan: model.plan, reason: model.backendReason };
    },
    async run({ id, inputs, outputs }) {
      const model = find(id);
      const arrays = await fetchInputs(inputs);
      const begin = performance.now();
      const results = await model.run(arrays);
      const milliseconds = performance.now() - begin;
      await send(outputs, model.outputs.map(({ name, dtype }) => pack(name, results[name], dtype)));
      return { milliseconds };
    },
    async trace({ id, inputs, outputs }) {
      const begin = performance.now();
      const values = await find(id).trace(await fetchInputs(inputs));
      const milliseconds = performance.now() - begin;
      await send(outputs, Object.entries(values).map(([name, tensor]) => pack(name, tensor, sourceDtypeOf(tensor))));
      return { milliseconds };
    },
    async bench({ id, inputs, warmup = 3, runs = 20, seconds = 10 }) {
      const model = find(id);
      const arrays = await fetchInputs(inputs);
      for (let i = 0; i < warmup; i++) await model.run(arrays);
      /** @type {number[]} */
      const samples = [];
      const started = performance.now();
      while (samples.length < runs && (samples.length === 0 || performance.now() - started < seconds * 1000)) {
        const begin = performance.now();
        await model.run(arrays);
        samples.push(performance.now() - begin);
      }
      return { samples };
    },
    profile: async ({ id, inputs, runs }) => find(id).profile(inputs === undefined ? undefined : await fetchInputs(inputs), { runs }),
    verify: ({ id }) => find(id).verify(),
    async reset({ id }) {
      await find(id).reset();
      return {};
    },
    /** The memory before a run goes to `memory`; the commands and outputs are told. */
    async snapshot({ id, inputs, memory }) {
      const { memory: bytes, ...rest } = inProcess(id)._snapshot(await fetchInputs(inputs));
      await post(memory, bytes);
      return rest;
    },
    async dispose({ id }) {
      find(id).dispose();
      models.delete(id);
      return {};
    },
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      async (/** @type {any} */ args = {}) => {
        try {
          return jsonable(await method(args));
        } catch (error) {
          return { error: describeError(error) };
        }
      },
    ]),
  );
}

/**
 * JSON has no infinities and no NaN; the format writes them as words.
 * @param {unknown} value
 * @returns {unknown}
 */
function jsonable(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map(jsonable);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonable(item)]));
  return value;
}

/** @param {Tensor} tensor in a dtype inside; bool is u8 here */
function sourceDtypeOf(tensor) {
  if (tensor instanceof Float32Array) return "float32";
  if (tensor instanceof Int32Array) return "int32";
  return tensor instanceof Int8Array ? "int8" : "uint8";
}

/**
 * @param {string} name
 * @param {Tensor} tensor
 * @param {string} dtype the source's
 * @returns {[string, StoredTensor]}
 */
function pack(name, tensor, dtype) {
  const { stored, pack: packing } = PACKINGS[dtype];
  return [name, { dtype: stored, shape: tensor.shape, bytes: new Uint8Array(packing(tensor).buffer) }];
}

/**
 * @param {string} url of a safetensors file
 * @returns {Promise<Record<string, InputValue>>}
 */
async function fetchInputs(url) {
  const response = await fetch(url);
  if (!response.ok) throw new WebkilnError(`the session's inputs: ${url} answered ${response.status}`);
  const tensors = readSafetensors(new Uint8Array(await response.arrayBuffer()), "the inputs");
  return Object.fromEntries([...tensors].map(([name, tensor]) => [name, { data: unpack(name, tensor), shape: tensor.shape }]));
}

/**
 * @param {string} name
 * @param {StoredTensor} tensor
 * @returns {import("./dtypes.js").AnyArray | number[]}
 */
function unpack(name, tensor) {
  const { buffer } = tensor.bytes.slice();
  // 64-bit integers keep all their bits, so that one out of range is refused and not rounded.
  if (tensor.dtype === "I64") return new BigInt64Array(buffer);
  if (tensor.dtype === "U64") return new BigUint64Array(buffer);
  if (tensor.dtype === "F32") return new Float32Array(buffer);
  return numbers(tensor, `the input ${name}`);
}

/**
 * @param {string} url
 * @param {[string, StoredTensor][]} tensors
 */
function send(url, tensors) {
  return post(url, writeSafetensors(tensors));
}

/**
 * @param {string} url
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function post(url, bytes) {
  const response = await fetch(url, { method: "POST", body: bytes });
  if (!response.ok) throw new WebkilnError(`the session's outputs: ${url} answered ${response.status}`);
}
