/** A task where its models are: in a worker, or on this thread. */

import { InputError } from "../errors.js";
import { Frame } from "./frames.js";
import { Network } from "./network.js";
import { DEFAULT_SMOOTHING } from "./smoothing.js";
import { Sound } from "./sounds.js";

/** @typedef {import("./frames.js").Pixels} Pixels */
/** @typedef {import("./network.js").NetworkSpec} NetworkSpec */
/** @typedef {import("./smoothing.js").Smoothing} Smoothing */
/** @typedef {{ detect: (frame: any, timestamp: number | null) => Promise<Record<string, any>>, reset: () => void }} Pipeline */
/**
 * What tells one task from another.
 * @typedef {object} Kind
 * @property {string} [counted] the option that says how many things are looked for: "numPeople"
 * @property {Record<string, unknown>} options of its own, with their defaults
 * @property {(options: any) => Record<string, NetworkSpec>} networks by their role
 * @property {(networks: any, options: any) => Pipeline} create
 */
/** @typedef {{ loaded: number, total: number, stage: string }} Progress */
/**
 * @typedef {object} EngineOptions what a worker can be told
 * @property {string | URL | Record<string, string | URL>} models the folder in which the gallery's models lie under their names, or the address of each model.json by its role
 * @property {"auto" | "wasm" | "webgl"} [backend]
 * @property {boolean | Partial<Smoothing>} [smoothing]
 * @property {string} [cache]
 * @property {boolean} [relaxed]
 * @property {import("../backends/wasm/module.js").WasmLocation} [wasm]
 * @property {Record<string, BufferSource>} [files] in place of a network: the bytes of each file by its address
 */

const COMMON = ["models", "backend", "smoothing", "cache", "relaxed", "wasm", "files"];

/**
 * @param {string} name of the task
 * @param {Kind} kind
 * @param {any} options
 * @returns {any} with their defaults
 * @throws {InputError}
 */
export function completeOptions(name, kind, options) {
  const known = [...COMMON, ...Object.keys(kind.options), ...(kind.counted ? [kind.counted] : [])];
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length) throw new InputError(`${name} does not know the option ${unknown.join(", ")}; it knows ${known.join(", ")}, worker, runtime, workerUrl, onProgress, signal`);
  const { smoothing = true } = options;
  const models = spelledOut(options.models);
  if (typeof models !== "string" && !(typeof models === "object" && models)) throw new InputError(`${name} wants the option models: the address of the folder with its models (each in a folder of its gallery name), or { ${Object.keys(kind.networks(kind.options)).join(", ")} } with the address of each model.json; got ${String(models)}`);
  const most = kind.counted ? (options[kind.counted] ?? kind.options[kind.counted] ?? 1) : 1;
  if (!Number.isInteger(most) || most < 1) throw new InputError(`${kind.counted} is how many are looked for, a whole number from 1; got ${String(most)}`);
  return { ...kind.options, ...options, models, most, smoothing: smoothing && { ...DEFAULT_SMOOTHING, ...smoothing } };
}

/** @param {any} models */
function spelledOut(models) {
  if (models instanceof URL) return models.href;
  return typeof models === "object" && models ? Object.fromEntries(Object.entries(models).map(([role, address]) => [role, address instanceof URL ? address.href : address])) : models;
}

/**
 * @param {any} options complete
 * @param {string} role
 * @param {NetworkSpec} spec
 * @returns {string} address of its model.json
 */
function addressOf({ models }, role, { model }) {
  if (typeof models === "string") return `${models.replace(/\/?$/, "/")}${model}/model.json`;
  if (typeof models[role] !== "string") throw new InputError(`models has no ${role}: the address of its model.json is wanted; it has ${Object.keys(models).join(", ") || "nothing"}`);
  return models[role];
}

/**
 * @param {Record<string, BufferSource>} files
 * @returns {typeof globalThis.fetch}
 */
function fetchFrom(files) {
  return async (address) => {
    const found = Object.entries(files).find(([path]) => `/${address}`.endsWith(`/${path}`));
    return found ? new Response(/** @type {BodyInit} */ (found[1])) : new Response(null, { status: 404, statusText: "it is not among the files" });
  };
}

