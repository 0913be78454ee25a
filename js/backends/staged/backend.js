/** Graphs with control flow, or with sizes that they compute: stages on another backend, between which the host decides. */

import { DTYPES, sizeOf } from "../../dtypes.js";
import { evaluateDim, symbolsOf } from "../../dims.js";
import { InputError, ShapeError } from "../../errors.js";
import { bindSymbols, checkResults, constantTypes, inferNodes } from "../../graph.js";
import { stagesOf } from "../../planner/stages.js";
import { initialState } from "../../stored.js";
import { Queue } from "../mixed/queue.js";

/** @typedef {import("../../format.js").Body} Body */
/** @typedef {import("../../format.js").ModelDescription} ModelDescription */
/** @typedef {import("../../format.js").Node} Node */
/** @typedef {import("../../format.js").Signature} Signature */
/** @typedef {import("../../graph.js").LiveGraph} LiveGraph */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../../graph.js").TensorType} TensorType */
/** @typedef {import("../../model.js").Backend} Backend */
/** @typedef {import("../../model.js").Outputs} Outputs */
/** @typedef {import("../../model.js").ReadyPlan} ReadyPlan */
/** @typedef {import("../../planner/stages.js").Procedure} Procedure */
/** @typedef {import("../../planner/stages.js").Stage} Stage */
/** @typedef {import("../wasm/backend.js").StateType} StateType */
/** @typedef {TensorType & { data: ArrayLike<number> }} Held a value on the host */
/** @typedef {Map<string, number>} Symbols */
/** @typedef {{ plans: Map<string, ReadyPlan>, stage: Stage }} PlannedStage plans by sizes; the most recently used one is the last */
/**
 * What is asked of one run.
 * @typedef {object} Task
 * @property {{ fuse?: boolean }} options of its plans
 * @property {boolean} isTrace whether all values are wanted
 * @property {Set<ReadyPlan>} parts to which the plans used are added
 * @property {Map<ReadyPlan, number[]>} [times] milliseconds of the commands of each plan
 */

/** Plans that are kept of each stage, of different sizes. */
const KEPT_PLANS = 4;
/** A loop that runs longer is taken for one that never ends. */
const MAXIMUM_ROUNDS = 1_000_000;

/** A plan whose stages are planned as they are reached. */
class StagedPlan {
  /** @type {Set<ReadyPlan>} those of the stages that were reached, in that order */
  parts = new Set();

  /**
   * @param {StaticGraph} graph whose types are those that are known
   * @param {Symbols} symbols
   * @param {{ fuse?: boolean, outputs?: string[] }} options
   * @param {number} generation
   */
  constructor(graph, symbols, options, generation) {
    this.graph = graph;
    this.symbols = symbols;
    this.options = options;
    this.generation = generation;
  }

  get commands() {
    return [...this.parts].flatMap(({ commands, graph }) => commands.map((command) => ({ ...command, graph })));
  }

  get info() {
    const infos = [...this.parts].map(({ info }) => info);
    return {
      segments: infos.flatMap(({ segments }) => segments),
      arenaBytes: Math.max(0, ...infos.map(({ arenaBytes }) => arenaBytes)),
      intermediateBytes: infos.reduce((sum, { intermediateBytes }) => sum + intermediateBytes, 0),
    };
  }
}

export class StagedBackend {
  #queue = new Queue();
  /** @type {Map<string, ArrayLike<number>>} */
  #state = new Map();
  /** @type {WeakMap<Procedure | Body, Map<string, PlannedStage[]>>} by what is known before */
  #stages = new WeakMap();

  /**
   * @param {Backend} inner without states
   * @param {ModelDescription} description
   * @param {Signature} signature
   * @param {LiveGraph} live
   * @param {readonly StateType[]} states which lie here
   * @param {(name: string) => import("../../stored.js").Source} sourceOf a constant's bytes
   */
  constructor(inner, description, signature, live, states, sourceOf) {
    this.inner = inner;
    this.description = description;
    this.signature = signature;
    this.live = live;
    this.states = states;
    this.sourceOf = sourceOf;
    this.generation = 0;
    this.#stages.set(live, new Map([["", live.stages.map(planned)]]));
    this.#initialize();
  }

  get name() {
    return this.inner.name;
  }

  get build() {
    return this.inner.build;
  }

  get weights() {
    return this.inner.weights;
  }

  /**
   * @param {StaticGraph & { symbols?: Symbols }} graph of which the inputs' types are known
   * @param {{ fuse?: boolean, outputs?: string[] }} [options]
   * @returns {StagedPlan}
   */
  prepare(graph, options = {}) {
    return new StagedPlan(graph, /** @type {Symbols} */ (graph.symbols), options, this.generation);
  }

