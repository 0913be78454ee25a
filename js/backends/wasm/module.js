/** Finding, choosing and compiling the WASM module. */

import { wasmAddresses } from "../../assets.js";
import { FetchError, WebkilnError } from "../../errors.js";
import { diagnose, fetchBytes, isNode, request, resolveAddress } from "../../fetching.js";

/** @typedef {"plain" | "relaxed"} Build */
/** @typedef {string | URL | ArrayBuffer | Uint8Array} WasmFile */
/** @typedef {string | URL | { plain?: WasmFile, relaxed?: WasmFile }} WasmLocation a folder's address, or each file */

/** A module with one function of one relaxed instruction. */
const RELAXED_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, // magic, version
  1, 5, 1, 96, 0, 1, 123, // type 0: () → v128
  3, 2, 1, 0, // function 0 of type 0
  10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11, // relaxed_swizzle(splat 1, splat 2)
];

/** @type {boolean | undefined} */
let relaxedSupport;

/** Whether this engine has relaxed SIMD. */
export function hasRelaxedSimd() {
  relaxedSupport ??= WebAssembly.validate(new Uint8Array(RELAXED_PROBE));
  return relaxedSupport;
}

/** @type {Map<string, Promise<WebAssembly.Module>>} compiled once a page */
const compiled = new Map();

/**
 * @param {{ wasm?: WasmLocation, relaxed?: boolean, fetch?: typeof globalThis.fetch, signal?: AbortSignal }} options
 * @returns {Promise<{ module: WebAssembly.Module, build: Build }>}
 * @throws {WebkilnError} says where the file was sought and what was found
 */
export async function loadModule({ wasm, relaxed = true, fetch, signal }) {
  if (typeof WebAssembly !== "object") throw new WebkilnError("this browser has no WebAssembly, or the page's content security policy forbids it (allow 'wasm-unsafe-eval' in script-src)");
  /** @type {Build} */
  const build = relaxed && hasRelaxedSimd() && !(isFiles(wasm) && wasm.relaxed === undefined) ? "relaxed" : "plain";
  const file = await locate(wasm, build);
  if (!(file instanceof URL)) return { module: await compile(file, `the ${build} build given as bytes`), build };

  // What a custom fetch answers is that caller's own.
  const key = fetch ? null : file.href;
  const shared = key === null ? undefined : compiled.get(key);
  // Another load may have started this compilation; when it fails or is aborted there, it is tried again here.
  if (shared) return shared.then((module) => ({ module, build }), () => loadModule({ wasm, relaxed, fetch, signal }));
  const promise = compileFrom(file, { fetch, signal });
  if (key !== null) {
    compiled.set(key, promise);
    promise.catch(() => compiled.delete(key));
  }
  return { module: await promise, build };
}

/**
 * @param {WasmLocation | undefined} wasm
 * @returns {wasm is { plain?: WasmFile, relaxed?: WasmFile }}
 */
function isFiles(wasm) {
  return typeof wasm === "object" && !(wasm instanceof URL);
}

/**
 * Locations with absolute addresses, so that a worker finds the same files.
 * @param {WasmLocation | undefined} wasm
 * @returns {Promise<{ plain?: string | ArrayBuffer | Uint8Array, relaxed?: string | ArrayBuffer | Uint8Array }>}
 */
export async function absoluteLocation(wasm) {
  /** @type {{ plain?: string | ArrayBuffer | Uint8Array, relaxed?: string | ArrayBuffer | Uint8Array }} */
  const result = {};
  for (const build of /** @type {Build[]} */ (["plain", "relaxed"])) {
    if (isFiles(wasm) && wasm[build] === undefined) continue;
    const file = await locate(wasm, build);
    result[build] = file instanceof URL ? file.href : file;
  }
  return result;
}

/**
 * @param {WasmLocation | undefined} wasm
 * @param {Build} build
 * @returns {Promise<URL | ArrayBuffer | Uint8Array>}
 */
async function locate(wasm, build) {
  if (wasm === undefined) return resolveAddress(wasmAddresses[build]);
  if (isFiles(wasm)) {
    const file = wasm[build];
    if (file === undefined) throw new WebkilnError(`the option wasm gives no ${build} build; give { plain, relaxed }, each an address, ArrayBuffer or Uint8Array`);
    return typeof file === "string" || file instanceof URL ? resolveAddress(file) : file;
  }
  const folder = await resolveAddress(wasm);
  return new URL(`webkiln-${build}.wasm`, folder.href.endsWith("/") ? folder : `${folder.href}/`);
}

/**
 * @param {URL} url
 * @param {{ fetch?: typeof globalThis.fetch, signal?: AbortSignal }} options
 * @returns {Promise<WebAssembly.Module>}
 */
async function compileFrom(url, { fetch, signal }) {
  const what = "the WASM module";
  try {
    if (url.protocol === "file:" && isNode && !fetch) return await compile(await fetchBytes(url, { what, signal }), url.href);
    const response = await request(url, { what, fetch, signal });
    const mime = response.headers.get("content-type")?.split(";")[0].trim();
    if (mime === "application/wasm" && WebAssembly.compileStreaming) return await WebAssembly.compileStreaming(response).catch((error) => refuse(error, url.href));
    // A server that does not know .wasm: the bytes are good all the same.
    const bytes = new Uint8Array(await response.arrayBuffer());
    diagnose(bytes, url, what);
    return await compile(bytes, url.href);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FetchError) {
      throw new FetchError(`${error.message} (webkiln-plain.wasm and webkiln-relaxed.wasm lie next to the script, or where the option wasm says)`, { cause: error });
    }
    throw error;
  }
}

/**
 * @param {ArrayBuffer | Uint8Array} bytes
 * @param {string} where
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(bytes, where) {
  const start = new Uint8Array(ArrayBuffer.isView(bytes) ? bytes.buffer : bytes, ArrayBuffer.isView(bytes) ? bytes.byteOffset : 0, Math.min(4, bytes.byteLength));
  if (start.join() !== "0,97,115,109") throw new FetchError(`the WASM module (${where}) is no WebAssembly: it starts with the bytes [${[...start].join(", ")}]`);
  return WebAssembly.compile(/** @type {BufferSource} */ (bytes)).catch((error) => refuse(error, where));
}

/** @type {(error: unknown, where: string) => never} */
function refuse(error, where) {
  throw new WebkilnError(`the WASM module (${where}) does not compile here: ${/** @type {Error} */ (error).message}; browsers need WebAssembly SIMD, and a page with a content security policy 'wasm-unsafe-eval' in script-src`, { cause: error });
}
