/** Segments: which backend runs which operations of a graph. Each segment is a graph of its own, and one call. */

import { sizeOf } from "../dtypes.js";
import { UnsupportedOperatorError } from "../errors.js";

/** @typedef {import("../graph.js").Operation} Operation */
/** @typedef {import("../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../graph.js").TensorType} TensorType */
/** @typedef {{ backend: string, operations: Operation[] }} Part */
/** @typedef {{ backend: string, graph: StaticGraph }} Segment */
/** @typedef {{ name: string, runs: (operation: Operation) => boolean }} Choice a backend, and what it can run */

/**
 * The work of a crossing, in multiply-adds of the WASM backend: two milliseconds, which a read-back takes before the first element comes.
 * A device's segment that is not worth what it moves is left to the fallback.
 */
export const CROSSING = 1e7;
/** The same for each element that crosses, and for each that an operation reads or writes without multiplying it. */
const MOVED = 10;
const TOUCHED = 4;
const VIEWS = new Set(["reshape", "transpose", "slice", "expand"]);

/**
 * Gives every operation to a backend, in an order in which segments are few.
 * @param {StaticGraph} graph
 * @param {Choice} device
 * @param {Choice} fallback runs whatever it can that the device does not, or that is too little to be worth a crossing
 * @param {number} [crossing] the work that makes a crossing worthwhile; 0: whatever the device can run
 * @returns {Part[]}
 * @throws {UnsupportedOperatorError} every operation that neither can run
 */
export function partition(graph, device, fallback, crossing = CROSSING) {
  const { operations, types } = graph;
  const own = new Set(operations.filter(device.runs));
  const missing = operations.filter((operation) => !own.has(operation) && !fallback.runs(operation));
  if (missing.length) {
    const lines = missing.map(({ op, inputs, name, output }) => {
      const dtypes = inputs.filter((input) => input !== "").map((input) => types.get(input)?.dtype);
      return `${op} of ${dtypes.join(", ")} to ${types.get(output)?.dtype} (${name || output})`;
    });
    throw new UnsupportedOperatorError(`neither ${device.name} nor ${fallback.name} runs these operators:\n${lines.join("\n")}`);
  }
  for (;;) {
    const backendOf = (/** @type {Operation} */ operation) => (own.has(operation) ? device.name : fallback.name);
    const [parts] = [device, fallback].map(({ name }) => schedule(operations, backendOf, name)).sort((a, b) => a.length - b.length);
    if (parts.length < 2 || !crossing) return parts;
    const segments = segmentsOf(graph, parts, { resident: residentStates(graph, parts, graph.outputs, device.name) });
    const islands = segments.filter((segment) => segment.backend === device.name && workOf(segment.graph) < crossing + MOVED * movedBy(segment.graph));
    const movable = islands.flatMap((segment) => segment.graph.operations).filter(fallback.runs);
    if (!movable.length) return parts;
    movable.forEach((operation) => own.delete(operation));
  }
}

/**
 * Takes whatever is ready on one backend before it goes to another.
 * @param {readonly Operation[]} operations in topological order
 * @param {(operation: Operation) => string} backendOf
 * @param {string} first
 * @returns {Part[]}
 */
function schedule(operations, backendOf, first) {
  const waiting = new Set(operations.map(({ output }) => output));
  /** @type {Part[]} */
  const parts = [];
  let backend = first;
  for (let rest = operations; rest.length; backend = rest.length ? backendOf(rest[0]) : first) {
    /** @type {Operation[]} */
    const taken = [];
    /** @type {Operation[]} */
    const left = [];
    for (const operation of rest) {
      if (backendOf(operation) !== backend || operation.inputs.some((input) => waiting.has(input))) left.push(operation);
      else {
        waiting.delete(operation.output);
        taken.push(operation);
      }
    }
    if (taken.length) parts.push({ backend, operations: taken });
    rest = left;
  }
  return parts;
}

/**
 * @param {StaticGraph} segment
 * @returns {number} multiply-adds
 */
function workOf({ operations, types }) {
  const shapeOf = (/** @type {string} */ name) => /** @type {TensorType} */ (types.get(name)).shape;
  return operations.reduce((sum, { op, inputs, output }) => {
    const elements = sizeOf(shapeOf(output));
    if (op === "conv2d") return sum + elements * sizeOf(shapeOf(inputs[1]).slice(0, -1));
    if (op === "matmul") return sum + elements * shapeOf(inputs[1]).slice(-2)[0];
    if (VIEWS.has(op)) return sum;
    return sum + TOUCHED * Math.max(elements, ...inputs.map((input) => (input === "" ? 0 : sizeOf(shapeOf(input)))));
  }, 0);
}

/**
 * @param {StaticGraph} segment
 * @returns {number} elements that go to the device and come from it
 */
function movedBy({ inputs, outputs, types }) {
  return [...inputs, ...outputs].reduce((sum, name) => sum + sizeOf(/** @type {TensorType} */ (types.get(name)).shape), 0);
}

/**
 * The graph of each part: its inputs are what other parts or the caller give, its outputs what others, `outputs` or the next state want.
 * @param {StaticGraph} graph
 * @param {readonly Part[]} parts
 * @param {{ outputs?: readonly string[], resident?: ReadonlyMap<string, Part> }} [options] what is read afterwards; `resident`: states that stay in a part
 * @returns {Segment[]}
 */
export function segmentsOf(graph, parts, { outputs = graph.outputs, resident = new Map() } = {}) {
  const moving = graph.state.filter(({ input }) => !resident.has(input));
  const needs = parts.map((part) => {
    const made = new Set(part.operations.map(({ output }) => output));
    return new Set(part.operations.flatMap(({ inputs }) => inputs.filter((name) => name !== "" && !made.has(name) && !graph.constants.has(name) && !resident.has(name))));
  });
  const wanted = new Set([...outputs, ...moving.map(({ output }) => output), ...needs.flatMap((names) => [...names])]);
  return parts.map((part, index) => ({
    backend: part.backend,
    graph: {
      operations: part.operations,
      types: graph.types,
      inputs: [...needs[index]],
      outputs: part.operations.map(({ output }) => output).filter((name) => wanted.has(name)),
      constants: graph.constants,
      pictures: graph.pictures,
      state: graph.state.filter(({ input }) => resident.get(input) === part),
    },
  }));
}

/**
 * States that need not leave the device: one part has all their readers and what follows them.
 * @param {StaticGraph} graph
 * @param {readonly Part[]} parts
 * @param {readonly string[]} outputs
 * @param {string} device
 * @returns {Map<string, Part>}
 */
export function residentStates({ state }, parts, outputs, device) {
  const taken = new Set([...outputs, ...state.map(({ output }) => output)]);
  /** @type {Map<string, Part>} */
  const found = new Map();
  for (const { input, output } of state) {
    const touching = parts.filter(({ operations }) => operations.some((operation) => operation.inputs.includes(input) || operation.output === output));
    const isWritten = touching[0]?.operations.some((operation) => operation.output === output);
    if (touching.length === 1 && isWritten && touching[0].backend === device && !taken.has(input)) found.set(input, touching[0]);
  }
  return found;
}