export class Engine {
  /** @type {Pipeline} */
  #pipeline;
  /** @type {Record<string, import("../model.js").Model>} */
  #models;
  /** @type {Record<string, number>} milliseconds of each role in the frame at hand */
  #times = {};

  /**
   * @param {Kind} kind
   * @param {any} options complete
   * @param {Record<string, import("../model.js").Model>} models by role
   */
  constructor(kind, options, models) {
    this.#models = models;
    const specs = kind.networks(options);
    const timed = Object.entries(specs).map(([role, spec]) => [role, this.#timed(role, new Network(models[role], spec))]);
    this.#pipeline = kind.create(Object.fromEntries(timed), options);
  }

  /**
   * @param {Kind} kind
   * @param {any} options complete
   * @param {import("./runtime.js").Runtime} runtime
   * @param {{ onProgress?: (progress: Progress) => void, signal?: AbortSignal }} [watching]
   * @returns {Promise<Engine>}
   */
  static async open(kind, options, runtime, { onProgress, signal } = {}) {
    const specs = Object.entries(/** @type {Record<string, NetworkSpec>} */ (kind.networks(options)));
    const { backend, cache, relaxed, wasm, files } = options;
    const fetch = files && fetchFrom(files);
    /** @type {Map<string, Progress>} */
    const states = new Map();
    const told = (/** @type {string} */ role) => (/** @type {Progress} */ progress) => {
      states.set(role, progress);
      const all = [...states.values()];
      const sum = (/** @type {"loaded" | "total"} */ key) => all.reduce((total, state) => total + state[key], 0);
      onProgress?.({ loaded: sum("loaded"), total: sum("total"), stage: all.every(({ stage }) => stage === "ready") && all.length === specs.length ? "ready" : progress.stage });
    };
    /** @type {Record<string, import("../model.js").Model>} */
    const models = {};
    const loading = specs.map(async ([role, spec]) => {
      const outputs = (/** @type {unknown} */ processing) => spec.partsOf(processing).outputs;
      const model = await runtime.load(addressOf(options, role, spec), { backend, cache, relaxed, wasm, fetch, signal, outputs, onProgress: told(role) });
      models[role] = model;
      if (model.backend === "webgl") await model.warmup(); // on the processor the first frame is no slower than this
    });
    try {
      const failed = (await Promise.allSettled(loading)).find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
      return new Engine(kind, options, models);
    } catch (error) {
      for (const model of Object.values(models)) model.dispose();
      throw error;
    }
  }

  /** The backend of each model, by its role. */
  get backends() {
    return Object.fromEntries(Object.entries(this.#models).map(([role, { backend }]) => [role, backend]));
  }

  /** The lines between the points of each model that has points, by its role. */
  get lines() {
    return Object.fromEntries(Object.entries(this.#models).flatMap(([role, { processing }]) => {
      const spec = Object.values(/** @type {Record<string, any>} */ (/** @type {any} */ (processing)?.outputs ?? {})).find(({ skeleton }) => skeleton);
      return spec ? [[role, { skeleton: spec.skeleton, contours: spec.contours ?? {} }]] : [];
    }));
  }

  /**
   * @param {ImageBitmap | Pixels | Float32Array} given a picture, which is closed afterwards, or sound
   * @param {number | null} timestamp
   * @returns {Promise<any>} the task's result
   */
  async detect(given, timestamp) {
    const began = performance.now();
    this.#times = {};
    const frame = given instanceof Float32Array ? new Sound(given) : new Frame(given);
    try {
      const found = await this.#pipeline.detect(frame, timestamp);
      return { timestamp, ...(frame instanceof Frame && { width: frame.width, height: frame.height }), ...found, milliseconds: { ...this.#times, all: performance.now() - began } };
    } finally {
      frame.close();
    }
  }

  reset() {
    this.#pipeline.reset();
  }

  dispose() {
    for (const model of Object.values(this.#models)) model.dispose();
  }

  /**
   * @param {string} role
   * @param {Network} network
   * @returns {Network} which notes its times
   */
  #timed(role, network) {
    const see = network.see.bind(network);
    network.see = async (...looking) => {
      const began = performance.now();
      const seen = await see(...looking);
      this.#times[role] = (this.#times[role] ?? 0) + performance.now() - began;
      return seen;
    };
    return network;
  }
}
