/** Which nodes a signature needs, what its symbols are, and the shape and dtype of every value. */

import { evaluateDim, parseDim } from "./dims.js";
import { SOURCE_DTYPES } from "./dtypes.js";
import { FormatError, InputError, ShapeError, WebkilnError } from "./errors.js";
import { checkSize } from "./format.js";
import { operators } from "./generated/operators.js";

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
 * @property {ReadonlyMap<string, boolean>} [pictures] inputs that are described as pictures, and whether channels come before rows in them
 */

/**
 * The part of a model that one signature needs.
 * @param {ModelDescription} model
 * @param {Signature} signature
 * @returns {{ nodes: Node[], constants: Set<string> }}
 */
export function liveGraph(model, signature) {
  /** @type {Map<string, Node>} */
  const producers = new Map();
  for (const node of model.nodes) for (const output of node.outputs) producers.set(output, node);
  /** @type {Set<Node>} */
  const live = new Set();
  /** @type {Set<string>} */
  const constants = new Set();
  for (const { initial } of model.state) if (initial !== "zeros") constants.add(initial);
  const pending = [...signature.outputs.map(({ value }) => value), ...model.state.map(({ output }) => output)];
  for (let name; (name = pending.pop()) !== undefined; ) {
    if (model.constants.has(name)) constants.add(name);
    const node = producers.get(name);
    if (!node || live.has(node)) continue;
    live.add(node);
    for (const input of node.inputs) if (input !== "") pending.push(input);
  }
  const given = new Set([...signature.inputs.map(({ value }) => value), ...model.state.map(({ input }) => input)]);
  for (const node of live) {
    for (const input of node.inputs) {
      if (input !== "" && !producers.has(input) && !constants.has(input) && !given.has(input)) {
        throw new FormatError(`signature ${JSON.stringify(signature.name)} does not give the value ${JSON.stringify(input)}, which its outputs need`);
      }
    }
  }
  return { nodes: model.nodes.filter((node) => live.has(node)), constants };
}

/**
 * The values of the symbols that the shapes of the inputs, and the elements of some, imply.
 * @param {{ name: string, shape: readonly Dim[], values?: readonly string[] }[]} declared
 * @param {ReadonlyMap<string, readonly number[]>} actual shapes by input name, of the declared ranks
 * @param {ReadonlyMap<string, SymbolRange>} ranges
 * @param {ReadonlyMap<string, ArrayLike<number>>} [elements] of the inputs that give symbols by their values, by input name
 * @returns {Map<string, number>}
 * @throws {InputError} naming the input and the symbol
 */
export function bindSymbols(declared, actual, ranges, elements = new Map()) {
  /** @type {Map<string, { value: number, input: string }>} */
  const bound = new Map();
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
    const where = `input ${JSON.stringify(input)}: ${place}, the symbol ${symbol}, is ${value}`;
    const earlier = bound.get(symbol);
    if (earlier && earlier.value !== value) throw new InputError(`${where}; the input ${JSON.stringify(earlier.input)} makes it ${earlier.value}`);
    const { minimum, maximum, multiple } = ranges.get(symbol) ?? { minimum: 0, maximum: Infinity, multiple: 1 };
    if (value < minimum) throw new InputError(`${where}; wanted at least ${minimum}`);
    if (value > maximum) throw new InputError(`${where}; wanted at most ${maximum}`);
    if (value % multiple !== 0) throw new InputError(`${where}; wanted a multiple of ${multiple}`);
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
 * @param {{ nodes: Node[], constants: Set<string> }} live
 * @param {ReadonlyMap<string, number>} symbols
 * @param {ReadonlyMap<string, readonly number[]>} [actual] shapes of the inputs by name, where they are known
 * @returns {StaticGraph}
 * @throws {ShapeError} naming the node
 */
export function inferGraph(model, signature, live, symbols, actual) {
  /** @type {Map<string, TensorType>} */
  const types = new Map();
  for (const name of live.constants) {
    const { shape, dtype } = /** @type {import("./format.js").Constant} */ (model.constants.get(name));
    types.set(name, { shape, dtype });
  }
  for (const { name, value, dtype, shape } of signature.inputs) {
    const type = { shape: [...(actual?.get(name) ?? shape.map((dim) => evaluateDim(dim, symbols)))], dtype: innerDtype(dtype) };
    checkShape(type.shape, `input ${JSON.stringify(name)}`);
    types.set(value, type);
  }
  for (const { input, shape, dtype } of model.state) types.set(input, { shape, dtype });

  const operations = live.nodes.map((node) => {
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
