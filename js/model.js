/** A loaded model: run it, look into it, let it go. */

import { WasmBackend } from "./backends/wasm/backend.js";
import { loadModule } from "./backends/wasm/module.js";
import { makeWebglBackend, readyContext } from "./backends/webgl/index.js";
import { fetchShard, loadSources } from "./constants.js";
import { evaluateDim } from "./dims.js";
import { DTYPES, readInput, SOURCE_DTYPES } from "./dtypes.js";
import { ContextLostError, FormatError, InputError, NoWebglError, ShapeError, WebkilnError } from "./errors.js";
import { generate } from "./generator.js";
import { bindSymbols, inferGraph, stagedGraph } from "./graph.js";
import { MixedBackend } from "./backends/mixed/backend.js";
import { Queue } from "./backends/mixed/queue.js";
import { StagedBackend } from "./backends/staged/backend.js";
import { DeviceTensor, heldHere } from "./device_tensor.js";
import { innerNames, renamed } from "./input_names.js";
import { arrayOf, readDeferred } from "./pictures/input.js";
import { isOnePlan } from "./planner/stages.js";
import { withPictures } from "./pictures/sources.js";
import { verify } from "./verify.js";

/** @typedef {import("./dims.js").Dim} Dim */
/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./format.js").ModelDescription} ModelDescription */
/** @typedef {import("./format.js").Signature} Signature */
/** @typedef {import("./graph.js").StaticGraph} StaticGraph */
/** @typedef {import("./stored.js").Source} Source */
/** @typedef {import("./backends/wasm/module.js").Build | "webgl"} Build of the WASM module, or the other backend */
/** @typedef {{ module: WebAssembly.Module, build: import("./backends/wasm/module.js").Build }} CompiledModule */
/** @typedef {import("./fetching.js").FetchOptions} FetchOptions */
/** @typedef {import("./pictures/input.js").Input} Input */
/** @typedef {{ name: string, dtype: string, shape: Dim[] }} ArgumentInfo */
/** @typedef {{ shapes: Map<string, number[]>, elements: Map<string, number[]> }} Sizes what a plan depends on: shapes by argument, and the elements of the arguments that give symbols by them */
/** @typedef {Sizes & { values: Map<string, Input> }} ReadInputs elements of all by value */
/** @typedef {{ segments: { backend: string, operations: number, commands: number }[], arenaBytes: number, intermediateBytes: number, weightBytes: number }} PlanInfo `arenaBytes` is the peak of the intermediates, `intermediateBytes` what they would take side by side */
/** @typedef {{ kernel: string, backend: string, operators: string[], nodes: string[], shape: number[], milliseconds: number, share: number }} ProfileEntry of an "upload" or a "read-back", `nodes` are the values that cross */
/** @typedef {{ milliseconds: number, runs: number, segments: PlanInfo["segments"], commands: ProfileEntry[] }} Profile */
/** @typedef {{ graph: StaticGraph, info: Omit<PlanInfo, "weightBytes">, commands: { kernel: string, operations: import("./graph.js").Operation[], values?: string[], backend?: string, graph?: StaticGraph }[], generation: number }} ReadyPlan what every backend's plans have; a command's own `graph` where it differs */
/** @typedef {Map<string, { data: ArrayLike<number>, shape: number[] }>} Outputs by value */
/**
 * What a model asks of a backend, in whose own plans nothing else is touched.
 * @typedef {object} Backend
 * @property {string} name
 * @property {Build} build
 * @property {number} generation plans of another one must be made again
 * @property {boolean} [takesPictures] whether inputs may be pictures as they are
 * @property {{ wanted: Map<string, { storage: { bytes: number } }> }} weights
 * @property {(graph: StaticGraph, options?: { fuse?: boolean, outputs?: string[], isOnly?: boolean }) => ReadyPlan} prepare
 * @property {(plan: any, onProgress?: (done: number, all: number) => void) => Promise<void>} [ready] waits until a plan can run without a pause; counts programs
 * @property {(plan: any) => void} [release] gives back what a plan holds
 * @property {(plan: any, inputs: ReadonlyMap<string, any>) => Outputs | Promise<Outputs>} run reads the inputs and decides the order of runs before it returns
 * @property {(plan: any, inputs: ReadonlyMap<string, any>) => Map<string, import("./device_tensor.js").Held> | null} [runOnDevice] as `run`; null where the results come to the host
 * @property {(plan: any, inputs: ReadonlyMap<string, any>) => number[] | Promise<number[]>} time milliseconds of each command
 * @property {() => any} saveState
 * @property {(saved: any) => void} restoreState
 * @property {() => void} resetState
 * @property {() => void} dispose
 */
