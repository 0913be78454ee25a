/** The WASM backend: one module, one memory, the weights in it, and one call a run. */

import { DTYPES, sizeOf, viewOf } from "../../dtypes.js";
import { WebkilnError } from "../../errors.js";
import { align } from "../../planner/arena.js";
import { storedValues, widened } from "../../stored.js";
import { encodeCommand } from "./commands.js";
import { encodePlan, planGraph } from "./plan.js";
import { STAGING_COMMAND, stagingBytes, Weights } from "./weights.js";

/** @typedef {import("../../dtypes.js").Dtype} Dtype */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("./commands.js").Storage} Storage */
/** @typedef {import("./commands.js").Command} Command */
/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").EncodedPlan} EncodedPlan */
/** @typedef {import("../../stored.js").Source} Source */
/** @typedef {import("./weights.js").Weight} Weight */
/** @typedef {Plan & { encoded: EncodedPlan, generation: number }} ReadyPlan `generation` is the backend's when its addresses were right */
/** @typedef {{ name: string, shape: readonly number[], dtype: Dtype, initial: string }} StateType */

const PAGE = 65536;
const MAXIMUM_PAGES = 65536;
/** What the modules ask for to begin with: their stack and static scratch lie below. */
const MODULE_PAGES = 16;

export class WasmBackend {
  /**
   * @param {{ module: WebAssembly.Module, build: import("./module.js").Build }} compiled
   * @param {readonly StateType[]} states
   * @param {(name: string) => Source} sourceOf a constant's bytes; asked for once, while its weights are prepared
   */
  constructor({ module, build }, states, sourceOf) {
    this.name = "wasm";
    this.build = build;
    this.module = module;
    this.states = states;
    this.sourceOf = sourceOf;
    this.weights = new Weights();
    /** @type {Map<string, number | null>} */
    this.scalars = new Map();
    /** @type {Map<string, Storage>} */
    this.stateStorages = new Map(states.map(({ name, shape, dtype }) => [name, { kind: "fixed", bytes: Math.ceil((sizeOf(shape) * DTYPES[dtype].size) / 16) * 16 }]));
    /** @type {WebAssembly.Memory | null} */
    this.memory = null;
    /** @type {((begin: number, end: number) => void) | null} */
    this.call = null;
    this.weightsEnd = 0;
    /** @type {ReadyPlan | null} whose commands lie in the memory */
    this.active = null;
    /** How often weights were added: plans made before have stale addresses. */
    this.generation = 0;
    /** @type {unknown} the trap after which nothing in the memory can be trusted */
    this.failure = null;
  }

  /**
   * Plans a graph and makes room for it. The first call makes the memory.
   * @param {StaticGraph} graph
   * @param {{ fuse?: boolean, outputs?: string[], isOnly?: boolean }} [options] `isOnly`: no other plan will be made, so that the memory's maximum is known
   * @returns {ReadyPlan}
   */
  prepare(graph, { fuse, outputs, isOnly = false } = {}) {
    const plan = planGraph(graph, this.weights, this.stateStorages, (name) => this.scalarOf(name, graph), { fuse, outputs });
    if (!this.memory) this.instantiate(plan, isOnly);
    this.fill();
    const encoded = encodePlan(plan, this.weightsEnd);
    this.grow(encoded.top);
    return Object.assign(plan, { encoded, generation: this.generation });
  }

  /**
   * @param {string} name
   * @param {StaticGraph} graph
   * @returns {number | null}
   */
  scalarOf(name, graph) {
    const type = graph.types.get(name);
    if (!graph.constants.has(name) || !type || sizeOf(type.shape) !== 1) return null;
    let value = this.scalars.get(name);
    if (value === undefined) {
      value = widened(this.sourceOf(name))[0];
      this.scalars.set(name, value);
    }
    return value;
  }

