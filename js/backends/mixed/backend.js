/** WebGL for whatever it has kernels for, WASM for the rest: a plan is a list of segments, between which values travel as arrays. */

import { DTYPES } from "../../dtypes.js";
import { arrayOf } from "../../pictures/input.js";
import { partition, residentStates, segmentsOf } from "../../planner/segments.js";
import { initialState, widened } from "../../stored.js";
import { WasmBackend } from "../wasm/backend.js";
import { isLowerable } from "../wasm/lowering.js";
import { canHold, canRun } from "../webgl/plan.js";
import { Queue } from "./queue.js";

/** @typedef {import("../../stored.js").Source} Source */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../../graph.js").TensorType} TensorType */
/** @typedef {import("../../model.js").Outputs} Outputs */
/** @typedef {import("../../model.js").ReadyPlan} ReadyPlan */
/** @typedef {import("../wasm/backend.js").StateType} StateType */
/** @typedef {import("../webgl/backend.js").WebglBackend} WebglBackend */
/** @typedef {import("../webgl/backend.js").ReadyPlan} WebglPlan */
/** @typedef {import("../wasm/backend.js").ReadyPlan} WasmPlan */
/** @typedef {ArrayLike<number>} Values */
/** @typedef {{ fuse?: boolean, outputs?: string[], isOnly?: boolean }} Options */
/** @typedef {{ graph: StaticGraph, webgl: WebglPlan, wasm?: undefined } | { graph: StaticGraph, webgl?: undefined, wasm: WasmPlan | null }} Segment a WASM one is planned when its module is there */
/**
 * @typedef {object} MixedPlan
 * @property {StaticGraph} graph
 * @property {Segment[]} segments
 * @property {string[]} outputs what is read afterwards
 * @property {Map<string, Values>} constants that are outputs or the next state as they are
 * @property {Options} options
 * @property {ReadyPlan["info"]} info
 * @property {ReadyPlan["commands"]} commands
 * @property {number} generation
 * @property {Promise<void> | null} completing while the WASM segments are planned
 * @property {boolean} isComplete
 */

export class MixedBackend {
  #queue = new Queue();
  /** @type {Promise<WasmBackend> | null} */
  #loading = null;
  /** @type {WasmBackend | null} */
  #wasm = null;
  /** @type {Set<MixedPlan | WebglPlan>} */
  #plans = new Set();
  /** @type {Map<string, Values>} states that do not lie on the device */
  #host = new Map();

  /**
   * @param {WebglBackend} webgl
   * @param {readonly StateType[]} states
   * @param {(name: string) => Source} sourceOf a constant's bytes; asked for until a plan is ready, and for the initial state
   * @param {() => Promise<ConstructorParameters<typeof WasmBackend>[0]>} loadWasm called when a plan needs it
   * @param {{ crossing?: number }} [options] the work that makes leaving WASM worthwhile, for tests
   */
  constructor(webgl, states, sourceOf, loadWasm, { crossing } = {}) {
    this.name = "webgl";
    this.build = /** @type {const} */ ("webgl");
    this.webgl = webgl;
    this.takesPictures = /** @type {import("../../model.js").Backend} */ (webgl).takesPictures;
    this.states = states;
    this.sourceOf = sourceOf;
    this.loadWasm = loadWasm;
    this.crossing = crossing;
    /** How often a state came to the host: plans made before keep it on the device. */
    this.generation = 0;
    this.#moveToHost(states.filter((state) => !canHold(state, webgl.context)));
  }

