/** Loading a model. */

import { loadModule } from "./backends/wasm/module.js";
import { chooseModel } from "./backends/choice.js";
import { readyContext } from "./backends/webgl/index.js";
import { loadSources } from "./constants.js";
import { NoWebglError, WebkilnError } from "./errors.js";
import { fetchJson, resolveAddress, untilAborted } from "./fetching.js";
import { readModel } from "./format.js";
import { liveGraph } from "./graph.js";
import { chooseSignature, Model } from "./model.js";
import { loadRemote } from "./remote.js";

/**
 * @typedef {object} LoadOptions
 * @property {"auto" | "wasm" | "webgl"} [backend] "auto", the one that runs this model faster here, by default; `backendReason` of the model says why
 * @property {(progress: import("./fetching.js").Progress) => void} [onProgress] bytes loaded and in all; stage "model", "weights", "programs" (which are counted then) or "ready"
 * @property {AbortSignal} [signal] stops loading
 * @property {typeof globalThis.fetch} [fetch] instead of the global one
 * @property {string} [cache] name of a Cache Storage cache in which the files are kept; off by default
 * @property {import("./backends/wasm/module.js").WasmLocation} [wasm] where the .wasm files are: a folder's address, or { plain, relaxed }, each an address, ArrayBuffer or Uint8Array
 * @property {boolean} [relaxed] false: always the plain build, with the same bits everywhere
 * @property {boolean} [worker] true: in a worker; the backend "webgl" on this thread, as a `Model`, where workers have no WebGL2
 * @property {string} [workerUrl] where webkiln.worker.min.js is, when it is not next to the script
 * @property {string} [signature] its name; the first one by default
 * @property {readonly string[] | ((processing: unknown) => readonly string[])} [outputs] names of those that are wanted, or (not in a worker) what says them from the model's `processing`; what only others need is neither fetched nor computed
 */

const OPTIONS = new Set(["backend", "onProgress", "signal", "fetch", "cache", "wasm", "relaxed", "worker", "workerUrl", "signature", "outputs"]);
const BACKENDS = ["auto", "wasm", "webgl"];

/**
 * Loads a model in the Webkiln format.
 * @overload
 * @param {string | URL} url of model.json; in Node also a path
 * @param {LoadOptions & { worker: true, backend?: "auto" | "wasm" }} options
 * @returns {Promise<import("./remote.js").RemoteModel>}
 */
/**
 * Loads a model in the Webkiln format.
 * @overload
 * @param {string | URL} url of model.json; in Node also a path
 * @param {LoadOptions & { worker?: false }} [options]
 * @returns {Promise<Model>}
 */
/**
 * Loads a model in the Webkiln format.
 * @overload
 * @param {string | URL} url of model.json; in Node also a path
 * @param {LoadOptions} [options]
 * @returns {Promise<Model | import("./remote.js").RemoteModel>}
 */
/**
 * @param {string | URL} url
 * @param {LoadOptions} [options]
 * @returns {Promise<Model | import("./remote.js").RemoteModel>}
 */
export async function load(url, options = {}) {
  if (typeof options !== "object" || options === null) throw new WebkilnError(`load wants its options as an object, got ${String(options)}`);
  if (typeof url !== "string" && !(url instanceof URL)) throw new WebkilnError(`load wants the address of model.json, got ${url === null ? "null" : typeof url}`);
  const unknown = Object.keys(options).filter((key) => !OPTIONS.has(key));
  if (unknown.length) throw new WebkilnError(`load does not know the option ${unknown.join(", ")}; it knows ${[...OPTIONS].join(", ")}`);
  const { backend = "auto", signal } = options;
  if (!BACKENDS.includes(backend)) throw new WebkilnError(`the backend ${JSON.stringify(backend)} is unknown; this version has ${BACKENDS.map((name) => JSON.stringify(name)).join(", ")}`);
  signal?.throwIfAborted();
  return untilAborted(options.worker ? loadAway(url, options) : loadHere(url, options), signal);
}

/**
 * In a worker; on this thread what is asked of WebGL by name, where workers have none.
 * @param {string | URL} url
 * @param {LoadOptions} options
 * @returns {Promise<Model | import("./remote.js").RemoteModel>}
 */
async function loadAway(url, options) {
  try {
    return await loadRemote(url, options);
  } catch (error) {
    if (!(error instanceof NoWebglError)) throw error;
    return loadHere(url, options, "asked for, and on the main thread, since workers have no WebGL2 here");
  }
}

/**
 * @param {string | URL} url
 * @param {LoadOptions} options
 * @param {string} [reason] for a backend that is asked for by name
 * @returns {Promise<Model>}
 */
async function loadHere(url, { backend = "auto", onProgress, signal, fetch, cache, wasm, relaxed, signature, outputs }, reason = "asked for") {
  const base = await resolveAddress(url);
  onProgress?.({ loaded: 0, total: 0, stage: "model" });
  const compiling = backend === "webgl" ? Promise.resolve(null) : loadModule({ wasm, relaxed, fetch, signal });
  compiling.catch(() => undefined); // its error is met below; the model's own is told first
  const device = backend === "wasm" ? null : readyContext();
  device?.catch(() => undefined);
  const description = readModel(await fetchJson(base, { fetch, cache, signal }));
  const chosen = chooseSignature(description, signature, typeof outputs === "function" ? outputs(description.processing) : outputs);
  const live = liveGraph(description, chosen);
  const parts = { description, signature: chosen, live, base, fetching: { fetch, cache }, wasm, relaxed, isFree: false };
  const sources = await loadSources(parts, live.needed, { signal, onProgress });
  const compiled = await compiling;
  const start = async (/** @type {"wasm" | "webgl"} */ name) => {
    signal?.throwIfAborted();
    const model = new Model(parts, name === "wasm" ? compiled : null, new Map(sources));
    try {
      await model._start((loaded, total) => {
        signal?.throwIfAborted();
        onProgress?.({ loaded, total, stage: "programs" });
      });
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  };
  /** @type {Model} */
  let model;
  if (backend === "auto") {
    model = await chooseModel(parts, start);
    parts.isFree = true;
  } else {
    await device?.catch(() => readyContext()); // it may have been lost at once
    model = await start(backend);
    model.backendReason = `${backend}: ${reason}`;
  }
  if (signal?.aborted) model.dispose();
  signal?.throwIfAborted();
  const total = description.shards.reduce((sum, { bytes, role }) => sum + (role === "weights" ? bytes : 0), 0);
  onProgress?.({ loaded: total, total, stage: "ready" });
  return model;
}