  /**
   * Plans what can be planned before a run.
   * @param {StagedPlan} plan
   * @param {(done: number, all: number) => void} [onProgress]
   */
  async ready(plan, onProgress) {
    const [first] = this.#stagesOf(this.live, []);
    const { types } = plan.graph;
    if (!first.stage.nodes.length) return;
    const values = new Map(first.stage.needs.map((name) => [name, /** @type {Held} */ ({ .../** @type {TensorType} */ (types.get(name)), data: [] })]));
    await this.inner.ready?.(this.#planFor(first, this.live, values, plan.symbols, { options: plan.options, isTrace: false, parts: plan.parts }), onProgress);
  }

  /**
   * Runs a plan after those that were asked for before.
   * @param {StagedPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs by value, read before this returns
   * @returns {Promise<Outputs>}
   */
  run(plan, inputs) {
    const values = this.#take(plan, inputs);
    return this.#queue.add(() => this.#run(plan, values));
  }

  /**
   * The time of each command of the plans that were made before; what a loop repeats is added up.
   * @param {StagedPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs by value
   * @returns {Promise<number[]>} milliseconds
   */
  time(plan, inputs) {
    const values = this.#take(plan, inputs);
    return this.#queue.add(async () => {
      /** @type {NonNullable<Task["times"]>} */
      const times = new Map();
      await this.#run(plan, values, times);
      return [...plan.parts].flatMap((part) => times.get(part) ?? part.commands.map(() => 0));
    });
  }

  /** @param {StagedPlan} plan */
  release(plan) {
    plan.parts.clear();
  }

  /** The state, to be put back by `restoreState`. */
  saveState() {
    return this.#queue.add(() => new Map(this.#state));
  }

  /** @param {Promise<Map<string, ArrayLike<number>>>} saved */
  restoreState(saved) {
    this.#queue.add(async () => (this.#state = await saved)).catch(() => undefined);
  }

  /** Puts the initial values into the state. */
  resetState() {
    this.#queue.add(() => this.#initialize()).catch(() => undefined);
  }

  dispose() {
    this.inner.dispose();
  }

  #initialize() {
    for (const state of this.states) this.#state.set(state.name, initialState(state, this.sourceOf));
  }

  /**
   * @param {StagedPlan} plan
   * @param {ReadonlyMap<string, ArrayLike<number>>} inputs
   * @returns {Map<string, Held>} that the caller cannot change
   */
  #take({ graph: { types } }, inputs) {
    return new Map([...inputs].map(([name, data]) => {
      const type = /** @type {TensorType} */ (types.get(name));
      return [name, { ...type, data: new DTYPES[type.dtype].array(data) }];
    }));
  }

  /**
   * @param {StagedPlan} plan
   * @param {Map<string, Held>} values
   * @param {Task["times"]} [times]
   * @returns {Promise<Outputs>}
   */
  async #run(plan, values, times) {
    for (const { name, shape, dtype } of this.states) values.set(name, { shape: [...shape], dtype, data: /** @type {ArrayLike<number>} */ (this.#state.get(name)) });
    const symbols = new Map(plan.symbols);
    const { options, graph, parts } = plan;
    await this.#execute(this.live, [], values, symbols, { options, isTrace: options.outputs !== undefined, parts, times });
    for (const [name, { shape, dtype }] of values) graph.types.set(name, { shape, dtype });
    checkResults(this.description, this.signature, graph.types, symbols);
    for (const { input, output } of this.description.state) this.#state.set(input, /** @type {Held} */ (values.get(output)).data);
    return new Map((options.outputs ?? graph.outputs).map((name) => [name, /** @type {Held} */ (values.get(name))]));
  }

  /**
   * @param {Procedure | Body} procedure
   * @param {readonly string[]} bound symbols that are known before
   * @returns {PlannedStage[]}
   */
  #stagesOf(procedure, bound) {
    const known = this.#stages.get(procedure) ?? new Map();
    this.#stages.set(procedure, known);
    const key = bound.join();
    if (!known.has(key)) known.set(key, stagesOf(procedure, bound).map(planned));
    return known.get(key);
  }

  /**
   * Runs a graph stage by stage.
   * @param {Procedure | Body} procedure
   * @param {readonly string[]} bound symbols that are known before, beside those of the inputs
   * @param {Map<string, Held>} values the inputs, to which what the host reads is added
   * @param {Symbols} symbols to which those that the run tells are added
   * @param {Task} task
   */
  async #execute(procedure, bound, values, symbols, task) {
    for (const stage of this.#stagesOf(procedure, bound)) {
      const { nodes, calls, needs, reads } = stage.stage;
      if (nodes.length || reads.length) {
        const plan = this.#planFor(stage, procedure, values, symbols, task);
        task.parts.add(plan);
        const given = new Map(needs.map((name) => [name, /** @type {Held} */ (values.get(name)).data]));
        const times = task.times && (await this.inner.time(plan, given));
        const before = times && task.times?.get(plan);
        if (times) task.times?.set(plan, before ? times.map((time, index) => time + before[index]) : times);
        for (const [name, { data, shape }] of await this.inner.run(plan, given)) {
          const { dtype } = /** @type {TensorType} */ (plan.graph.types.get(name));
          values.set(name, { dtype, shape, data: new DTYPES[dtype].array(data) });
          this.#tell(procedure, name, values, symbols);
        }
      }
      for (const call of calls) {
        const results = await (call.op === "if" ? this.#branch(call, values, symbols, task) : this.#loop(call, values, symbols, task));
        this.#fit(call, results, symbols);
        results.forEach((result, index) => {
          values.set(call.outputs[index], result);
          this.#tell(procedure, call.outputs[index], values, symbols);
        });
      }
    }
  }

  /**
   * Binds the symbols that stand for the elements of a value.
   * @param {Procedure | Body} procedure
   * @param {string} name
   * @param {ReadonlyMap<string, Held>} values
   * @param {Symbols} symbols
   */
  #tell({ elements }, name, values, symbols) {
    const names = elements.get(name);
    const { data } = /** @type {Held} */ (values.get(name));
    names?.forEach((symbol, index) => {
      const { minimum, maximum, multiple } = /** @type {import("../../format.js").SymbolRange} */ (this.description.symbols.get(symbol));
      const value = data[index];
      const where = `${JSON.stringify(name)}, which is computed from the inputs, gives ${symbol} the value ${value}`;
      if (!(value >= minimum && value <= maximum && value % multiple === 0)) throw new InputError(`${where}; wanted ${minimum} to ${maximum}`);
      if (symbols.has(symbol) && symbols.get(symbol) !== value) throw new InputError(`${where}, and it is ${symbols.get(symbol)} already`);
      symbols.set(symbol, value);
    });
  }

  /**
   * @param {PlannedStage} stage
   * @param {Procedure | Body} procedure
   * @param {ReadonlyMap<string, Held>} values
   * @param {Symbols} symbols
   * @param {Task} task
   * @returns {ReadyPlan}
   */
  #planFor({ stage, plans }, procedure, values, symbols, { options, isTrace }) {
    const { nodes, needs, reads } = stage;
    const inputs = needs.map((name) => /** @type {Held} */ (values.get(name)));
    const known = stage.symbols.map((symbol) => symbols.get(symbol));
    const key = [options.fuse, isTrace, ...inputs.map(({ shape }) => shape.join()), ...known].join(";");
    let plan = plans.get(key);
    plans.delete(key);
    if (plan?.generation !== this.inner.generation) {
      const types = constantTypes(this.description, procedure.constants);
      needs.forEach((name, index) => types.set(name, { shape: [...inputs[index].shape], dtype: inputs[index].dtype }));
      const operations = inferNodes(nodes, types, symbols);
      const outputs = isTrace ? [...new Set([...reads, ...operations.map(({ output }) => output)])] : reads;
      plan = this.inner.prepare({ operations, types, inputs: needs, outputs, constants: new Set(procedure.constants), state: [] }, { fuse: options.fuse });
    }
    plans.set(key, plan);
    if (plans.size > KEPT_PLANS) {
      const [[oldest, unused]] = plans;
      plans.delete(oldest);
      this.inner.release?.(unused);
    }
    return plan;
  }

  /**
   * @param {Body} body
   * @param {Node} node whose body it is
   * @param {readonly Held[]} given
   * @param {Symbols} symbols of the graph around it
   * @param {Task} task
   * @returns {Promise<Held[]>}
   */
  async #call(body, node, given, symbols, task) {
    const values = new Map(body.inputs.map(({ value }, index) => [value, given[index]]));
    const inside = new Map(symbols);
    const where = show(node);
    const declared = body.inputs.map(({ value, dtype, shape }, index) => {
      const { dtype: received, shape: actual } = given[index];
      if (dtype !== received || shape.length !== actual.length) throw new ShapeError(`${where}: its body is given ${received} [${actual.join(", ")}], wanted ${dtype} [${shape.join(", ")}]`);
      return { name: value, shape, values: body.elements.get(value) };
    });
    bind(declared, given, inside, this.description.symbols, where);
    await this.#execute(body, [...symbols.keys()], values, inside, { ...task, isTrace: false });
    return body.outputs.map((name) => /** @type {Held} */ (values.get(name)));
  }

  /**
   * @param {Node} node
   * @param {ReadonlyMap<string, Held>} values
   * @param {Symbols} symbols
   * @param {Task} task
   */
  #branch(node, values, symbols, task) {
    const [condition, ...operands] = node.inputs.map((name) => /** @type {Held} */ (values.get(name)));
    const [then, otherwise] = /** @type {Body[]} */ (node.bodies);
    return this.#call(isTrue(condition, node) ? then : otherwise, node, operands, symbols, task);
  }

  /**
   * @param {Node} node
   * @param {ReadonlyMap<string, Held>} values
   * @param {Symbols} symbols
   * @param {Task} task
   * @returns {Promise<Held[]>}
   */
  async #loop(node, values, symbols, task) {
    const [condition, body] = /** @type {Body[]} */ (node.bodies);
    const given = node.inputs.map((name) => /** @type {Held} */ (values.get(name)));
    const count = Number(node.attributes.carried);
    /** @type {Held[][]} */
    const stacked = node.outputs.slice(count).map(() => []);
    for (let round = 0; ; round++) {
      const [test] = await this.#call(condition, node, given, symbols, task);
      if (!isTrue(test, node)) break;
      if (round === MAXIMUM_ROUNDS) throw new InputError(`${show(node)} does not end within ${MAXIMUM_ROUNDS} rounds on these inputs`);
      const results = await this.#call(body, node, given, symbols, task);
      given.splice(0, count, ...results.slice(0, count));
      results.slice(count).forEach((result, index) => stacked[index].push(result));
    }
    const carried = given.slice(0, count);
    this.#fit(node, carried, symbols);
    return [...carried, ...stacked.map((rows, index) => stack(rows, node, count + index, symbols))];
  }

  /**
   * Binds the symbols in the shapes of what control flow gives.
   * @param {Node} node
   * @param {readonly Held[]} results
   * @param {Symbols} symbols
   */
  #fit({ results: types = [], ...node }, results, symbols) {
    const declared = results.map(({ dtype, shape }, index) => {
      const wanted = types[index];
      if (dtype !== wanted.dtype || shape.length !== wanted.shape.length) throw new ShapeError(`${show(node)} gives ${dtype} [${shape.join(", ")}], wanted ${wanted.dtype} [${wanted.shape.join(", ")}]`);
      return { name: node.outputs[index], shape: wanted.shape };
    });
    bind(declared, results, symbols, this.description.symbols, show(node));
  }
}

