/** Golden vectors: is what this device computes what the reference computed, and if not, since which operator. */

import { compare } from "./compare.js";
import { numbers } from "./constants.js";
import { evaluateDim } from "./dims.js";
import { sizeOf, SOURCE_DTYPES } from "./dtypes.js";
import { FormatError, WebkilnError } from "./errors.js";
import { leastTolerances } from "./generated/tolerances.js";
import { generate } from "./generator.js";

/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./format.js").GoldenCase} GoldenCase */
/** @typedef {import("./format.js").GoldenOutput} GoldenOutput */
/** @typedef {import("./safetensors.js").StoredTensor} StoredTensor */
/** @typedef {import("./model.js").Build} Build */
/** @typedef {{ name: string, maximumError: number, tolerance: number, passed: boolean }} OutputReport errors relative to the largest magnitude */
/** @typedef {{ signature: string, symbols: Record<string, number>, outputs: OutputReport[] }} CaseReport */
/** @typedef {{ node: string, op: string, error: number }} Divergence */
/** @typedef {{ passed: boolean, build: Build, cases: CaseReport[], diverging: Divergence | null, explanation: string | null }} Verification */
/**
 * What is verified.
 * @typedef {object} Subject
 * @property {import("./format.js").ModelDescription} description
 * @property {import("./format.js").Signature} signature
 * @property {Build} build in use
 * @property {() => Promise<Map<string, StoredTensor>>} golden
 * @property {(inputs: Record<string, InputValue>) => Record<string, Tensor> | Promise<Record<string, Tensor>>} run from the initial state
 * @property {(inputs: Record<string, InputValue>, build: Build) => Promise<{ values: Record<string, Tensor>, graph: import("./graph.js").StaticGraph }>} trace
 */

/**
 * @param {number} measured
 * @param {Build} build
 */
function toleranceOf(measured, build) {
  return Math.max(measured, leastTolerances[build] ?? 0);
}

/**
 * @param {Subject} subject
 * @returns {Promise<Verification>}
 * @throws {WebkilnError} when the model has no golden vectors for its signature
 */
export async function verify(subject) {
  const { description: { golden }, signature, build } = subject;
  const cases = golden?.cases.filter((item) => item.signature === signature.name) ?? [];
  if (!golden || !cases.length) throw new WebkilnError(`the model has no golden vectors for the signature ${JSON.stringify(signature.name)}; convert it again with webkiln to get them`);
  const tensors = await subject.golden();
  /** @type {CaseReport[]} */
  const reports = [];
  /** @type {Record<string, InputValue> | null} */
  let failing = null;
  for (const item of cases) {
    const inputs = makeInputs(subject, item, tensors);
    const results = await subject.run(inputs);
    const outputs = [...item.outputs].filter(([name]) => name in results).map(([name, expected]) => compareOutput(name, results[name], expected, tensors, golden.tolerance, build));
    if (outputs.some(({ passed }) => !passed)) failing ??= inputs;
    reports.push({ signature: item.signature, symbols: Object.fromEntries(item.symbols), outputs });
  }
  const located = failing ? await locate(subject, failing, toleranceOf(golden.tolerance, build)) : { diverging: null, explanation: null };
  return { passed: !failing, build, cases: reports, ...located };
}

/**
 * @param {Subject} subject
 * @param {GoldenCase} item
 * @param {Map<string, StoredTensor>} tensors
 * @returns {Record<string, InputValue>}
 */
function makeInputs({ signature }, item, tensors) {
  /** @type {Record<string, InputValue>} */
  const inputs = Object.create(null);
  for (const { name, dtype, shape } of signature.inputs) {
    const spec = /** @type {import("./format.js").GoldenInput} */ (item.inputs.get(name));
    const dims = shape.map((dim) => evaluateDim(dim, item.symbols));
    const data = "tensor" in spec ? numbers(stored(tensors, spec.tensor), `the golden input ${name}`) : generate(spec, dtype, sizeOf(dims));
    inputs[name] = { data, shape: dims };
  }
  return inputs;
}

/**
 * @param {Map<string, StoredTensor>} tensors
 * @param {string} name
 * @returns {StoredTensor}
 */
function stored(tensors, name) {
  const tensor = tensors.get(name);
  if (!tensor) throw new FormatError(`the golden tensor ${JSON.stringify(name)} is not in the golden shard`);
  return tensor;
}

/**
 * @param {string} name
 * @param {Tensor} actual
 * @param {GoldenOutput} expected
 * @param {Map<string, StoredTensor>} tensors
 * @param {number} common tolerance of the model
 * @param {Build} build
 * @returns {OutputReport}
 */