  /** The constants of both backends. */
  get weights() {
    return { wanted: new Map([...this.webgl.weights.wanted, .../** @type {[string, any][]} */ ([...(this.#wasm?.weights.wanted ?? [])])]) };
  }

  /**
   * Plans a graph. What WebGL runs whole is a plan of WebGL's own.
   * @param {StaticGraph} graph
   * @param {Options} [options]
   * @returns {ReadyPlan}
   */
  prepare(graph, options = {}) {
    const { outputs = graph.outputs } = options;
    const { context } = this.webgl;
    const parts = partition(
      graph,
      { name: "webgl", runs: (operation) => canRun(operation, graph, context) },
      { name: "wasm", runs: (operation) => isLowerable(operation, graph) },
      this.crossing,
    );
    const typeOf = (/** @type {string} */ name) => /** @type {TensorType} */ (graph.types.get(name));
    const isWhole = !this.#host.size && parts.every(({ backend }) => backend === "webgl") && [...graph.inputs, ...outputs].every((name) => canHold(typeOf(name), context));
    if (isWhole) return this.#keep(Object.assign(this.webgl.prepare(graph, options), { generation: this.generation }));

    const resident = residentStates(graph, parts, outputs, "webgl");
    for (const name of this.#host.keys()) resident.delete(name);
    this.#moveToHost(this.states.filter(({ name }) => !resident.has(name) && !this.#host.has(name)));
    const { fuse } = options;
    const segments = segmentsOf(graph, parts, { outputs, resident }).map(({ backend, graph: part }) => (backend === "webgl" ? { graph: part, webgl: this.webgl.prepare(part, { fuse }) } : { graph: part, wasm: null }));
    const constants = [...outputs, ...graph.state.map(({ output }) => output)].filter((name) => graph.constants.has(name));
    /** @type {MixedPlan} */
    const plan = {
      graph,
      segments,
      outputs,
      constants: new Map(constants.map((name) => [name, widened(this.sourceOf(name))])),
      options,
      ...describe(segments),
      generation: this.generation,
      completing: null,
      isComplete: false,
    };
    return this.#keep(plan);
  }

  /**
   * @template {MixedPlan | WebglPlan} P
   * @param {P} plan
   */
  #keep(plan) {
    this.#plans.add(plan);
    return plan;
  }

  /**
   * Waits until a plan can run without a pause.
   * @param {MixedPlan | WebglPlan} plan
   * @param {Parameters<WebglBackend["ready"]>[1]} [onProgress]
   */
  async ready(plan, onProgress) {
    if (!("segments" in plan)) return this.webgl.ready(plan, onProgress);
    const completing = this.#complete(plan);
    completing.catch(() => undefined); // met below, after the programs
    for (const { webgl } of plan.segments) if (webgl) await this.webgl.ready(webgl, onProgress);
    await completing;
  }

  /**
   * Plans the segments of WASM, when its module is there.
   * @param {MixedPlan} plan
   * @returns {Promise<void>}
   */
  #complete(plan) {
    plan.completing ??= this.#planWasm(plan).catch((error) => {
      plan.completing = null;
      throw error;
    });
    return plan.completing;
  }

  /** @param {MixedPlan} plan */
  async #planWasm(plan) {
    const { segments, options } = plan;
    const own = segments.filter(({ webgl }) => !webgl);
    if (own.length) {
      this.#loading ??= this.loadWasm().then((compiled) => new WasmBackend(compiled, [], this.sourceOf));
      try {
        this.#wasm = await this.#loading;
      } catch (error) {
        this.#loading = null;
        throw error;
      }
      this.webgl.check();
      for (const segment of own) segment.wasm = this.#wasm.prepare(segment.graph, { fuse: options.fuse, isOnly: options.isOnly && own.length === 1 });
    }
    Object.assign(plan, describe(segments), { isComplete: true });
  }

  /**
   * Runs a plan after those that were asked for before.
   * @param {MixedPlan | WebglPlan} plan
   * @param {ReadonlyMap<string, Values>} inputs by value, read before this returns
   * @returns {Promise<Outputs>} outputs by value
   */
  run(plan, inputs) {
    if (!("segments" in plan) && !this.#queue.isBusy) return this.webgl.run(plan, inputs);
    const values = "segments" in plan ? this.#take(plan, inputs) : copyOf(plan.graph, inputs);
    return this.#queue.add(() => ("segments" in plan ? this.#runSegments(plan, values) : this.webgl.run(plan, values)));
  }

  /**
   * Runs a plan whose outputs stay on the device; null where they come to the host.
   * @param {MixedPlan | WebglPlan} plan
   * @param {ReadonlyMap<string, any>} inputs by value, read before this returns
   */
  runOnDevice(plan, inputs) {
    return "segments" in plan || this.#queue.isBusy ? null : this.webgl.runOnDevice(plan, inputs);
  }

  /**
   * The inputs, as they are now. What is no array yet stays so where the device takes it at once.
   * @param {MixedPlan} plan
   * @param {ReadonlyMap<string, any>} inputs
   * @returns {Map<string, any>}
   */
  #take({ graph, segments: [first, ...others], isComplete, outputs }, inputs) {
    const isFirst = (/** @type {string} */ name) => first?.webgl?.inputs.has(name) === true && !outputs.includes(name) && !others.some((segment) => segment.graph.inputs.includes(name));
    const stays = (/** @type {string} */ name) => isComplete && !this.#queue.isBusy && isFirst(name) && !graph.state.some(({ output }) => output === name);
    return copyOf(graph, inputs, (name, data) => "read" in data && stays(name));
  }

  /**
   * @param {MixedPlan} plan
   * @param {Map<string, Values>} values of the inputs; the others are added
   * @param {number[]} [times] to which those of the commands are added
   * @returns {Promise<Outputs>}
   */
  async #runSegments(plan, values, times) {
    const { graph, segments, outputs, constants, options } = plan;
    if (!plan.isComplete) await this.#complete(plan);
    for (const [name, data] of [...constants, ...this.#host]) values.set(name, data);
    for (const segment of segments) for (const [name, { data }] of await this.#runSegment(segment, values, options, times)) values.set(name, data);
    const valueOf = (/** @type {string} */ name) => /** @type {Values} */ (values.get(name));
    const next = graph.state.filter(({ input }) => this.#host.has(input)).map(({ input, output }) => /** @type {[string, Values]} */ ([input, valueOf(output)]));
    for (const [name, data] of next) this.#host.set(name, data);
    return new Map(outputs.map((name) => [name, { data: valueOf(name), shape: /** @type {TensorType} */ (graph.types.get(name)).shape }]));
  }

  /**
   * @param {Segment} segment
   * @param {ReadonlyMap<string, Values>} values
   * @param {Options} options of the plan
   * @param {number[]} [times] to which those of the segment are added
   * @returns {Outputs | Promise<Outputs>}
   */
  #runSegment(segment, values, { fuse }, times) {
    if (segment.webgl) return times ? this.#timeSegment(segment.webgl, values, times) : this.webgl.run(segment.webgl, values);
    const wasm = /** @type {WasmBackend} */ (this.#wasm);
    const plan = this.#current(segment, fuse);
    if (!times) return copyOutputs(wasm.run(plan, values));
    times.push(...wasm.time(plan, values));
    return copyOutputs(wasm.read(plan));
  }

  /**
   * @param {WebglPlan} plan
   * @param {ReadonlyMap<string, Values>} values
   * @param {number[]} times to which those of the segment are added
   * @returns {Promise<Outputs>}
   */
  async #timeSegment(plan, values, times) {
    const { webgl } = this;
    const begin = performance.now();
    webgl.write(plan, values);
    if (plan.inputs.size) times.push(performance.now() - begin);
    times.push(...webgl.time(plan, values));
    const drawn = performance.now();
    webgl.copy(plan);
    const outputs = await webgl.read(plan);
    if (plan.outputs.size) times.push(performance.now() - drawn);
    return outputs;
  }

  /**
   * The plan of a WASM segment. What was planned after it may have moved what it reads.
   * @param {Segment} segment
   * @param {boolean} [fuse]
   * @returns {WasmPlan}
   */
  #current(segment, fuse) {
    const wasm = /** @type {WasmBackend} */ (this.#wasm);
    if (segment.wasm?.generation !== wasm.generation) segment.wasm = wasm.prepare(segment.graph, { fuse });
    return /** @type {WasmPlan} */ (segment.wasm);
  }

  /**
   * The time of each command, and of each crossing.
   * @param {MixedPlan | WebglPlan} plan
   * @param {ReadonlyMap<string, Values>} inputs by value
   * @returns {number[] | Promise<number[]>} milliseconds
   */
  time(plan, inputs) {
    if (!("segments" in plan) && !this.#queue.isBusy) return this.webgl.time(plan, inputs);
    const values = copyOf(plan.graph, inputs);
    if (!("segments" in plan)) return this.#queue.add(async () => this.webgl.time(plan, values));
    return this.#queue.add(async () => {
      /** @type {number[]} */
      const times = [];
      await this.#runSegments(plan, values, times);
      return times;
    });
  }

  /**
   * From now on these states lie here, as arrays.
   * @param {readonly StateType[]} states
   */
  #moveToHost(states) {
    if (!states.length) return;
    this.generation++;
    for (const state of states) this.#host.set(state.name, initialState(state, this.sourceOf));
    if (!this.webgl.hasState) return;
    const names = states.map(({ name }) => name);
    const types = new Map(states.map(({ name, shape, dtype }) => [name, { shape: [...shape], dtype }]));
    const plan = this.webgl.prepare({ operations: [], types, inputs: [], outputs: names, constants: new Set(), state: [] });
    const reading = this.#queue.add(async () => {
      for (const [name, { data }] of await this.webgl.run(plan, new Map())) this.#host.set(name, data);
    });
    reading.catch(() => undefined).then(() => this.webgl.release(plan));
    this.#plans.forEach((old) => this.release(old));
  }

