/** Where the runtime's own files are: next to the script. */

// A classic script knows its address only while it is evaluated; in a module `currentScript` is null.
const script = typeof document === "undefined" ? null : document.currentScript;
const classic = script && "src" in script && script.src ? script.src : globalThis.location?.href;

// Written out in full, since bundlers recognize `new URL("…", import.meta.url)` and then ship the file.
/** @type {{ plain: string, relaxed: string }} */
export const wasmAddresses = import.meta.url
  ? { plain: new URL("./webkiln-plain.wasm", import.meta.url).href, relaxed: new URL("./webkiln-relaxed.wasm", import.meta.url).href }
  : { plain: beside("webkiln-plain.wasm"), relaxed: beside("webkiln-relaxed.wasm") };

export const workerAddress = import.meta.url ? new URL("./webkiln.worker.min.js", import.meta.url).href : beside("webkiln.worker.min.js");
/** @type {WorkerType} */
export const workerType = "classic";

/** @param {string} file */
function beside(file) {
  try {
    return new URL(file, classic).href;
  } catch {
    return file; // a blob's or about:blank's script has no neighbours; `wasm` and `workerUrl` say where they are
  }
}
