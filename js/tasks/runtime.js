/** The runtime, which is loaded where the models run. The bundles use runtime_bundled.js, where it lies next to the script. */

/** @typedef {Pick<typeof import("../index.js"), "load">} Runtime */

/**
 * @param {string} [_address] of the runtime's script, for the bundles
 * @returns {Promise<Runtime>}
 */
export async function loadRuntime(_address) {
  return import("../index.js");
}

/** The runtime's script, for workers that do not know where they came from. @type {string | undefined} */
export const runtimeScript = undefined;

/** Of the script that a worker runs, and its type. */
export const workerScript = { address: new URL("./worker.js", import.meta.url).href, type: /** @type {WorkerType} */ ("module") };

/** Of the script that reads a microphone, in an AudioWorklet. */
export const processorScript = new URL("./samples_processor.js", import.meta.url).href;

/** Where the .wasm files are, when that is not said. */
export { wasmAddresses as wasmFiles } from "../assets.js";
