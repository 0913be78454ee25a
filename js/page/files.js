/** Where model and runtime are: beside the page, or, in a single file, inside of it as base64. */

const INSIDE = "https://inside.invalid/";

const pathOf = (/** @type {"model" | "reference" | "sample"} */ what) => document.documentElement.dataset[what];

/** @returns {HTMLScriptElement | null} */
const held = (/** @type {string} */ path) => document.querySelector(`script[data-file="${CSS.escape(path)}"]`);

/** Whether the page holds its files itself. */
export function isSingleFile() {
  return document.querySelector("script[data-file]") !== null;
}

/**
 * @param {string} path
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
function bytesInside(path) {
  const text = held(path)?.textContent;
  return text == null ? null : Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
}

/** Answers from inside of the page; there is no network behind it. @type {typeof globalThis.fetch} */
const fetchInside = async (address) => {
  const path = decodeURIComponent(String(address).slice(INSIDE.length));
  const bytes = bytesInside(path);
  return bytes ? new Response(bytes) : new Response(null, { status: 404, statusText: `${path} is not in this page` });
};

/** @param {string} path */
async function request(path) {
  const answer = isSingleFile() ? await fetchInside(INSIDE + path) : await fetch(path).catch((error) => {
    const hint = location.protocol === "file:" ? "a page that is opened from disk may not read the files beside it: serve the folder, for example with `webkiln serve`" : "is the server up?";
    throw new Error(`${path} could not be loaded (${error.message}): ${hint}`);
  });
  if (!answer.ok) throw new Error(`${path} could not be loaded (status ${answer.status})`);
  return answer;
}

/** model.json, as it is. @returns {Promise<any>} */
export async function readDescription() {
  return (await request(/** @type {string} */ (pathOf("model")))).json();
}

/** What each operator gave in the reference; null where it was not written. @returns {Promise<any>} */
export async function readReference() {
  const path = pathOf("reference");
  return path ? (await request(path)).json() : null;
}

/** The sample input that came with the model; null where there is none. @returns {Promise<Blob | null>} */
export async function readSample() {
  const path = pathOf("sample");
  return path ? (await request(path)).blob() : null;
}

/**
 * @param {"auto" | "wasm" | "webgl"} backend
 * @param {string} signature its name
 * @param {(progress: { loaded: number, total: number }) => void} [onProgress]
 * @returns {Promise<any>} a model of the runtime
 */
export async function loadModel(backend, signature, onProgress) {
  const { webkiln } = /** @type {any} */ (globalThis);
  if (!webkiln) throw new Error("the runtime did not load: webkiln.min.js has to be in the folder runtime, next to this page");
  const path = pathOf("model");
  if (!isSingleFile()) return webkiln.load(path, { backend, signature, onProgress, worker: typeof Worker === "function" });
  const wasm = { plain: bytesInside("webkiln-plain.wasm"), relaxed: bytesInside("webkiln-relaxed.wasm") };
  return webkiln.load(INSIDE + path, { backend, signature, onProgress, wasm, fetch: fetchInside });
}