/**
 * @typedef {object} LoadedParts
 * @property {ModelDescription} description
 * @property {Signature} signature
 * @property {import("./graph.js").LiveGraph} live what the signature needs
 * @property {URL} base address of model.json
 * @property {FetchOptions} fetching
 * @property {import("./backends/wasm/module.js").WasmLocation} [wasm]
 * @property {boolean} [relaxed]
 * @property {boolean} [isFree] whether another backend may take over when this one is lost
 */

/** Attempts at one thing while the device is lost again and again. */
const ATTEMPTS = 5;

/** Plans that are kept, of different input shapes. */
const KEPT_PLANS = 4;

export class Model {
  /** @type {LoadedParts} */
  #parts;
  /** @type {LoadedParts["live"]} */
  #live;
  /** @type {Backend} */
  #backend;
  /** @type {Map<string, ReadyPlan>} by shapes; the most recently used one is the last */
  #plans = new Map();
  /** @type {ReadyPlan | null} */
  #latest = null;
  /** @type {Sizes | null} of the latest plan */
  #latestSizes = null;
  #disposed = false;
  #queue = new Queue();
  #isStatic;
  /** Whether the host decides between plans: control flow, or sizes that are computed. */
  #isStaged;
  /** @type {Map<string, Source>} */
  #sources;
  /** @type {Promise<void> | null} while what was lost is made again */
  #recovery = null;
  /** Why this backend runs the model: "webgl: 4.1 ms against 9.8 ms (wasm)". */
  backendReason = "";

  /**
   * `load` makes models.
   * @param {LoadedParts} parts
   * @param {CompiledModule | null} compiled null: the model runs on WebGL
   * @param {Map<string, Source>} sources of the constants
   */
  constructor(parts, compiled, sources) {
    const { signature } = parts;
    this.#sources = sources;
    this.#parts = parts;
    this.#live = parts.live;
    this.#isStaged = !isOnePlan(this.#live.stages, this.#live);
    this.#isStatic = !this.#isStaged && signature.inputs.every(({ shape, values }) => !values && shape.every((dim) => typeof dim === "number"));
    this.#backend = this.#makeBackend(compiled, sources);
  }

  /** The model's name. */
  get name() {
    return this.#parts.description.name;
  }

