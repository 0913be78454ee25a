/** A worker that answers calls. */

import { FetchError, restoreError, WebkilnError } from "./errors.js";
import { importNode, isNode, request } from "./fetching.js";

/** @typedef {{ id: number, method: string, args: unknown[] }} Call */
/** @typedef {{ id: number, result?: unknown, error?: { kind: string, message: string }, progress?: unknown, now?: any }} Answer `now`: what each call may change */
/** @typedef {{ post: (message: Call, transfer: Transferable[]) => void, terminate: () => void, listen: (onAnswer: (answer: Answer) => void, onFailure: (error: Error) => void) => void }} Channel */

/**
 * Calls into a worker, and their answers.
 * @template Now
 */
export class Connection {
  /** @type {Map<number, { resolve: (result: unknown) => void, reject: (error: unknown) => void, onProgress?: (progress: any) => void }>} */
  #pending = new Map();
  #next = 0;
  /** @type {unknown} why it was closed */
  #closed;

  /**
   * @param {Channel} channel
   * @param {URL} address of the worker's script
   * @param {Now} now before anything is answered
   */
  constructor(channel, address, now) {
    this.channel = channel;
    this.now = now;
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
      (error) => this.close(new FetchError(`the worker (${address.href}) failed: ${error.message || "its script did not load; it lies next to webkiln.min.js, or where the option workerUrl says, and a content security policy must allow it in worker-src"}`)),
    );
  }

  /**
   * @param {string} method
   * @param {unknown[]} args
   * @param {(progress: any) => void} [onProgress]
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
  close(reason = new WebkilnError("this was disposed; load it again")) {
    if (this.#closed) return;
    this.#closed = reason;
    this.channel.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
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
 * @param {URL} address
 * @param {WorkerType} type
 * @param {AbortSignal} [signal]
 * @param {string} [name] of the worker
 * @returns {Promise<Channel>}
 */
export async function openChannel(address, type, signal, name) {
  if (isNode) return openThread(address);
  if (typeof Worker === "undefined") throw new WebkilnError("this environment has no workers; load without { worker: true }");
  const isSameOrigin = address.protocol === "blob:" || address.origin === globalThis.location?.origin;
  const source = isSameOrigin ? address.href : await blobAddress(address, signal);
  const worker = new Worker(source, { type, name });
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
