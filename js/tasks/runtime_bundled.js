/** The runtime as a file next to the script: fetched where the models run, which is in a worker as a rule. */

// A classic script knows its address only while it is evaluated; in a module `currentScript` is null.
const script = typeof document === "undefined" ? null : document.currentScript;
const classic = script && "src" in script && script.src ? script.src : globalThis.location?.href;

// Written out in full, since bundlers recognize `new URL("…", import.meta.url)` and then ship the file.
export const runtimeScript = import.meta.url ? new URL("./webkiln.min.js", import.meta.url).href : beside("webkiln.min.js");
export const workerScript = { address: import.meta.url ? new URL("./webkiln.tasks.min.js", import.meta.url).href : beside("webkiln.tasks.min.js"), type: /** @type {WorkerType} */ ("classic") };
export const processorScript = workerScript.address;
export const wasmFiles = import.meta.url
  ? { plain: new URL("./webkiln-plain.wasm", import.meta.url).href, relaxed: new URL("./webkiln-relaxed.wasm", import.meta.url).href }
  : { plain: beside("webkiln-plain.wasm"), relaxed: beside("webkiln-relaxed.wasm") };

/** @param {string} file */
function beside(file) {
  try {
    return new URL(file, classic).href;
  } catch {
    return file; // a script inside of a page has no neighbours; the options say where they are
  }
}

/**
 * @param {string} [address] of webkiln.min.js
 * @returns {Promise<import("./runtime.js").Runtime>}
 */
export async function loadRuntime(address = runtimeScript) {
  const scope = /** @type {any} */ (globalThis);
  if (scope.webkiln?.load) return scope.webkiln;
  if (import.meta.url) return import(/** @type {string} */ ("./webkiln.min.mjs"));
  const before = scope.webkiln;
  if (typeof document === "object") await addScript(address);
  else scope.importScripts(address);
  scope.webkiln = { ...before, ...scope.webkiln };
  return scope.webkiln;
}

/** @param {string} address */
function addScript(address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`the runtime (${address}) could not be loaded; it lies next to webkiln.tasks.min.js, or where the option runtime says`));
    document.head.append(element);
  });
}
