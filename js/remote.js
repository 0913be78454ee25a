/** The main thread's side of `{ worker: true }`: the same model, computed in a worker. */

import { workerAddress, workerType } from "./assets.js";
import { Queue } from "./backends/mixed/queue.js";
import { absoluteLocation } from "./backends/wasm/module.js";
import { Connection, openChannel } from "./connection.js";
import { heldHere } from "./device_tensor.js";
import { WebkilnError } from "./errors.js";
import { resolveAddress } from "./fetching.js";
import { renamed } from "./input_names.js";
import { withPictures } from "./pictures/sources.js";

/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./dtypes.js").TypedArray} TypedArray */
/** @typedef {import("./load.js").LoadOptions} LoadOptions */
/** @typedef {import("./model.js").ArgumentInfo} ArgumentInfo */
/** @typedef {import("./model.js").PlanInfo} PlanInfo */
/** @typedef {{ name: string, inputs: ArgumentInfo[], innerNames: import("./input_names.js").InnerNames, outputs: ArgumentInfo[], signature: string, processing: unknown, provenance: Record<string, unknown> }} ModelInfo what is known of a model without asking it */
/** @typedef {{ plan: PlanInfo | null, backend: string, build: import("./model.js").Build, backendReason: string }} Now what each call may change */

/** @type {Now} */
const NOTHING_YET = { plan: null, backend: "", build: "plain", backendReason: "" };

/**
 * @param {string | URL} url
 * @param {LoadOptions} options
 * @returns {Promise<RemoteModel>}
 */
export async function loadRemote(url, { onProgress, signal, fetch, worker: _, workerUrl, wasm, ...options }) {
  const isFunction = fetch ? "fetch" : typeof options.outputs === "function" ? "outputs" : "";
  if (isFunction) throw new WebkilnError(`the option ${isFunction} is a function and cannot go into a worker; load without { worker: true }, or without ${isFunction}`);
  const address = await resolveAddress(workerUrl ?? workerAddress);
  const connection = new Connection(await openChannel(address, workerUrl === undefined ? workerType : "classic", signal), address, NOTHING_YET);
  const onAbort = () => connection.close(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const base = await resolveAddress(url);
    const info = /** @type {ModelInfo} */ (await connection.call("load", [base.href, { ...options, wasm: await absoluteLocation(wasm) }], onProgress));
    return new RemoteModel(info, connection);
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A model in a worker: what `Model` has, with `reset` a promise too. */
export class RemoteModel {
  /** @type {Connection<Now>} */
  #connection;
  /** @type {ModelInfo} */
  #info;
  #queue = new Queue();

  /**
   * @param {ModelInfo} info
   * @param {Connection<Now>} connection
   */
  constructor(info, connection) {
    this.#info = info;
    this.#connection = connection;
  }

  /** The model's name. */
  get name() {
    return this.#info.name;
  }

  /** The inputs of the signature. */
  get inputs() {
    return structuredClone(this.#info.inputs);
  }

  /** The outputs of the signature. */
  get outputs() {
    return structuredClone(this.#info.outputs);
  }

  /** The name of the signature that was loaded. */
  get signature() {
    return this.#info.signature;
  }

  /** The backend that runs the model. */
  get backend() {
    return this.#connection.now.backend;
  }

  /** Why that backend runs the model: "webgl: 4.1 ms against 9.8 ms (wasm)". */
  get backendReason() {
    return this.#connection.now.backendReason;
  }

  /** The build of the WASM module, or "webgl". */
  get build() {
    return this.#connection.now.build;
  }

  /** Typed pre- and post-processing, as model.json has it. */
  get processing() {
    return this.#info.processing;
  }

  /** Where the model comes from: source, licence, attribution. */
  get provenance() {
    return this.#info.provenance;
  }

  /** How the latest run was planned, and what memory it takes. */
  get plan() {
    return this.#connection.now.plan;
  }

  /**
   * Runs the model. Calls run one after another; inputs are copied at the call.
   * @overload
   * @param {Record<string, InputValue>} inputs by name
   * @param {{ on?: "host" }} [options]
   * @returns {Promise<Record<string, Tensor>>} outputs by name, each with its `shape`
   */
  /**
   * Runs the model. Results come out of the worker in any case.
   * @overload
   * @param {Record<string, InputValue>} inputs by name
   * @param {{ on: "device" }} options
   * @returns {Promise<Record<string, import("./device_tensor.js").DeviceTensor>>} outputs by name
   */
  /**
   * @param {Record<string, InputValue>} inputs
   * @param {{ on?: "host" | "device" }} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async run(inputs, { on } = {}) {
    const results = await this.#taking(inputs, async (taken) => fromEntries(await this.#connection.call("run", [taken])));
    return on === "device" ? heldHere(results, this.#info.outputs) : results;
  }

  /**
   * Every value of the graph, computed operator by operator.
   * @param {Record<string, InputValue>} inputs by name
   * @returns {Promise<Record<string, Tensor>>}
   */
  async trace(inputs) {
    return this.#taking(inputs, async (taken) => fromEntries(await this.#connection.call("trace", [taken])));
  }

  /**
   * @param {Record<string, InputValue>} [inputs]
   * @returns {Promise<void>}
   */
  async warmup(inputs) {
    await this.#taking(inputs, (taken) => this.#connection.call("warmup", [taken]));
  }

  /**
   * @param {Record<string, InputValue>} [inputs]
   * @param {{ runs?: number }} [options]
   * @returns {Promise<import("./model.js").Profile>}
   */
  async profile(inputs, options) {
    return this.#taking(inputs, async (taken) => /** @type {import("./model.js").Profile} */ (await this.#connection.call("profile", [taken, options])));
  }

  /**
   * @template T
   * @param {any} inputs
   * @param {(inputs: any) => Promise<T>} task with inputs that can be sent
   * @returns {Promise<T>}
   */
  #taking(inputs, task) {
    return withPictures(this.#queue, renamed(inputs, this.#info.innerNames), this.processing, (taken) => task(sendable(taken)), true);
  }

  /** @returns {Promise<import("./verify.js").Verification>} */
  async verify() {
    return /** @type {import("./verify.js").Verification} */ (await this.#connection.call("verify", []));
  }

  /** Forgets the state. @returns {Promise<void>} */
  async reset() {
    await this.#connection.call("reset", []);
  }

  /** Ends the worker. Any further use is an error. */
  dispose() {
    this.#connection.close();
  }
}

/**
 * Results of earlier runs carry their shape as a property, which copying between threads loses.
 * @param {Record<string, InputValue>} inputs
 * @returns {Record<string, InputValue>}
 */
function sendable(inputs) {
  if (typeof inputs !== "object" || inputs === null || ArrayBuffer.isView(inputs) || Array.isArray(inputs)) return inputs;
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, ArrayBuffer.isView(value) && "shape" in value ? { data: value, shape: /** @type {Tensor} */ (value).shape } : value]));
}

/**
 * @param {unknown} entries
 * @returns {Record<string, Tensor>}
 */
function fromEntries(entries) {
  /** @type {Record<string, Tensor>} */
  const results = Object.create(null);
  for (const { name, data, shape } of /** @type {{ name: string, data: TypedArray, shape: number[] }[]} */ (entries)) results[name] = Object.assign(data, { shape });
  return results;
}
