/** Which nodes a signature needs, what its symbols are, and the shape and dtype of every value. */

import { evaluateDim, parseDim } from "./dims.js";
import { SOURCE_DTYPES } from "./dtypes.js";
import { FormatError, InputError, ShapeError, WebkilnError } from "./errors.js";
import { checkSize } from "./format.js";
import { operators } from "./generated/operators.js";
import { stagesOf, symbolsIn, tellersOf } from "./planner/stages.js";

/** @typedef {import("./dims.js").Dim} Dim */
/** @typedef {import("./dtypes.js").Dtype} Dtype */
/** @typedef {import("./format.js").ModelDescription} ModelDescription */
/** @typedef {import("./format.js").Node} Node */
/** @typedef {import("./format.js").Signature} Signature */
/** @typedef {import("./format.js").SymbolRange} SymbolRange */
/** @typedef {{ shape: number[], dtype: Dtype }} TensorType */
/** @typedef {{ index: number, op: string, name: string, inputs: string[], output: string, attributes: Record<string, any> }} Operation a node whose attributes are plain numbers */
/**
 * A graph of which every size is known: what the planner sees.
 * @typedef {object} StaticGraph
 * @property {Operation[]} operations in topological order
 * @property {Map<string, TensorType>} types of every value
 * @property {string[]} inputs values
 * @property {string[]} outputs values
 * @property {Set<string>} constants values
 * @property {{ input: string, output: string }[]} state
 * @property {Map<string, number>} [symbols] where only some types are known yet
 * @property {ReadonlyMap<string, boolean>} [pictures] inputs that are described as pictures, and whether channels come before rows in them
 */

/**
 * The part of a model that one signature needs.
 * @typedef {import("./planner/stages.js").Procedure & { nodes: Node[], constants: Set<string>, needed: Set<string>, stages: import("./planner/stages.js").Stage[] }} LiveGraph `needed`: constants, also of bodies
 */

/**
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @returns {LiveGraph}
 */
export function liveGraph(model, signature) {
  const inputs = [...signature.inputs, ...model.state.map(({ input, shape }) => ({ value: input, shape }))];
  const given = new Map(signature.inputs.flatMap(({ value, values }) => (values ? [/** @type {[string, string[]]} */ ([value, values])] : [])));
  const tellers = tellersOf({ nodes: model.nodes, inputs, elements: new Map([...given, ...model.elements]) });
  /** @type {Map<string, Node>} */
  const producers = new Map();
  for (const node of model.nodes) for (const output of node.outputs) producers.set(output, node);
  /** @type {Set<Node>} */
  const live = new Set();
  /** @type {Set<string>} */
  const constants = new Set();
  /** @type {Set<string>} */
  const told = new Set();
  for (const { initial } of model.state) if (initial !== "zeros") constants.add(initial);
  const outputs = [...signature.outputs.map(({ value }) => value), ...model.state.map(({ output }) => output)];
  const pending = [...outputs];
  for (let name; (name = pending.pop()) !== undefined; ) {
    if (model.constants.has(name)) constants.add(name);
    const node = producers.get(name);
    if (!node || live.has(node)) continue;
    live.add(node);
    for (const input of node.inputs) if (input !== "") pending.push(input);
    for (const symbol of symbolsIn(node)) {
      const value = tellers.get(symbol);
      if (value === undefined) continue;
      told.add(value);
      pending.push(value);
    }
  }
  const available = new Set(inputs.map(({ value }) => value));
  for (const node of live) {
    for (const input of node.inputs) {
      if (input !== "" && !producers.has(input) && !constants.has(input) && !available.has(input)) {
        throw new FormatError(`signature ${JSON.stringify(signature.name)} does not give the value ${JSON.stringify(input)}, which its outputs need`);
      }
    }
  }
  const nodes = model.nodes.filter((node) => live.has(node));
  const elements = new Map([...given, ...[...model.elements].filter(([value]) => told.has(value))]);
  const procedure = { nodes, inputs, outputs, constants, elements };
  return { ...procedure, needed: new Set([...constants, ...nodes.flatMap(constantsOfBodies)]), stages: stagesOf(procedure) };
}

/**
 * @param {Node} node
 * @returns {string[]}
 */
function constantsOfBodies({ bodies = [] }) {
  return bodies.flatMap(({ constants, nodes }) => [...constants, ...nodes.flatMap(constantsOfBodies)]);
}

/**
 * The values of the symbols that the shapes of the inputs, and the elements of some, imply.
 * @param {{ name: string, shape: readonly Dim[], values?: readonly string[] }[]} declared
 * @param {ReadonlyMap<string, readonly number[]>} actual shapes by input name, of the declared ranks
 * @param {ReadonlyMap<string, SymbolRange>} ranges
 * @param {ReadonlyMap<string, ArrayLike<number>>} [elements] of the inputs that give symbols by their values, by input name
 * @param {ReadonlyMap<string, number>} [known] symbols that are bound already
 * @returns {Map<string, number>}
 * @throws {InputError} naming the input and the symbol
 */
