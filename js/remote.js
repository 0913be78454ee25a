/** The main thread's side of `{ worker: true }`: the same model, computed in a worker. */

import { workerAddress, workerType } from "./assets.js";
import { Queue } from "./backends/mixed/queue.js";
import { absoluteLocation } from "./backends/wasm/module.js";
import { heldHere } from "./device_tensor.js";
import { FetchError, restoreError, WebkilnError } from "./errors.js";
import { importNode, isNode, request, resolveAddress } from "./fetching.js";
import { renamed } from "./input_names.js";
import { withPictures } from "./pictures/sources.js";

/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./dtypes.js").TypedArray} TypedArray */
/** @typedef {import("./load.js").LoadOptions} LoadOptions */
/** @typedef {import("./model.js").ArgumentInfo} ArgumentInfo */
/** @typedef {import("./model.js").PlanInfo} PlanInfo */
/** @typedef {{ name: string, inputs: ArgumentInfo[], innerNames: import("./input_names.js").InnerNames, outputs: ArgumentInfo[], signature: string, processing: unknown, provenance: Record<string, unknown> }} ModelInfo what is known of a model without asking it */
/** @typedef {{ id: number, method: string, args: unknown[] }} Call */
/** @typedef {{ id: number, result?: unknown, error?: { kind: string, message: string }, progress?: import("./fetching.js").Progress, now?: Now | null }} Answer */
/** @typedef {{ plan: PlanInfo | null, backend: string, build: import("./model.js").Build, backendReason: string }} Now what each call may change */
/** @typedef {{ post: (message: Call, transfer: Transferable[]) => void, terminate: () => void, listen: (onAnswer: (answer: Answer) => void, onFailure: (error: Error) => void) => void }} Channel */


/**
 * @param {string | URL} url
 * @param {LoadOptions} options
 * @returns {Promise<RemoteModel>}
 */
export async function loadRemote(url, { onProgress, signal, fetch, worker: _, workerUrl, wasm, ...options }) {
  if (fetch) throw new WebkilnError("the option fetch is a function and cannot go into a worker; load without { worker: true }, or without fetch");
  const address = await resolveAddress(workerUrl ?? workerAddress);
  const connection = new Connection(await openChannel(address, workerUrl === undefined ? workerType : "classic", signal), address);
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

/** Calls into the worker, and their answers. */
class Connection {
  /** @type {Map<number, { resolve: (result: unknown) => void, reject: (error: unknown) => void, onProgress?: (progress: import("./fetching.js").Progress) => void }>} */
  #pending = new Map();
  #next = 0;
  /** @type {unknown} why it was closed */
  #closed;
  /** @type {Now} */
  now = { plan: null, backend: "", build: "plain", backendReason: "" };

  /**
   * @param {Channel} channel
   * @param {URL} address of the worker's script
   */
  constructor(channel, address) {
    this.channel = channel;
    channel.listen(
      ({ id, result, error, progress, now }) => {
        const call = this.#pending.get(id);
        if (!call) return;
        if (progress) return call.onProgress?.(progress);
        this.#pending.delete(id);
        if (now) this.now = now;
        if (error) call.reject(restoreError(error));
        else call.resolve(result);
      },
      (error) => this.close(new FetchError(`the worker (${address.href}) failed: ${error.message || "its script did not load; webkiln.worker.min.js lies next to the script, or where the option workerUrl says, and a content security policy must allow it in worker-src"}`)),
    );
  }

  /**
   * @param {string} method
   * @param {unknown[]} args
   * @param {(progress: import("./fetching.js").Progress) => void} [onProgress]
   * @returns {Promise<unknown>}
   */
  call(method, args, onProgress) {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
      try {
        this.channel.post({ id, method, args }, transferable(args[0]));
      } catch (error) {
        // What cannot be cloned is no input: a function, a DOM element.
        this.#pending.delete(id);
        reject(new WebkilnError(`this cannot be sent to the worker: ${/** @type {Error} */ (error).message}`, { cause: error }));
      }
    });
  }

  /** @param {unknown} [reason] */
  close(reason = new WebkilnError("the model was disposed; load it again")) {
    if (this.#closed) return;
    this.#closed = reason;
    this.channel.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

/** A model in a worker: what `Model` has, with `reset` a promise too. */
export class RemoteModel {
  /** @type {Connection} */
  #connection;
  /** @type {ModelInfo} */
  #info;
  #queue = new Queue();

  /**
   * @param {ModelInfo} info
   * @param {Connection} connection
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
 * The bitmaps that were made to be sent.
 * @param {unknown} inputs
 * @returns {ImageBitmap[]}
 */
function transferable(inputs) {
  return typeof inputs === "object" && inputs ? Object.values(inputs).flatMap((value) => (value?.close === true ? [value.picture] : [])) : [];
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

/**
 * @param {URL} address
 * @param {WorkerType} type
 * @param {AbortSignal} [signal]
 * @returns {Promise<Channel>}
 */
async function openChannel(address, type, signal) {
  if (isNode) return openThread(address);
  if (typeof Worker === "undefined") throw new WebkilnError("this environment has no workers; load without { worker: true }");
  const isSameOrigin = address.protocol === "blob:" || address.origin === globalThis.location?.origin;
  const source = isSameOrigin ? address.href : await blobAddress(address, signal);
  const worker = new Worker(source, { type });
  if (source !== address.href) URL.revokeObjectURL(source);
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => worker.terminate(),
    listen(onAnswer, onFailure) {
      worker.onmessage = ({ data }) => onAnswer(data);
      worker.onerror = (event) => {
        event.preventDefault();
        onFailure(new Error(event.message));
      };
    },
  };
}

/**
 * A worker's script must be of the page's origin; one from elsewhere is fetched.
 * @param {URL} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>}
 */
async function blobAddress(address, signal) {
  const response = await request(address, { what: "the worker's script", signal });
  return URL.createObjectURL(new Blob([await response.text()], { type: "text/javascript" }));
}

/**
 * @param {URL} address
 * @returns {Promise<Channel>}
 */
async function openThread(address) {
  const { Worker: Thread } = await importNode("worker_threads");
  const thread = new Thread(address);
  return {
    post: (message) => thread.postMessage(message),
    terminate: () => void thread.terminate(),
    listen(onAnswer, onFailure) {
      thread.on("message", onAnswer);
      thread.on("error", onFailure);
      thread.on("exit", (/** @type {number} */ code) => onFailure(new Error(`it ended with the exit code ${code}`)));
    },
  };
}
