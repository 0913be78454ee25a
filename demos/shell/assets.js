/** Where the demo's files are: beside the page, or, in a page that holds everything, inside of it. */

/** Of such a page. Nothing is ever asked of it: the files are given. */
const NOWHERE = "https://files.invalid/";

const blocks = [...document.querySelectorAll("script[data-file]")];

/** The files inside of the page, by their paths. @type {Map<string, Uint8Array<ArrayBuffer>>} */
const files = new Map(blocks.map((block) => [block.getAttribute("data-file") ?? "", decoded(block.textContent ?? "")]));

/** Whether the page holds everything. */
export const isSingle = files.size > 0;

/** The page as it came, before anything was added to it; only where it holds everything. */
export const ownSource = isSingle ? `<!doctype html>\n${document.documentElement.outerHTML}\n` : "";

/** @param {string} text base64 */
function decoded(text) {
  return Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
}

/**
 * @param {string} path beside the page
 * @returns {Promise<Blob>}
 */
export async function readAsset(path) {
  const inside = files.get(path);
  if (inside) return new Blob([inside]);
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is missing beside this page (${response.status})`);
  return response.blob();
}

/** What tasks have to be told to find models and runtime: nothing but `models` where they lie beside the page. */
export function taskOptions() {
  if (!isSingle) return { models: "models/" };
  const wasm = Object.fromEntries(["plain", "relaxed"].map((build) => [build, files.get(`runtime/webkiln-${build}.wasm`)]));
  const runtime = workerAddress();
  return { models: `${NOWHERE}models/`, files: Object.fromEntries([...files].filter(([path]) => path.startsWith("models/"))), wasm, runtime, workerUrl: runtime };
}

/** @type {string | undefined} */
let worker;

/** The runtime's scripts of this page as one for a worker. */
function workerAddress() {
  const scripts = [...document.querySelectorAll("script[data-worker]")].map((script) => script.textContent ?? "");
  return (worker ??= URL.createObjectURL(new Blob(scripts.flatMap((script) => [script, "\n"]), { type: "text/javascript" })));
}
