/** Getting files: over the network or from disk, with progress, abort, a cache, and a name for what is not what it should be. */

import { FetchError, FormatError, WebkilnError } from "./errors.js";

/** @typedef {{ loaded: number, total: number, stage: string }} Progress bytes, and what is being done */
/**
 * @typedef {object} FetchOptions
 * @property {typeof globalThis.fetch} [fetch] instead of the global one
 * @property {AbortSignal} [signal]
 * @property {string} [cache] name of a Cache Storage cache
 */

/**
 * A module of Node's own. Its name is put together at run time, so that no bundler looks for it.
 * @param {string} name
 * @returns {Promise<any>}
 */
export function importNode(name) {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ `${process.release.name}:${name}`);
}

export const isNode = typeof process === "object" && Boolean(process?.versions?.node) && typeof document === "undefined";

/**
 * An absolute address: of a URL, or in Node of a path.
 * @param {string | URL} address
 * @returns {Promise<URL>}
 */
export async function resolveAddress(address) {
  if (address instanceof URL) return address;
  const isWindowsPath = /^[a-zA-Z]:[\\/]/.test(address);
  const isAbsolute = !isWindowsPath && /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(address);
  if (isNode && !isAbsolute) {
    const { pathToFileURL } = await importNode("url");
    return pathToFileURL(address);
  }
  try {
    return new URL(address, isAbsolute ? undefined : (globalThis.document?.baseURI ?? globalThis.location?.href));
  } catch (error) {
    throw new WebkilnError(`${JSON.stringify(address)} is no address; wanted an absolute URL, or one relative to the page`, { cause: error });
  }
}

/**
 * A promise that gives up as soon as the signal is aborted, whatever the work behind it still does.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<T>}
 */
export function untilAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * Reads a whole file.
 * @param {URL} url
 * @param {FetchOptions & { what: string, bytes?: number, onBytes?: (count: number) => void }} options `what` names the file in errors; `bytes` is the size that it must have
 * @returns {Promise<Uint8Array>}
 * @throws {FetchError | FormatError | DOMException}
 */
export async function fetchBytes(url, options) {
  options.signal?.throwIfAborted();
  const bytes = url.protocol === "file:" && !options.fetch && isNode ? await readFile(url, options) : await download(url, options);
  diagnose(bytes, url, options.what);
  if (options.bytes !== undefined && bytes.length !== options.bytes) {
    throw new FormatError(`${options.what} (${url.href}) has ${bytes.length} bytes and model.json says ${options.bytes}: it is truncated, or of another conversion; copy the whole folder again`);
  }
  return bytes;
}

/**
 * @param {URL} url
 * @param {{ what: string, signal?: AbortSignal, onBytes?: (count: number) => void }} options
 * @returns {Promise<Uint8Array>}
 */
async function readFile(url, { what, signal, onBytes }) {
  const { readFile: read } = await importNode("fs/promises");
  try {
    const buffer = await read(url, { signal });
    // A plain array: the `slice` of Node's Buffer makes no copy.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    onBytes?.(bytes.length);
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw new FetchError(`${what} cannot be read from ${url.href}: ${/** @type {Error} */ (error).message}`, { cause: error });
  }
}

/**
 * @param {URL} url
 * @param {FetchOptions & { what: string, bytes?: number, onBytes?: (count: number) => void }} options
 * @returns {Promise<Uint8Array>}
 */