function compareOutput(name, actual, expected, tensors, common, build) {
  const tensor = stored(tensors, expected.tensor);
  const values = numbers(tensor, `the golden output ${name}`);
  const tolerance = toleranceOf(expected.tolerance ?? common, build);
  const size = sizeOf(expected.shape);
  const isFloat = /^F/.test(tensor.dtype);
  if (actual.shape.join() !== expected.shape.join()) return { name, maximumError: Infinity, tolerance, passed: false };
  const count = expected.samples ?? size;
  if (values.length !== count) throw new FormatError(`the golden output ${JSON.stringify(name)} has ${values.length} values; model.json says ${count}`);
  const indices = Array.from({ length: count }, (_, k) => (expected.samples === undefined ? k : Math.floor((k * size) / count)));
  const { channels } = expected;
  const magnitude = channels ? 0 : Math.max(Math.abs(expected.minimum ?? 0), Math.abs(expected.maximum ?? 0));
  const sampled = compare(indices.map((index) => actual[index]), values, {
    tolerance,
    isFloat,
    magnitude,
    channelOf: channels ? (k) => indices[k] % channels : undefined,
  });
  const errors = [sampled.maximumError];
  if (expected.samples !== undefined && isFloat) errors.push(...statisticErrors(actual, expected));
  const maximumError = Math.max(...errors);
  return { name, maximumError, tolerance, passed: sampled.passed && maximumError <= tolerance };
}

/**
 * How far minimum, maximum and L2 norm of the whole are off: what the samples do not see.
 * @param {Tensor} actual
 * @param {GoldenOutput} expected
 * @returns {number[]} relative to the largest magnitude
 */
export function statisticErrors(actual, { minimum, maximum, l2 }) {
  let low = Infinity;
  let high = -Infinity;
  let squares = 0;
  let finite = 0;
  for (const value of actual) {
    if (!Number.isFinite(value)) continue;
    finite++;
    low = Math.min(low, value);
    high = Math.max(high, value);
    squares += value * value;
  }
  const magnitude = Math.max(Math.abs(minimum ?? 0), Math.abs(maximum ?? 0)) || 1;
  /** @type {number[]} */
  const errors = [];
  if (minimum !== undefined) errors.push(Math.abs(low - minimum) / magnitude);
  if (maximum !== undefined) errors.push(Math.abs(high - maximum) / magnitude);
  // A norm of n values, each off by e, is off by at most e·√n.
  if (l2 !== undefined && finite) errors.push(Math.abs(Math.sqrt(squares) - l2) / (magnitude * Math.sqrt(finite)));
  return errors;
}

/**
 * Runs operator by operator, with the module in use and with the plain one, and finds where they part.
 * @param {Subject} subject
 * @param {Record<string, InputValue>} inputs
 * @param {number} tolerance
 * @returns {Promise<{ diverging: Divergence | null, explanation: string }>}
 */
async function locate(subject, inputs, tolerance) {
  const used = await subject.trace(inputs, subject.build);
  const fused = await subject.run(inputs);
  if (subject.build !== "plain") {
    const plain = await subject.trace(inputs, "plain");
    for (const operation of used.graph.operations) {
      const result = compareValue(used, plain, operation.output, tolerance);
      if (!result.passed) {
        return {
          diverging: { node: operation.name || operation.output, op: operation.op, error: result.maximumError },
          explanation: `${operation.op} is the first operator whose result in the ${subject.build} build differs from the plain build on this device; load with ${subject.build === "webgl" ? '{ backend: "wasm" }' : "{ relaxed: false }"} to avoid it`,
        };
      }
    }
  }
  for (const { name, value, dtype } of subject.signature.outputs) {
    const operation = used.graph.operations.find(({ output }) => output === value);
    const result = compare(fused[name], used.values[value], { tolerance, isFloat: SOURCE_DTYPES.get(dtype)?.dtype === "f32" });
    if (operation && !result.passed) {
      return {
        diverging: { node: operation.name || operation.output, op: operation.op, error: result.maximumError },
        explanation: "the same operators give another result when they are run one by one: the fault is in how this runtime joins them; please report it",
      };
    }
  }
  return {
    diverging: null,
    explanation: "every operator agrees with the plain build on this device, fused or not: the device is consistent, and differs from the reference; were model.json and its shards written by another version than this runtime?",
  };
}

/**
 * @param {{ values: Record<string, Tensor>, graph: import("./graph.js").StaticGraph }} used
 * @param {{ values: Record<string, Tensor> }} plain
 * @param {string} value
 * @param {number} tolerance
 */
function compareValue(used, plain, value, tolerance) {
  return compare(used.values[value], plain.values[value], { tolerance, isFloat: used.graph.types.get(value)?.dtype === "f32" });
}
