/** Making a task. */

import { NoWebglError } from "../errors.js";
import { Engine, completeOptions } from "./engine.js";
import { KINDS } from "./kinds.js";
import { loadRuntime, wasmFiles } from "./runtime.js";
import { Task } from "./task.js";
import { openWorker } from "./worker_host.js";

/**
 * What every task takes.
 * @typedef {object} TaskOptions
 * @property {string | URL | Record<string, string | URL>} models the folder in which the gallery's models lie under their names, or the address of each model.json by its role
 * @property {"auto" | "wasm" | "webgl"} [backend]
 * @property {boolean} [worker] false: on this thread; where there are workers they are the default
 * @property {boolean | Partial<import("./smoothing.js").Smoothing>} [smoothing] of points in films; on by default
 * @property {(progress: import("./engine.js").Progress) => void} [onProgress]
 * @property {AbortSignal} [signal] stops loading
 * @property {string} [cache] name of a Cache Storage cache in which the files are kept; off by default
 * @property {boolean} [relaxed] false: always the plain build, with the same bits everywhere
 * @property {import("../backends/wasm/module.js").WasmLocation} [wasm] where the .wasm files are
 * @property {string} [runtime] where webkiln.min.js is, when it is not next to the script
 * @property {string} [workerUrl] where webkiln.tasks.min.js is for the worker, when it is not the script itself
 * @property {Record<string, BufferSource>} [files] in place of a network: the bytes of each file by its address
 */

/**
 * @template T
 * @param {string} name of `KINDS`
 * @param {any} options
 * @param {new (host: import("./task.js").Host) => T} [Type]
 * @returns {Promise<T>}
 */
export async function openTask(name, { worker = typeof Worker === "function" && typeof document === "object", runtime, workerUrl, onProgress, signal, ...options } = /** @type {any} */ ({}), Type = /** @type {any} */ (Task)) {
  const complete = completeOptions(name, KINDS[name], options);
  signal?.throwIfAborted();
  try {
    if (worker) return new Type(await openWorker(name, complete, { runtime, workerUrl, onProgress, signal }));
  } catch (error) {
    if (!(error instanceof NoWebglError)) throw error; // this thread may have what workers lack
  }
  const { wasm = wasmFiles } = complete;
  return new Type(await Engine.open(KINDS[name], { ...complete, wasm }, await loadRuntime(runtime), { onProgress, signal }));
}