  /**
   * @param {Plan} plan
   * @param {boolean} isOnly
   */
  instantiate(plan, isOnly) {
    let maximum = MAXIMUM_PAGES;
    if (isOnly) {
      // Lay everything out once at the highest address at which it can begin.
      const { end, added, storages } = this.weights.place(this.placeState(MODULE_PAGES * PAGE));
      const top = Math.max(encodePlan(plan, end).top, end + this.stagingFor(added));
      storages.forEach((storage) => delete storage.address);
      maximum = Math.ceil(top / PAGE);
      if (maximum > MAXIMUM_PAGES) throw tooLarge(top);
    }
    try {
      this.memory = new WebAssembly.Memory({ initial: MODULE_PAGES, maximum });
    } catch (error) {
      throw new WebkilnError(`there is no memory for this model (${maximum * 64} KiB at most); dispose models that are no longer used`, { cause: error });
    }
    try {
      const { exports } = new WebAssembly.Instance(this.module, { env: { memory: this.memory } });
      this.call = /** @type {(begin: number, end: number) => void} */ (exports.run);
      this.weightsEnd = this.placeState(/** @type {WebAssembly.Global} */ (exports.__heap_base).value);
      this.grow(this.weightsEnd);
      this.resetState();
    } catch (error) {
      this.memory = null; // the next plan begins anew
      throw error;
    }
  }

  /**
   * @param {number} begin the first free byte
   * @returns {number} the first byte after the state
   */
  placeState(begin) {
    let end = align(begin);
    for (const storage of this.stateStorages.values()) {
      storage.address = end;
      end = align(end + storage.bytes);
    }
    return end;
  }

  /** @param {readonly Weight[]} weights */
  stagingFor(weights) {
    return weights.reduce((most, { name }) => Math.max(most, stagingBytes(this.sourceOf(name))), 0);
  }

  /** Puts the weights that were newly asked for into the memory. */
  fill() {
    const { added, storages, end } = this.weights.place(this.weightsEnd);
    if (!storages.length) return;
    try {
      this.grow(end + this.stagingFor(added));
    } catch (error) {
      // Nothing has changed yet: what was not filled must not pass for a weight later.
      storages.forEach((storage) => delete storage.address);
      throw error;
    }
    this.generation++;
    this.active = null;
    this.weightsEnd = end;
    const bytes = this.bytes();
    for (const storage of storages) {
      const address = /** @type {number} */ (storage.address);
      bytes.fill(0, address, address + storage.bytes);
    }
    for (const weight of added) this.fillWeight(weight, end);
  }

  /**
   * @param {Weight} weight
   * @param {number} staging a free address
   */
  fillWeight({ name, form, storage }, staging) {
    const constant = this.sourceOf(name);
    const count = sizeOf(constant.shape);
    if (count === 0) return;
    const destination = /** @type {number} */ (storage.address);
    const scratch = staging + stagingBytes(constant) - STAGING_COMMAND;
    const isHalf = constant.storage === "f16";
    // The elements in their dtype: at their place, or aside, from where a kernel lays them out.
    const source = form.form === "raw" ? destination : isHalf ? align(staging + constant.bytes.length) : staging;
    if (isHalf) {
      this.bytes().set(constant.bytes, staging);
      this.runOnce({ kernel: "widen_f16", fields: { source: staging, destination: source, count }, operations: [] }, scratch);
    } else if (constant.fill) constant.fill(new Float32Array(this.alive().buffer, source, count));
    else if (constant.storage === constant.dtype) this.bytes().set(constant.bytes, source);
    else new Int32Array(this.alive().buffer, source, count).set(storedValues(constant));
    if (form.form === "matrix") {
      const { offset, depth, columns, rowStride, columnStride } = form;
      const fields = { source: source + offset * 4, destination, depth, columns, row_stride: rowStride, column_stride: columnStride };
      this.runOnce({ kernel: "pack_b", fields, operations: [] }, scratch);
    } else if (form.form === "depthwise") {
      const { taps, channels } = form;
      this.runOnce({ kernel: "pack_depthwise", fields: { source, destination, taps, channels }, operations: [] }, scratch);
    }
  }

  /**
   * @param {Command} command without storages
   * @param {number} address where its words may lie
   */
  runOnce(command, address) {
    const words = encodeCommand(command, new Map());
    new Int32Array(this.alive().buffer).set(words, address / 4);
    this.invoke(address, address + 4 * words.length);
  }

  /** Puts the initial values into the state. */
  resetState() {
    if (!this.memory) return;
    for (const { name, initial } of this.states) {
      const { address, bytes } = /** @type {Required<Storage>} */ (this.stateStorages.get(name));
      const target = this.bytes().subarray(address, address + bytes);
      target.fill(0);
      if (initial === "zeros") continue;
      target.set(new Uint8Array(widened(this.sourceOf(initial)).buffer));
    }
  }