/**
 * @param {Stage} stage
 * @returns {PlannedStage}
 */
function planned(stage) {
  return { stage, plans: new Map() };
}

/**
 * Binds the symbols that shapes and elements determine. Those that are bound already must fit.
 * @param {{ name: string, shape: readonly import("../../dims.js").Dim[], values?: string[] }[]} declared
 * @param {readonly Held[]} given
 * @param {Symbols} symbols
 * @param {ModelDescription["symbols"]} ranges
 * @param {string} where
 */
function bind(declared, given, symbols, ranges, where) {
  const shapes = new Map(declared.map(({ name }, index) => [name, given[index].shape]));
  const elements = new Map(declared.map(({ name }, index) => [name, given[index].data]));
  try {
    for (const [symbol, value] of bindSymbols(declared, shapes, ranges, elements, symbols)) symbols.set(symbol, value);
  } catch (error) {
    throw error instanceof InputError ? new ShapeError(`${where}: ${error.message}`) : error;
  }
}

/**
 * @param {Held} condition
 * @param {Node} node
 */
function isTrue({ data }, node) {
  if (data.length !== 1) throw new ShapeError(`${show(node)}: its condition has ${data.length} elements, wanted 1`);
  return data[0] !== 0;
}

/**
 * The values of all rounds along a new first axis.
 * @param {readonly Held[]} rows
 * @param {Node} node
 * @param {number} output
 * @param {Symbols} symbols
 * @returns {Held}
 */
function stack(rows, node, output, symbols) {
  const { dtype, shape } = /** @type {NonNullable<Node["results"]>} */ (node.results)[output];
  const isKnown = (/** @type {import("../../dims.js").Dim} */ dim) => [...symbolsOf(dim)].every((symbol) => symbols.has(symbol));
  // Sizes that only the body would tell are 0 when it never runs.
  const inner = rows.length ? rows[0].shape : shape.slice(1).map((dim) => (isKnown(dim) ? evaluateDim(dim, symbols) : 0));
  const size = sizeOf(inner);
  const data = new DTYPES[dtype].array(rows.length * size);
  rows.forEach((row, index) => {
    if (row.shape.join() !== inner.join()) throw new ShapeError(`${show(node)}: it stacks [${row.shape.join(", ")}] on [${inner.join(", ")}]`);
    data.set(/** @type {any} */ (row.data), index * size);
  });
  return { dtype, shape: [rows.length, ...inner], data };
}

/** @param {Pick<Node, "op" | "name" | "index">} node */
function show({ op, name, index }) {
  return `node ${index} (${op}${name ? `, ${name}` : ""})`;
}
