/**
 * Loads models that come over standard input with the WASM backend, runs those that load once, and says of each how that went.
 * Models and answers are as worker.py reads and writes them.
 */

import { readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { ADDRESS, fetchFrom, wasmFiles } from "../js/models.mjs";

const SLACK = 64e6; // bytes that the engine takes now and then
const LARGEST_RUN = 32e6; // bytes of intermediates: larger models are only loaded
const MODULE = 2e6; // bytes of the module's own stack and tables

/** @type {WebAssembly.Memory[]} those of the model at hand */
let memories = [];
WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor) {
    super(descriptor);
    memories.push(this);
  }
};
const { load, WebkilnError } = await import("../../js/index.js");
const wasm = await wasmFiles();

/** @param {number} length @returns {Buffer | null} */
function receive(length) {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSome(bytes, at);
    if (count === 0) return null;
    at += count;
  }
  return bytes;
}

/** @param {Buffer} bytes @param {number} at */
function readSome(bytes, at) {
  for (;;) {
    try {
      return readSync(0, bytes, at, bytes.length - at, null);
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const receiveLength = () => receive(4)?.readUInt32LE(0);

/** @returns {Map<string, Uint8Array> | null} the files of the next model */
function receiveFiles() {
  const count = receiveLength();
  if (count === undefined) return null;
  return new Map(Array.from({ length: count }, () => [String(receive(receiveLength())), new Uint8Array(receive(receiveLength()))]));
}

/** @param {Map<string, Uint8Array>} files */
async function attempt(files) {
  memories = [];
  writeFileSync("/proc/self/clear_refs", "5"); // the peak is counted from here
  const before = statusOf("VmRSS");
  const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const { needed, ...verdict } = await loadAndRun(files);
  const allowed = 4 * (size + needed);
  const grown = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  if (grown > allowed + MODULE) return { fault: `${grown} bytes of WASM memory for ${size} bytes of files and ${needed} of values: ${JSON.stringify(verdict)}` };
  const taken = statusOf("VmHWM") - before;
  if (taken > allowed + SLACK) return { fault: `${taken} bytes of memory for ${size} bytes of files and ${needed} of values: ${JSON.stringify(verdict)}` };
  return verdict;
}

/** @param {Map<string, Uint8Array>} files @returns {Promise<{ needed: number, read?: string, refused?: string, fault?: string }>} */
async function loadAndRun(files) {
  let model;
  let needed = 0;
  try {
    model = await load(ADDRESS, { backend: "wasm", fetch: fetchFrom(files), wasm, relaxed: false });
    needed = sizeOf(model.plan);
    // A loop may run for long, and grow what it carries, as it was told to.
    if (needed > LARGEST_RUN || hasLoop(files)) return { needed, read: "not run" };
    await model.warmup();
    needed = sizeOf(model.plan);
    return { needed, read: "" };
  } catch (error) {
    const message = String(error?.message);
    if (!(error instanceof WebkilnError) || message.includes("please report")) return { needed, fault: String(error?.stack) };
    if (message.length < 10 || message.length > 5000) return { needed, fault: `a message of ${message.length} characters: ${message.slice(0, 1000)}` };
    return { needed, refused: message.slice(0, 200) };
  } finally {
    model?.dispose();
  }
}

/** Bytes that Linux knows of this process: of memory, and at its peak. @param {"VmRSS" | "VmHWM"} key */
function statusOf(key) {
  return 1024 * Number(new RegExp(`^${key}:\\s*(\\d+)`, "m").exec(readFileSync("/proc/self/status", "latin1"))[1]);
}

/** @param {Map<string, Uint8Array>} files */
const hasLoop = (files) => new TextDecoder().decode(files.get("model.json")).includes('"while"');

/** Bytes of the values of a model at the sizes at which it was planned. */
const sizeOf = (plan) => (plan ? plan.intermediateBytes + plan.weightBytes : 0);

for (let files; (files = receiveFiles()); ) writeSync(1, `${JSON.stringify(await attempt(files))}\n`);