  /** The inputs of the signature. @returns {ArgumentInfo[]} */
  get inputs() {
    return this.#parts.signature.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  }

  /** The outputs of the signature. @returns {ArgumentInfo[]} */
  get outputs() {
    return this.#parts.signature.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  }

  /** The name of the signature that was loaded. */
  get signature() {
    return this.#parts.signature.name;
  }

  /** The backend that runs the model. */
  get backend() {
    return this.#backend.name;
  }

  /** The build of the WASM module, or "webgl". @returns {Build} */
  get build() {
    return this.#backend.build;
  }

  /** Typed pre- and post-processing, as model.json has it. */
  get processing() {
    return this.#parts.description.processing;
  }

  /** Where the model comes from: source, licence, attribution. */
  get provenance() {
    return this.#parts.description.provenance;
  }

  /** How the latest run was planned, and what memory it takes; null before a model with symbolic shapes has first run. @returns {PlanInfo | null} */
  get plan() {
    if (!this.#latest) return null;
    const weightBytes = [...this.#backend.weights.wanted.values()].reduce((sum, { storage }) => sum + storage.bytes, 0);
    return { ...this.#latest.info, weightBytes };
  }

  /**
   * Runs the model. Calls run one after another, in the order in which they were made; inputs are read at the call.
   * @overload
   * @param {Record<string, InputValue>} inputs by name, or by the name of their value in the graph
   * @param {{ on?: "host" }} [options]
   * @returns {Promise<Record<string, Tensor>>} outputs by name, each with its `shape`
   * @throws {InputError} which input, what was wanted, what was given
   */
  /**
   * Runs the model, and leaves the results where they were computed.
   * @overload
   * @param {Record<string, InputValue>} inputs by name
   * @param {{ on: "device" }} options
   * @returns {Promise<Record<string, DeviceTensor>>} outputs by name
   */
  /**
   * @param {Record<string, InputValue>} inputs
   * @param {{ on?: "host" | "device" }} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async run(inputs, { on = "host" } = {}) {
    if (on !== "host" && on !== "device") throw new InputError(`run: results stay on the "host" or the "device", got ${JSON.stringify(on)}`);
    return this.#taking(inputs, (taken) => this.#runTaken(taken, on === "device"));
  }

  /**
   * @param {Record<string, InputValue>} inputs
   * @param {boolean} isOnDevice where the results stay
   * @returns {Promise<Record<string, any>>}
   */
  #runTaken(inputs, isOnDevice) {
    const { values, ...sizes } = this.#readInputs(inputs);
    // A run that is repeated has its inputs still, whatever the caller does with the arrays meanwhile.
    const kept = this.build === "webgl" ? new Map([...values].map(([name, data]) => [name, keep(data)])) : values;
    const read = { ...sizes, values: kept };
    return isOnDevice ? this.#surviving(() => this.#runOnDevice(read)) : this.#surviving(() => this.#run(read));
  }

  /** Forgets the state: the next run starts from the initial one. */
  reset() {
    this.#check();
    this.#backend.resetState();
  }

  /**
   * Plans and runs once, on generated inputs, so that the first real run is as fast as the others.
   * @param {Record<string, InputValue>} [inputs]
   * @returns {Promise<void>}
   */
  async warmup(inputs) {
    await this.#taking(inputs, (taken) => {
      const read = taken ? this.#readInputs(taken) : this.#generatedInputs();
      return this.#surviving(() => this.#keepingState(read, () => this.#run(read)));
    });
  }

  /**
   * The time of each command.
   * @param {Record<string, InputValue>} [inputs] generated when left out
   * @param {{ runs?: number }} [options] over how many runs the mean is taken: 10
   * @returns {Promise<Profile>}
   */
  async profile(inputs, { runs = 10 } = {}) {
    return this.#taking(inputs, (taken) => this.#profile(taken, runs));
  }

  /**
   * @param {Record<string, InputValue> | undefined} inputs
   * @param {number} runs
   * @returns {Promise<Profile>}
   */
  async #profile(inputs, runs) {
    if (!Number.isSafeInteger(runs) || runs < 1) throw new InputError(`profile: wanted a number of runs from 1, got ${String(runs)}`);
    const read = inputs ? this.#readInputs(inputs) : this.#generatedInputs();
    const { plan, rounds } = await this.#surviving(async () => {
      const plan = this.#planFor(read);
      const [, ...rounds] = await this.#keepingState(read, () =>
        Promise.all([this.#backend.run(plan, read.values), ...Array.from({ length: runs }, () => this.#backend.time(plan, read.values))]),
      );
      return { plan, rounds };
    });
    const sums = plan.commands.map((_, index) => rounds.reduce((sum, times) => sum + times[index] / runs, 0));
    const milliseconds = sums.reduce((a, b) => a + b, 0);
    return {
      milliseconds,
      runs,
      segments: plan.info.segments,
      commands: plan.commands.map(({ kernel, operations, values, backend = this.#backend.name, graph = plan.graph }, index) => ({
        kernel,
        backend,
        operators: operations.map(({ op }) => op),
        nodes: values ?? operations.map(({ name, output }) => name || output),
        shape: operations.length ? [...(graph.types.get(operations[operations.length - 1].output)?.shape ?? [])] : [],
        milliseconds: sums[index],
        share: milliseconds ? sums[index] / milliseconds : 0,
      })),
    };
  }

