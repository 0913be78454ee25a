/** A task's models in a worker, seen from the page. */

import { absoluteLocation } from "../backends/wasm/module.js";
import { Connection, openChannel } from "../connection.js";
import { resolveAddress } from "../fetching.js";
import { runtimeScript, wasmFiles, workerScript } from "./runtime.js";
import { WORKER_NAME } from "./worker.js";

/** @typedef {import("./task.js").Host} Host */

/**
 * @param {string} name of the task
 * @param {any} options complete
 * @param {{ runtime?: string, workerUrl?: string, onProgress?: (progress: import("./engine.js").Progress) => void, signal?: AbortSignal }} where
 * @returns {Promise<Host>}
 */
export async function openWorker(name, options, { runtime = runtimeScript, workerUrl, onProgress, signal }) {
  const address = await resolveAddress(workerUrl ?? workerScript.address);
  const channel = await openChannel(address, workerUrl === undefined ? workerScript.type : "classic", signal, WORKER_NAME);
  const connection = /** @type {Connection<Record<string, string>>} */ (new Connection(channel, address, {}));
  const onAbort = () => connection.close(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  /** @type {Host["lines"]} */
  let lines;
  try {
    signal?.throwIfAborted();
    const told = { ...options, models: await absoluteModels(options.models), wasm: await absoluteLocation(options.wasm ?? wasmFiles) };
    lines = /** @type {Host["lines"]} */ (await connection.call("open", [{ name, options: told, runtime: runtime && (await resolveAddress(runtime)).href }], onProgress));
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return {
    get backends() {
      return connection.now;
    },
    lines,
    async detect(picture, timestamp) {
      try {
        return await connection.call("detect", [{ frame: { picture, close: "close" in picture } }, timestamp]);
      } finally {
        if ("close" in picture) picture.close(); // it is still here where it was not sent
      }
    },
    reset: async () => void (await connection.call("reset", [])),
    dispose: () => connection.close(),
  };
}

/**
 * @param {string | Record<string, string>} models
 * @returns {Promise<string | Record<string, string>>} addresses that mean the same in a worker
 */
async function absoluteModels(models) {
  if (typeof models === "string") return (await resolveAddress(models.replace(/\/?$/, "/"))).href;
  return Object.fromEntries(await Promise.all(Object.entries(models).map(async ([role, address]) => [role, (await resolveAddress(address)).href])));
}