export function bindSymbols(declared, actual, ranges, elements = new Map(), known = new Map()) {
  /** @type {Map<string, { value: number, input?: string }>} */
  const bound = new Map([...known].map(([symbol, value]) => [symbol, { value }]));
  /** @type {{ input: string, axis: number, dim: string, size: number }[]} */
  const pending = [];
  for (const { name, shape, values = [] } of declared) {
    const given = actual.get(name) ?? [];
    const numbers = elements.get(name) ?? [];
    values.forEach((symbol, index) => bind(symbol, numbers[index], name, `element ${index}`));
    shape.forEach((dim, axis) => {
      if (typeof dim !== "string") return;
      const expression = parseDim(dim);
      if (typeof expression === "object" && "symbol" in expression) bind(expression.symbol, given[axis], name, `axis ${axis}`);
      else pending.push({ input: name, axis, dim, size: given[axis] });
    });
  }
  for (const { input, axis, dim, size } of pending) {
    const unknown = unboundIn(dim);
    if (unknown.length === 1) solve(unknown[0], dim, size, input, axis);
    const wanted = evaluateDim(dim, values());
    if (wanted !== size) throw new InputError(`input ${JSON.stringify(input)}: axis ${axis} is ${size}; wanted ${dim} = ${wanted}`);
  }
  return values();

  function values() {
    return new Map([...bound].map(([symbol, { value }]) => [symbol, value]));
  }

  /** @param {string} dim */
  function unboundIn(dim) {
    return [...new Set(dim.match(/[A-Za-z_][A-Za-z0-9_]*/g))].filter((name) => ranges.has(name) && !bound.has(name));
  }

  /** @type {(symbol: string, value: number, input: string, place: string) => void} */
  function bind(symbol, value, input, place) {
    /** Told only when it is wrong: loops bind in every round. */
    const where = () => `input ${JSON.stringify(input)}: ${place}, the symbol ${symbol}, is ${value}`;
    const earlier = bound.get(symbol);
    if (earlier && earlier.value !== value) throw new InputError(`${where()}; ${earlier.input === undefined ? "it is" : `the input ${JSON.stringify(earlier.input)} makes it`} ${earlier.value}`);
    const { minimum, maximum, multiple } = ranges.get(symbol) ?? { minimum: 0, maximum: Infinity, multiple: 1 };
    if (value < minimum) throw new InputError(`${where()}; wanted at least ${minimum}`);
    if (value > maximum) throw new InputError(`${where()}; wanted at most ${maximum}`);
    if (value % multiple !== 0) throw new InputError(`${where()}; wanted a multiple of ${multiple}`);
    bound.set(symbol, { value, input });
  }

  /** A linear dimension, such as 2·H + 1, gives its only unknown symbol. @type {(symbol: string, dim: string, size: number, input: string, axis: number) => void} */
  function solve(symbol, dim, size, input, axis) {
    const at = (/** @type {number} */ value) => evaluateDim(dim, new Map([...values(), [symbol, value]]));
    const slope = at(1) - at(0);
    const value = (size - at(0)) / slope;
    if (!Number.isSafeInteger(value) || value < 0 || at(value) !== size) {
      throw new InputError(`input ${JSON.stringify(input)}: axis ${axis} is ${size}, and no ${symbol} makes ${dim} that`);
    }
    bind(symbol, value, input, `axis ${axis}`);
  }
}

/**
 * Evaluates every dimension and infers every shape and dtype.
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @param {LiveGraph} live
 * @param {ReadonlyMap<string, number>} symbols
 * @param {ReadonlyMap<string, readonly number[]>} [actual] shapes of the inputs by name, where they are known
 * @returns {StaticGraph}
 * @throws {ShapeError} naming the node
 */
export function inferGraph(model, signature, live, symbols, actual) {
  const types = givenTypes(model, signature, live, symbols, actual);
  const operations = inferNodes(live.nodes, types, symbols);
  checkResults(model, signature, types, symbols);
  return {
    operations,
    types,
    inputs: signature.inputs.map(({ value }) => value),
    outputs: signature.outputs.map(({ value }) => value),
    constants: live.constants,
    state: model.state.map(({ input, output }) => ({ input, output })),
  };
}

/**
 * What is known before a run of a graph that is run in stages: an operation for each value that nodes make, and the types of the inputs.
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @param {LiveGraph} live
 * @param {Map<string, number>} symbols
 * @param {ReadonlyMap<string, readonly number[]>} [actual] shapes of the inputs by name, where they are known
 * @returns {StaticGraph}
 */
export function stagedGraph(model, signature, live, symbols, actual) {
  return {
    operations: live.nodes.flatMap(({ index, op, name, inputs, outputs, attributes }) => outputs.map((output) => ({ index, op, name, inputs, output, attributes }))),
    types: givenTypes(model, signature, live, symbols, actual),
    inputs: signature.inputs.map(({ value }) => value),
    outputs: signature.outputs.map(({ value }) => value),
    constants: live.constants,
    state: model.state.map(({ input, output }) => ({ input, output })),
    symbols,
  };
}