  /**
   * Compares with the golden vectors that the reference made, on this device. The state is left as it was.
   * @returns {Promise<import("./verify.js").Verification>}
   */
  async verify() {
    this.#check();
    return this.#surviving(() => verify({
      description: this.#parts.description,
      signature: this.#parts.signature,
      build: this.build,
      golden: () => this.#golden(),
      run: (inputs) => {
        const read = this.#readInputs(inputs);
        return this.#keepingState(read, () => {
          this.#backend.resetState();
          return this.#run(read);
        });
      },
      trace: (inputs, build) => this.#trace(this.#readInputs(inputs), build),
    }));
  }

  /**
   * Every value of the graph, computed operator by operator with nothing fused.
   * @param {Record<string, InputValue>} inputs by name
   * @returns {Promise<Record<string, Tensor>>} by the name of the value in the graph, in the dtype inside
   */
  async trace(inputs) {
    return this.#taking(inputs, async (taken) => {
      const read = this.#readInputs(taken);
      const { values } = await this.#surviving(() => this.#trace(read, this.build));
      return values;
    });
  }

  /** Gives the memory back. Any further use is an error. */
  dispose() {
    this.#disposed = true;
    this.#backend.dispose();
    this.#plans.clear();
    this.#latest = null;
    this.#latestSizes = null;
  }

  /**
   * For the main thread, where inputs are named before they are sent.
   * @internal
   */
  get _innerNames() {
    return innerNames(this.#parts.signature.inputs);
  }

  /**
   * The memory as it is when a run starts, for tests that run the same commands elsewhere.
   * @internal
   * @param {Record<string, InputValue>} inputs
   * @returns {{ memory: Uint8Array<ArrayBuffer>, begin: number, end: number, outputs: { name: string, dtype: string, shape: number[], address: number }[] }}
   */
  _snapshot(inputs) {
    const backend = this.#backend;
    if (!(backend instanceof WasmBackend)) throw new WebkilnError(`only a model on the backend "wasm" has a memory; this one runs on ${backend.name}`);
    const read = this.#readInputs(inputs);
    const plan = /** @type {import("./backends/wasm/backend.js").ReadyPlan} */ (this.#planFor(read));
    backend.write(plan, /** @type {ReadonlyMap<string, ArrayLike<number>>} */ (read.values));
    const outputs = this.#parts.signature.outputs.map(({ name, value }) => {
      const tensor = /** @type {import("./backends/wasm/commands.js").Tensor} */ (plan.outputs.get(value));
      return { name, dtype: tensor.dtype, shape: tensor.view.shape, address: backend.view(tensor).byteOffset };
    });
    return { memory: backend.bytes().slice(), begin: plan.encoded.begin, end: plan.encoded.end, outputs };
  }

  /**
   * Plans for the smallest shapes, and waits until the model can run without a pause.
   * @internal
   * @param {(loaded: number, total: number) => void} [onPrograms]
   * @returns {Promise<void>}
   */
  async _start(onPrograms) {
    await this.#surviving(() => this.#plan(onPrograms), true);
  }

  /**
   * Inputs of random numbers; null when their sizes are not known.
   * @internal
   * @returns {Record<string, InputValue> | null}
   */
  _sample() {
    if (!this.#latest) return null;
    const { shapes, values } = this.#generatedInputs();
    return Object.fromEntries(this.#parts.signature.inputs.map(({ name, value }) => [name, { data: /** @type {any} */ (values.get(value)), shape: /** @type {number[]} */ (shapes.get(name)) }]));
  }

  /** @param {(loaded: number, total: number) => void} [onPrograms] */
  async #plan(onPrograms) {
    const sizes = this.#representativeSizes();
    const plan = sizes && this.#planFor(sizes);
    if (plan) await this.#backend.ready?.(plan, onPrograms);
    // Everything is in the backend now; only a reset will ask for a source again.
    const kept = new Set(this.#parts.description.state.map(({ initial }) => initial));
    if (this.#isStatic) for (const name of this.#sources.keys()) if (!kept.has(name)) this.#sources.delete(name);
  }

  /**
   * Does something again when the device was lost meanwhile, on what was made anew. A state is lost with the device, and that is told.
   * @template T
   * @param {() => T | Promise<T>} task told to the device before this returns
   * @param {boolean} [isStart] there is no state yet
   * @returns {Promise<T>}
   */
  async #surviving(task, isStart = false) {
    for (let attempt = 1; ; attempt++) {
      if (this.#recovery) await this.#recovery;
      const backend = this.#backend;
      try {
        return await task();
      } catch (error) {
        if (!(error instanceof ContextLostError) || attempt > ATTEMPTS) throw error;
        this.#check();
        if (this.#backend === backend) {
          this.#recovery ??= this.#recover(attempt).finally(() => (this.#recovery = null));
        }
        await this.#recovery;
        if (!isStart && this.#parts.description.state.length) throw new WebkilnError(`${error.message}, and with it the state of the model: this run has no result, and the next one starts from the initial state`);
      }
    }
  }

  /**
   * Makes context, weights and plans again; where no context lasts, on WASM if that was left open. The weights are fetched again: keeping
   * them would double the memory of every model, for what seldom happens, and the browser's cache or the option `cache` has them.
   * @param {number} attempt
   */
  async #recover(attempt) {
    this.#backend.dispose();
    this.#plans.clear();
    const { needed: constants } = this.#live;
    if (this.#sources.size < constants.size) this.#sources = await loadSources(this.#parts, constants);
    for (let lastly; ; ) {
      const isOver = attempt++ >= ATTEMPTS;
      if (isOver && !this.#parts.isFree) throw new WebkilnError(`the WebGL context was lost and cannot be made again (${lastly ?? "it is lost each time"}); reload the page, or use the backend "wasm"`);
      try {
        const compiled = isOver ? await loadModule({ ...this.#parts, fetch: this.#parts.fetching.fetch }) : null;
        if (isOver) this.backendReason = "wasm: the WebGL context was lost and cannot be made again";
        else await readyContext();
        this.#check();
        this.#backend = this.#makeBackend(compiled, this.#sources);
        return await this.#plan();
      } catch (error) {
        if (!(error instanceof ContextLostError || error instanceof NoWebglError)) throw error;
        lastly = error.message;
        // A browser whose graphics process ended needs a moment.
        await new Promise((resolve) => setTimeout(resolve, 4 ** (attempt + 1)));
      }
    }
  }

  #check() {
    if (this.#disposed) throw new WebkilnError(`the model ${JSON.stringify(this.name)} was disposed; load it again`);
  }

  /**
   * @param {CompiledModule | null} compiled
   * @param {ReadonlyMap<string, Source>} sources
   * @returns {Backend}
   */
  #makeBackend(compiled, sources) {
    const states = this.#parts.description.state.map(({ input, shape, dtype, initial }) => ({ name: input, shape, dtype, initial }));
    const sourceOf = (/** @type {string} */ name) => {
      const source = sources.get(name);
      if (!source) throw new Error(`the constant ${name} is not loaded`);
      return source;
    };
    const { wasm, relaxed, fetching, description, signature } = this.#parts;
    const own = this.#isStaged ? [] : states;
    const backend = compiled ? new WasmBackend(compiled, own, sourceOf) : new MixedBackend(makeWebglBackend(own, sourceOf), own, sourceOf, () => loadModule({ wasm, relaxed, fetch: fetching.fetch }));
    return this.#isStaged ? new StagedBackend(backend, description, signature, this.#live, states, sourceOf) : backend;
  }

  /**
   * @template T
   * @param {any} inputs
   * @param {(inputs: any) => T | Promise<T>} task with inputs under their names in the signature, whose pictures are decoded
   * @returns {Promise<T>}
   */
  #taking(inputs, task) {
    return withPictures(this.#queue, renamed(inputs, this._innerNames), this.processing, task);
  }

  /**
   * @param {Record<string, InputValue>} inputs
   * @returns {ReadInputs}
   */
  #readInputs(inputs) {
    this.#check();
    const declared = this.#parts.signature.inputs;
    const wanted = `wanted { ${declared.map(({ name, dtype, shape }) => `${JSON.stringify(name)}: ${dtype} [${shape.join(", ")}]`).join(", ")} }`;
    if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || ArrayBuffer.isView(inputs)) {
      throw new InputError(`the inputs must be an object: ${wanted}, got ${ArrayBuffer.isView(inputs) ? inputs.constructor.name : Array.isArray(inputs) ? "an array" : String(inputs)}`);
    }
    const unknown = Object.keys(inputs).filter((name) => !declared.some((argument) => argument.name === name));
    const missing = declared.filter(({ name }) => !Object.hasOwn(inputs, name)).map(({ name }) => name);
    if (unknown.length || missing.length) {
      const problems = [
        ...(missing.length ? [`missing: ${missing.map((name) => JSON.stringify(name)).join(", ")}`] : []),
        ...(unknown.length ? [`unknown: ${unknown.map((name) => JSON.stringify(name)).join(", ")}`] : []),
      ];
      throw new InputError(`the inputs' names do not fit; ${problems.join("; ")}; ${wanted}`);
    }
    /** @type {Map<string, number[]>} */
    const shapes = new Map();
    /** @type {ReadInputs["values"]} */
    const values = new Map();
    for (const { name, value, dtype, shape } of declared) {
      const deferred = readDeferred(name, inputs[name], this.processing, dtype, shape);
      const isFloat = SOURCE_DTYPES.get(dtype)?.dtype === "f32";
      if (deferred && isFloat && this.#backend.takesPictures) {
        shapes.set(name, deferred.shape);
        values.set(value, deferred);
        continue;
      }
      const given = deferred ? { data: isFloat ? Float32Array.from(deferred.read()) : Int32Array.from(deferred.read(), Math.round), shape: deferred.shape } : /** @type {import("./dtypes.js").ArrayValue} */ (inputs[name]);
      const read = readInput(name, given, dtype, shape);
      shapes.set(name, read.shape);
      values.set(value, read.data);
    }
    const elements = new Map(declared.flatMap(({ name, value, values: symbols }) => (symbols ? [[name, Array.from(arrayOf(/** @type {Input} */ (values.get(value))))]] : [])));
    return { shapes, elements, values };
  }

  /**
   * Shapes that the symbols' smallest values give, with elements that fit: all 1, all 0, or 0, 1, 2, …; null when none are valid.
   * @returns {Sizes | null}
   */
  #representativeSizes() {
    const { description: { symbols }, signature } = this.#parts;
    const smallest = new Map([...symbols].map(([name, { minimum, multiple }]) => [name, Math.ceil(Math.max(1, minimum) / multiple) * multiple]));
    for (const element of [() => 1, () => 0, (/** @type {number} */ index) => index]) {
      try {
        const shapes = new Map(signature.inputs.map(({ name, shape }) => [name, shape.map((dim) => evaluateDim(dim, smallest))]));
        let index = 0;
        const elements = new Map(signature.inputs.flatMap(({ name, values }) => (values ? [[name, values.map((symbol) => {
          const { minimum, maximum } = /** @type {import("./format.js").SymbolRange} */ (symbols.get(symbol));
          return Math.min(Math.max(element(index++), minimum), maximum);
        })]] : [])));
        const sizes = { shapes, elements };
        if (!this.#isStatic) this.#infer(sizes);
        return sizes;
      } catch (error) {
        if (this.#isStatic) throw error;
      }
    }
    return null;
  }

  /** @returns {ReadInputs} */
  #generatedInputs() {
    this.#check();
    const sizes = this.#latestSizes ?? this.#representativeSizes();
    if (!sizes) throw new InputError("the model's shapes are symbolic and their smallest values do not fit each other: give inputs");
    const { shapes, elements } = sizes;
    const values = new Map(this.#parts.signature.inputs.map(/** @returns {[string, ArrayLike<number>]} */ ({ name, value, dtype }, index) => {
      const given = elements.get(name);
      if (given) return [value, given];
      const size = /** @type {number[]} */ (shapes.get(name)).reduce((a, b) => a * b, 1);
      return [value, generate({ seed: index + 1, low: 0, high: dtype === "bool" ? 2 : 1 }, dtype, size)];
    }));
    return { ...sizes, values };
  }

  /**
   * @param {Sizes} sizes
   * @returns {StaticGraph}
   * @throws {InputError} also where elements of the inputs are sizes or positions that fit nothing
   */
  #infer({ shapes, elements }) {
    const { description, signature } = this.#parts;
    const symbols = bindSymbols(signature.inputs, shapes, description.symbols, elements);
    const pictures = signature.inputs.flatMap(({ name, value, dtype }) => {
      const spec = /** @type {any} */ (description.processing)?.inputs?.[name];
      return spec?.type === "picture" && SOURCE_DTYPES.get(dtype)?.dtype === "f32" ? [/** @type {[string, boolean]} */ ([value, spec.layout === "NCHW"])] : [];
    });
    try {
      if (this.#isStaged) return stagedGraph(description, signature, this.#live, symbols, shapes);
      return { ...inferGraph(description, signature, this.#live, symbols, shapes), pictures: new Map(pictures) };
    } catch (error) {
      if (!elements.size || !(error instanceof ShapeError || error instanceof FormatError)) throw error;
      const given = [...elements].map(([name, numbers]) => `${name}: [${numbers.join(", ")}]`).join(", ");
      throw new InputError(`the elements of the inputs (${given}) are sizes or positions that do not fit: ${error.message}`);
    }
  }

  /**
   * @param {Sizes} sizes
   * @returns {ReadyPlan}
   */
  #planFor(sizes) {
    const key = [...sizes.shapes.values(), ...sizes.elements.values()].map((numbers) => numbers.join()).join(";");
    let plan = this.#plans.get(key);
    this.#plans.delete(key);
    if (plan?.generation !== this.#backend.generation) plan = this.#backend.prepare(this.#infer(sizes), { isOnly: this.#isStatic });
    this.#plans.set(key, plan);
    if (this.#plans.size > KEPT_PLANS) {
      const [[oldest, unused]] = this.#plans;
      this.#plans.delete(oldest);
      this.#backend.release?.(unused);
    }
    this.#latest = plan;
    this.#latestSizes = { shapes: sizes.shapes, elements: sizes.elements };
    return plan;
  }

  /**
   * At once where the backend answers at once: its results lie where the next run puts its own.
   * @param {ReadInputs} inputs
   * @returns {Record<string, Tensor> | Promise<Record<string, Tensor>>}
   */
  #run(inputs) {
    this.#check();
    const given = this.#given(inputs.values);
    const outputs = this.#backend.run(this.#planFor(inputs), given);
    return outputs instanceof Promise ? outputs.then((read) => this.#results(read)) : this.#results(outputs);
  }

  /** @param {ReadInputs["values"]} values */
  #given(values) {
    return this.#backend.takesPictures ? values : new Map([...values].map(([name, data]) => [name, arrayOf(data)]));
  }

  /**
   * @param {ReadInputs} inputs
   * @returns {Promise<Record<string, DeviceTensor>>}
   */
  async #runOnDevice(inputs) {
    this.#check();
    const { outputs } = this.#parts.signature;
    const plan = this.#planFor(inputs);
    const held = this.#backend.runOnDevice?.(plan, this.#given(inputs.values));
    if (!held) return heldHere(await this.#run(inputs), outputs);
    return Object.fromEntries(outputs.map(({ name, value, dtype }) => {
      const { shape } = /** @type {import("./graph.js").TensorType} */ (plan.graph.types.get(value));
      return [name, new DeviceTensor(shape, dtype, /** @type {import("./device_tensor.js").Held} */ (held.get(value)))];
    }));
  }

  /**
   * @param {Outputs} outputs
   * @returns {Record<string, Tensor>}
   */
  #results(outputs) {
    /** @type {Record<string, Tensor>} */
    const results = Object.create(null);
    for (const { name, value, dtype } of this.#parts.signature.outputs) {
      const { data, shape } = /** @type {{ data: ArrayLike<number>, shape: number[] }} */ (outputs.get(value));
      const { result: Result } = /** @type {{ result: new (values: ArrayLike<number>) => import("./dtypes.js").TypedArray }} */ (SOURCE_DTYPES.get(dtype));
      results[name] = Object.assign(new Result(data), { shape: [...shape] });
    }
    return results;
  }

  /**
   * @template T
   * @param {ReadInputs} inputs of the task
   * @param {() => T} task
   * @returns {T}
   */
  #keepingState(inputs, task) {
    this.#planFor(inputs); // the first plan makes the memory in which the state lies
    const saved = this.#backend.saveState();
    const result = task();
    this.#backend.restoreState(saved);
    return result;
  }

  /**
   * Runs every operator by itself, in a memory of its own, from the initial state.
   * @param {ReadInputs} inputs
   * @param {Build} build
   * @returns {Promise<{ values: Record<string, Tensor>, graph: StaticGraph }>}
   */
  async #trace({ values, ...sizes }, build) {
    const { wasm, fetching } = this.#parts;
    const graph = this.#infer(sizes);
    // The caller may change its arrays while the weights are fetched.
    const kept = new Map([...values].map(([name, data]) => [name, Array.from(arrayOf(data))]));
    const [compiled, sources] = await Promise.all([
      build === "webgl" ? null : loadModule({ wasm, relaxed: build === "relaxed", fetch: fetching.fetch }),
      loadSources(this.#parts, this.#live.needed),
    ]);
    this.#check();
    const backend = this.#makeBackend(compiled, sources);
    const outputs = [...new Set([...graph.inputs, ...graph.operations.map(({ output }) => output), ...graph.outputs])];
    const plan = backend.prepare(graph, { fuse: false, outputs, isOnly: true });
    /** @type {Record<string, Tensor>} */
    const results = Object.create(null);
    for (const [name, { data, shape }] of await backend.run(plan, kept)) {
      const { array: Result } = DTYPES[/** @type {import("./graph.js").TensorType} */ (graph.types.get(name)).dtype];
      results[name] = Object.assign(new Result(data), { shape: [...shape] });
    }
    backend.dispose();
    return { values: results, graph };
  }

  async #golden() {
    const { description, base, fetching } = this.#parts;
    const shards = description.shards.filter(({ role }) => role === "golden");
    const tensors = await Promise.all(shards.map((shard) => fetchShard(shard, base, { ...fetching, signal: undefined })));
    return new Map(tensors.flatMap((map) => [...map]));
  }
}

/**
 * @template T
 * @param {T} data
 * @returns {T} a copy of an array, and what is none itself
 */
function keep(data) {
  return ArrayBuffer.isView(data) || Array.isArray(data) ? /** @type {any} */ (data).slice() : data;
}

/**
 * @param {ModelDescription} description
 * @param {string} [name] the first one's by default
 * @param {readonly string[]} [outputs] all by default
 * @returns {Signature} with these outputs
 * @throws {FormatError | InputError}
 */
export function chooseSignature({ signatures }, name, outputs) {
  const found = name === undefined ? signatures[0] : signatures.find((signature) => signature.name === name);
  if (!found) throw new FormatError(`the model has no signature ${JSON.stringify(name)}; it has ${signatures.map((signature) => JSON.stringify(signature.name)).join(", ")}`);
  if (outputs === undefined) return found;
  const unknown = outputs.filter((output) => found.outputs.every((own) => own.name !== output));
  if (unknown.length || !outputs.length) throw new InputError(`the outputs ${JSON.stringify(outputs)} are wanted; the model has ${found.outputs.map((own) => JSON.stringify(own.name)).join(", ")}`);
  return { ...found, outputs: found.outputs.filter((own) => outputs.includes(own.name)) };
}