  /**
   * The state, to be put back by `restoreState`.
   * @returns {Uint8Array[]}
   */
  saveState() {
    return this.states.map(({ name }) => {
      const { address, bytes } = /** @type {Required<Storage>} */ (this.stateStorages.get(name));
      return this.bytes().slice(address, address + bytes);
    });
  }

  /** @param {Uint8Array[]} saved */
  restoreState(saved) {
    this.states.forEach(({ name }, index) => this.bytes().set(saved[index], /** @type {Required<Storage>} */ (this.stateStorages.get(name)).address));
  }

  /** @param {number} top the first byte that is not needed */
  grow(top) {
    const memory = this.alive();
    const missing = Math.ceil((top - memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    if (Math.ceil(top / PAGE) > MAXIMUM_PAGES) throw tooLarge(top);
    try {
      memory.grow(missing);
    } catch (error) {
      throw new WebkilnError(`the browser gives no more memory: this model needs ${Math.ceil(top / 2 ** 20)} MiB; dispose models that are no longer used, or give smaller inputs`, { cause: error });
    }
  }

  alive() {
    if (this.failure) throw new WebkilnError(`an earlier call of this model failed in its kernels (${String(this.failure)}); dispose it and load it again`, { cause: this.failure });
    if (!this.memory) throw new WebkilnError("the model was disposed");
    return this.memory;
  }

  bytes() {
    return new Uint8Array(this.alive().buffer);
  }

  /**
   * @param {number} begin
   * @param {number} end
   */
  invoke(begin, end) {
    try {
      /** @type {(begin: number, end: number) => void} */ (this.call)(begin, end);
    } catch (error) {
      this.failure = error;
      throw new WebkilnError(`the kernels of the ${this.build} build stopped: ${String(error)}; this is a fault of the runtime, please report it with the model`, { cause: error });
    }
  }

  /**
   * Writes the inputs and, if need be, the commands.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs by value
   */
  write(plan, inputs) {
    const { buffer } = this.alive();
    if (this.active !== plan) {
      new Int32Array(buffer).set(plan.encoded.image, plan.encoded.base / 4);
      this.active = plan;
    }
    for (const [name, tensor] of plan.inputs) {
      const target = this.view(tensor);
      target.set(/** @type {ArrayLike<number>} */ (inputs.get(name)));
    }
  }

  /** @param {import("./commands.js").Tensor} tensor contiguous */
  view({ storage, view, dtype }) {
    let at = view.offset * DTYPES[dtype].size;
    let place = storage;
    while (place.inside) {
      at += place.inside.offset;
      place = place.inside.storage;
    }
    return viewOf(this.alive().buffer, dtype, /** @type {number} */ (place.address) + at, sizeOf(view.shape));
  }

  /**
   * Runs a plan.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs by value
   * @returns {Map<string, { data: ArrayLike<number>, shape: number[] }>} outputs by value, windows into the memory that the next run overwrites
   */
  run(plan, inputs) {
    this.write(plan, inputs);
    this.invoke(plan.encoded.begin, plan.encoded.end);
    return this.read(plan);
  }

  /** @param {ReadyPlan} plan */
  read(plan) {
    return new Map([...plan.outputs].map(([name, tensor]) => [name, { data: this.view(tensor), shape: tensor.view.shape }]));
  }

  /**
   * Runs a plan command by command.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs by value
   * @returns {number[]} milliseconds of each command
   */
  time(plan, inputs) {
    this.write(plan, inputs);
    const { starts } = plan.encoded;
    return plan.commands.map((_, index) => {
      const before = performance.now();
      this.invoke(starts[index], starts[index + 1]);
      return performance.now() - before;
    });
  }

  dispose() {
    this.memory = null;
    this.call = null;
    this.active = null;
    this.weights = new Weights();
  }
}

/** @param {number} top */
function tooLarge(top) {
  return new WebkilnError(`this model needs ${Math.ceil(top / 2 ** 20)} MiB for these input shapes, and WebAssembly has 4096; give smaller inputs`);
}