async function download(url, { what, fetch = globalThis.fetch, signal, bytes: expected, onBytes }) {
  const response = await request(url, { what, fetch, signal });
  if (!response.body) {
    const bytes = new Uint8Array(await response.arrayBuffer());
    onBytes?.(bytes.length);
    return bytes;
  }
  const reader = response.body.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let length = 0;
  const next = async () => {
    try {
      return (await reader.read()).value;
    } catch (error) {
      signal?.throwIfAborted();
      throw new FetchError(`${what} broke off after ${length} bytes (${url.href}): ${/** @type {Error} */ (error).message}`, { cause: error });
    }
  };
  for (let chunk; (chunk = await next()); ) {
    signal?.throwIfAborted();
    chunks.push(chunk);
    length += chunk.length;
    onBytes?.(chunk.length);
    // A file that goes on for ever is given up as soon as it is too long.
    if (expected !== undefined && length > expected) {
      await reader.cancel();
      diagnose(chunks[0], url, what);
      throw new FormatError(`${what} (${url.href}) has more than the ${expected} bytes that model.json says: it is of another conversion; copy the whole folder again`);
    }
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * @param {URL} url
 * @param {{ what: string, fetch?: typeof globalThis.fetch, signal?: AbortSignal }} options
 * @returns {Promise<Response>} with a status of success
 */
export async function request(url, { what, fetch = globalThis.fetch, signal }) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url.href, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const hint = url.protocol === "file:" ? "pages opened from disk may not fetch: serve the folder, for example with `webkiln serve`" : "is the server up, and does it allow this page's origin (CORS)?";
    throw new FetchError(`${what} cannot be fetched from ${url.href}: ${/** @type {Error} */ (error).message}; ${hint}`, { cause: error });
  }
  if (!response.ok) throw new FetchError(`${what} cannot be fetched: ${url.href} answered ${response.status} ${response.statusText}`.trimEnd() + (response.status === 404 ? "; is the address right, and was the file copied to the server?" : ""));
  return response;
}

/**
 * Names what is often answered instead of the file.
 * @param {Uint8Array} bytes
 * @param {URL} url
 * @param {string} what
 */
export function diagnose(bytes, url, what) {
  const start = new TextDecoder().decode(bytes.subarray(0, 200)).trimStart().toLowerCase();
  if (start.startsWith("<!doctype") || start.startsWith("<html")) {
    throw new FetchError(`${what}: ${url.href} answered an HTML page; the file is not there and the server answers a page instead: check the address, and that the file is deployed`);
  }
  if (start.startsWith("version https://git-lfs")) {
    throw new FetchError(`${what}: ${url.href} is a Git LFS pointer, not the file; run \`git lfs pull\` before deploying`);
  }
}

/**
 * A file that is kept in Cache Storage, where the browser has it. What is kept is checked like what is fetched.
 * @param {URL} url
 * @param {Parameters<typeof fetchBytes>[1]} options
 * @param {(bytes: Uint8Array) => Promise<void>} check throws when the bytes are wrong
 * @returns {Promise<Uint8Array>}
 */
export async function fetchChecked(url, options, check) {
  const cache = await openCache(options.cache);
  const kept = await cache?.match(url.href);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    const isRight = await check(bytes).then(() => true, () => false);
    if (isRight) {
      options.onBytes?.(bytes.length);
      return bytes;
    }
    await cache?.delete(url.href);
  }
  const bytes = await fetchBytes(url, options);
  await check(bytes);
  await keep(cache, url, bytes);
  return bytes;
}

/**
 * The newest model.json; the kept one when there is no network.
 * @param {URL} url
 * @param {FetchOptions} options
 * @returns {Promise<unknown>}
 */
export async function fetchJson(url, options) {
  const what = "model.json";
  const cache = await openCache(options.cache);
  /** @type {Uint8Array} */
  let bytes;
  try {
    bytes = await fetchBytes(url, { ...options, what });
  } catch (error) {
    const kept = error instanceof FetchError ? await cache?.match(url.href) : undefined;
    if (!kept) throw error;
    bytes = new Uint8Array(await kept.arrayBuffer());
  }
  try {
    const json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    await keep(cache, url, bytes);
    return json;
  } catch (error) {
    throw new FormatError(`${what} (${url.href}) is no JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {string | undefined} name
 * @returns {Promise<Cache | undefined>}
 */
export async function openCache(name) {
  // Cache Storage is missing on plain-http pages and in Node, and may be refused: the model loads all the same.
  return name === undefined ? undefined : globalThis.caches?.open(name).catch(() => undefined);
}

/**
 * @param {Cache | undefined} cache
 * @param {URL} url
 * @param {Uint8Array | string} content
 */
export async function keep(cache, url, content) {
  await cache?.put(url.href, new Response(/** @type {BodyInit} */ (content))).catch(() => undefined);
}