/**
 * The types of constants, inputs and states.
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @param {LiveGraph} live
 * @param {ReadonlyMap<string, number>} symbols
 * @param {ReadonlyMap<string, readonly number[]>} [actual]
 * @returns {Map<string, TensorType>}
 */
function givenTypes(model, signature, live, symbols, actual) {
  const types = constantTypes(model, live.constants);
  for (const { name, value, dtype, shape } of signature.inputs) {
    const type = { shape: [...(actual?.get(name) ?? shape.map((dim) => evaluateDim(dim, symbols)))], dtype: innerDtype(dtype) };
    checkShape(type.shape, `input ${JSON.stringify(name)}`);
    types.set(value, type);
  }
  for (const { input, shape, dtype } of model.state) types.set(input, { shape, dtype });
  return types;
}

/**
 * @param {ModelDescription} model
 * @param {Iterable<string>} names
 * @returns {Map<string, TensorType>}
 */
export function constantTypes(model, names) {
  return new Map([...names].map((name) => {
    const { shape, dtype } = /** @type {import("./format.js").Constant} */ (model.constants.get(name));
    return [name, { shape, dtype }];
  }));
}

/**
 * Evaluates the attributes of nodes and infers what they give.
 * @param {readonly Node[]} nodes
 * @param {Map<string, TensorType>} types of what they read, to which those of what they give are added
 * @param {ReadonlyMap<string, number>} symbols
 * @returns {Operation[]}
 * @throws {ShapeError} naming the node
 */
export function inferNodes(nodes, types, symbols) {
  return nodes.map((node) => {
    const where = `node ${node.index} (${node.op}${node.name ? `, ${node.name}` : ""})`;
    const operator = operators[node.op];
    const attributes = resolveAttributes(node, symbols);
    const inputs = node.inputs.map((name) => (name === "" ? undefined : types.get(name)));
    const given = /** @type {TensorType[]} */ (inputs.filter((type) => type !== undefined));
    try {
      const [shape] = operator.shape(given.map((type) => type.shape), attributes);
      const [dtype] = operator.dtype(given.map((type) => type.dtype), attributes);
      checkShape(shape, where);
      types.set(node.outputs[0], { shape: [...shape], dtype: /** @type {Dtype} */ (dtype) });
    } catch (error) {
      if (error instanceof WebkilnError) throw error;
      throw new ShapeError(`${where}: ${/** @type {Error} */ (error).message}`);
    }
    return { index: node.index, op: node.op, name: node.name, inputs: node.inputs, output: node.outputs[0], attributes };
  });
}

/**
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @param {ReadonlyMap<string, TensorType>} types
 * @param {ReadonlyMap<string, number>} symbols
 * @throws {FormatError} where an output or a next state is not what it is declared to be
 */
export function checkResults(model, signature, types, symbols) {
  for (const { name, value, dtype, shape } of signature.outputs) {
    const type = /** @type {TensorType} */ (types.get(value));
    const wanted = shape.map((dim) => evaluateDim(dim, symbols));
    if (type.dtype !== innerDtype(dtype) || wanted.length !== type.shape.length || wanted.some((dim, axis) => dim !== type.shape[axis])) {
      throw new FormatError(`the output ${JSON.stringify(name)} is declared ${dtype} [${wanted.join(", ")}], and the graph gives ${type.dtype} [${type.shape.join(", ")}]`);
    }
  }
  for (const { input, output, shape, dtype } of model.state) {
    const type = /** @type {TensorType} */ (types.get(output));
    if (type.dtype !== dtype || type.shape.join() !== shape.join()) {
      throw new FormatError(`the state ${JSON.stringify(input)} is ${dtype} [${shape.join(", ")}], and what follows it, ${JSON.stringify(output)}, is ${type.dtype} [${type.shape.join(", ")}]`);
    }
  }
}

/**
 * @param {string} dtype the source's
 * @returns {Dtype}
 */
function innerDtype(dtype) {
  return /** @type {{ dtype: Dtype }} */ (SOURCE_DTYPES.get(dtype)).dtype;
}

/**
 * @param {readonly number[]} shape
 * @param {string} where
 */
function checkShape(shape, where) {
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) throw new ShapeError(`${where}: [${shape.join(", ")}] is no shape`);
  checkSize(shape, where);
}

/**
 * @param {Node} node
 * @param {ReadonlyMap<string, number>} symbols
 * @returns {Record<string, any>}
 */
function resolveAttributes(node, symbols) {
  /** @type {Record<string, any>} */
  const resolved = Object.create(null);
  for (const [name, { type }] of Object.entries(operators[node.op].attributes)) {
    const value = node.attributes[name];
    if (type === "dims") resolved[name] = /** @type {Dim[]} */ (value).map((dim) => evaluateDim(dim, symbols));
    else if (type === "float") resolved[name] = Number(value);
    else resolved[name] = value;
  }
  return resolved;
}