  /**
   * Does something when all that was asked for before is done: at once where nothing is.
   * @template T
   * @param {() => T} task
   * @returns {T | Promise<T>}
   */
  #after(task) {
    return this.#queue.isBusy ? this.#queue.add(task) : task();
  }

  /** The state, to be put back by `restoreState`. */
  saveState() {
    return this.#after(() => ({ device: this.webgl.saveState(), host: new Map(this.#host) }));
  }

  /** @param {ReturnType<MixedBackend["saveState"]>} saved */
  restoreState(saved) {
    /** @param {Awaited<ReturnType<MixedBackend["saveState"]>>} state */
    const restore = ({ device, host }) => {
      this.webgl.restoreState(device);
      this.#host = host;
    };
    if (saved instanceof Promise) this.#queue.add(async () => restore(await saved)).catch(() => undefined);
    else settle(this.#after(() => restore(saved)));
  }

  /** Puts the initial values into the state. */
  resetState() {
    const reset = () => {
      this.webgl.resetState();
      for (const state of this.states) if (this.#host.has(state.name)) this.#host.set(state.name, initialState(state, this.sourceOf));
    };
    settle(this.#after(reset));
  }

  /**
   * Gives back what a plan holds, when the runs that were asked for are done.
   * @param {MixedPlan | WebglPlan} plan
   */
  release(plan) {
    if (!this.#plans.delete(plan)) return;
    const own = "segments" in plan ? plan.segments.flatMap(({ webgl }) => webgl ?? []) : [plan];
    settle(this.#after(() => own.forEach((part) => this.webgl.release(part))));
  }

  dispose() {
    this.webgl.dispose();
    this.#wasm?.dispose();
  }
}

/**
 * An error of what nobody waits for is met by the next run.
 * @param {unknown} result
 */
function settle(result) {
  if (result instanceof Promise) result.catch(() => undefined);
}

/**
 * @param {StaticGraph} graph
 * @param {ReadonlyMap<string, any>} inputs
 * @param {(name: string, data: any) => boolean} [stays] whether an input is not copied
 * @returns {Map<string, any>} that the caller cannot change
 */
function copyOf({ types }, inputs, stays = () => false) {
  return new Map([...inputs].map(([name, data]) => [name, stays(name, data) ? data : new DTYPES[/** @type {TensorType} */ (types.get(name)).dtype].array(arrayOf(data))]));
}

/**
 * @param {ReadonlyMap<string, { data: Values, shape: number[] }>} outputs windows into a memory that the next segment overwrites
 * @returns {Outputs}
 */
function copyOutputs(outputs) {
  return new Map([...outputs].map(([name, { data, shape }]) => [name, { data: /** @type {Float32Array} */ (data).slice(), shape }]));
}

/**
 * What is told of a plan. A WASM segment that is not planned yet has no commands.
 * @param {Segment[]} segments
 * @returns {Pick<ReadyPlan, "info" | "commands">}
 */
function describe(segments) {
  const told = segments.map(({ graph, webgl, wasm }) => {
    const plan = webgl ?? wasm;
    const backend = webgl ? "webgl" : "wasm";
    const crossing = (/** @type {string} */ kernel, /** @type {string[]} */ values) => (webgl && values.length ? [{ kernel, operations: [], values, backend }] : []);
    const commands = (plan?.commands ?? []).map(({ kernel, operations }) => ({ kernel, operations, backend }));
    return {
      info: plan?.info ?? { segments: [{ backend, operations: graph.operations.length, commands: 0 }], arenaBytes: 0, intermediateBytes: 0 },
      commands: [...crossing("upload", graph.inputs), ...commands, ...crossing("read-back", graph.outputs)],
      // Segments of WASM lie in the same arena, those of WebGL have their own textures.
      own: webgl?.info.arenaBytes ?? 0,
      shared: wasm?.info.arenaBytes ?? 0,
    };
  });
  return {
    info: {
      segments: told.flatMap(({ info }) => info.segments),
      arenaBytes: told.reduce((sum, { own }) => sum + own, Math.max(...told.map(({ shared }) => shared))),
      intermediateBytes: told.reduce((sum, { info }) => sum + info.intermediateBytes, 0),
    },
    commands: told.flatMap(({ commands }) => commands),
  };
}
