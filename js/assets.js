/** Where the runtime's own files are. The bundles use assets_bundled.js, where they lie next to the script. */

/** @type {{ plain: string, relaxed: string }} */
export const wasmAddresses = {
  plain: new URL("../dist/webkiln-plain.wasm", import.meta.url).href,
  relaxed: new URL("../dist/webkiln-relaxed.wasm", import.meta.url).href,
};

export const workerAddress = new URL("./worker.js", import.meta.url).href;
/** @type {WorkerType} */
export const workerType = "module";
