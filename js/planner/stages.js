/** Stages: what of a graph can be planned at once. Between two, the host runs control flow and reads the sizes that were computed. */

import { symbolsOf } from "../dims.js";

/** @typedef {import("../format.js").Node} Node */
/** @typedef {import("../dims.js").Dim} Dim */
/**
 * A graph that runs by itself: a model's, or the body of a control-flow operator.
 * @typedef {object} Procedure
 * @property {Node[]} nodes in topological order
 * @property {{ value: string, shape: readonly Dim[] }[]} inputs
 * @property {string[]} outputs values
 * @property {ReadonlySet<string>} constants values
 * @property {ReadonlyMap<string, string[]>} elements values whose elements are symbols
 */
/**
 * @typedef {object} Stage
 * @property {Node[]} nodes that are one plan
 * @property {Node[]} calls control flow that comes after them
 * @property {string[]} needs values that the nodes read and an earlier stage, or the caller, gives
 * @property {string[]} reads values that the nodes make, or constants, which the host reads afterwards
 * @property {string[]} symbols that the plan depends on
 */

/**
 * The symbols that a node's attributes, and the nodes of its bodies, name.
 * @param {Node} node
 * @param {Set<string>} [found]
 */
export function symbolsIn({ attributes, bodies = [] }, found = new Set()) {
  for (const value of Object.values(attributes)) {
    if (Array.isArray(value)) for (const item of value) if (typeof item === "string") symbolsOf(item).forEach((symbol) => found.add(symbol));
  }
  for (const { nodes } of bodies) for (const node of nodes) symbolsIn(node, found);
  return found;
}

/**
 * The values that are computed before certain symbols are known, by symbol.
 * @param {Pick<Procedure, "nodes" | "inputs" | "elements">} procedure
 * @param {Iterable<string>} [bound] symbols that are known before, beside those of the inputs
 * @returns {Map<string, string>}
 */
export function tellersOf({ nodes, inputs, elements }, bound = []) {
  const given = new Set(inputs.map(({ value }) => value));
  const known = new Set([...bound, ...inputs.flatMap(({ shape }) => shape.flatMap(symbolsOfDim))]);
  for (const [value, symbols] of elements) if (given.has(value)) symbols.forEach((symbol) => known.add(symbol));
  /** @type {Map<string, string>} */
  const tellers = new Map();
  const add = (/** @type {string} */ symbol, /** @type {string} */ value) => {
    if (!known.has(symbol) && !tellers.has(symbol)) tellers.set(symbol, value);
  };
  for (const [value, symbols] of elements) if (!given.has(value)) symbols.forEach((symbol) => add(symbol, value));
  for (const { outputs, results = [] } of nodes) {
    results.forEach(({ shape }, index) => shape.flatMap(symbolsOfDim).forEach((symbol) => add(symbol, outputs[index])));
  }
  return tellers;
}

/** @param {Dim} dim */
function symbolsOfDim(dim) {
  return [...symbolsOf(dim)];
}

/**
 * @param {Procedure} procedure
 * @param {Iterable<string>} [bound] symbols that are known before, beside those of the inputs
 * @returns {Stage[]}
 */
export function stagesOf(procedure, bound = []) {
  const { nodes, constants, elements, outputs } = procedure;
  const tellers = tellersOf(procedure, bound);
  /** @type {Stage[]} */
  const stages = [];
  const stageAt = (/** @type {number} */ index) => {
    while (stages.length <= index) stages.push({ nodes: [], calls: [], needs: [], reads: [], symbols: [] });
    return stages[index];
  };
  stageAt(0);
  /** The stage in which a value can be read by nodes; 0 for what is given. @type {Map<string, number>} */
  const ready = new Map();
  /** The stage whose nodes make a value. @type {Map<string, number>} */
  const made = new Map();
  const toldAt = (/** @type {string} */ value) => (made.has(value) || constants.has(value) ? (made.get(value) ?? 0) + 1 : (ready.get(value) ?? 0));
  for (const node of nodes) {
    let index = 0;
    for (const name of node.inputs) index = Math.max(index, ready.get(name) ?? 0);
    for (const symbol of tellers.size ? symbolsIn(node) : []) {
      const teller = tellers.get(symbol);
      if (teller !== undefined) index = Math.max(index, toldAt(teller));
    }
    const stage = stageAt(index);
    (node.bodies ? stage.calls : stage.nodes).push(node);
    for (const output of node.outputs) {
      ready.set(output, node.bodies ? index + 1 : index);
      if (!node.bodies) made.set(output, index);
    }
  }
  const reads = stages.map(() => new Set());
  const read = (/** @type {string} */ name) => {
    const index = constants.has(name) ? 0 : made.get(name);
    if (index !== undefined) reads[index].add(name);
  };
  stages.forEach((stage, index) => {
    const symbols = new Set();
    const needs = new Set();
    for (const node of stage.nodes) {
      symbolsIn(node, symbols);
      for (const name of node.inputs) if (name !== "" && !constants.has(name) && made.get(name) !== index) needs.add(name);
    }
    needs.forEach(read);
    for (const { inputs } of stage.calls) inputs.forEach(read);
    stage.symbols.push(...symbols);
    stage.needs.push(...needs);
  });
  outputs.forEach(read);
  for (const name of elements.keys()) read(name);
  stages.forEach((stage, index) => stage.reads.push(...reads[index]));
  return stages;
}

/**
 * Whether a graph is one plan: without control flow and sizes that it computes.
 * @param {readonly Stage[]} stages
 * @param {Pick<Procedure, "elements" | "inputs">} procedure
 */
export function isOnePlan(stages, { elements, inputs }) {
  return stages.length === 1 && !stages[0].calls.length && [...elements.keys()].every((name) => inputs.some(({ value }) => value === name));
}
