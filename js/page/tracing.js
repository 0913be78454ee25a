/** Where this device parts from the reference: operator by operator, against what each gave there. */

import { compare } from "../compare.js";
import { leastTolerances } from "../generated/tolerances.js";
import { statisticErrors } from "../verify.js";
import { goldenCase, generated } from "./sizes.js";

/** @typedef {{ op: string, node: string, value: string, error: number, tolerance: number }} Divergence */

/**
 * @param {any} model
 * @param {any} description model.json
 * @param {any} reference what each operator gave, of reference.json
 * @returns {Promise<Divergence | null>} the first operator that differs by more than it may
 */
export async function firstDivergence(model, description, reference) {
  const traced = reference.signatures.find((/** @type {any} */ one) => one.signature === model.signature);
  if (!traced) return null;
  const golden = goldenCase(description, model.signature);
  const sizes = new Map(Object.entries(golden.symbols ?? {}));
  const signature = description.signatures.find((/** @type {any} */ one) => one.name === model.signature);
  await model.reset();
  const values = await model.trace(Object.fromEntries(signature.inputs.map((/** @type {any} */ argument, /** @type {number} */ k) => [argument.name, generated(argument, k, golden, sizes)])));
  for (const { value, op, node, dtype, size, samples, tolerance: measured, ...statistics } of traced.values) {
    const actual = values[value];
    if (!actual) continue;
    const tolerance = Math.max(measured, leastTolerances[model.build] ?? 0);
    const expected = samples.map(Number);
    const picked = expected.map((/** @type {number} */ _, /** @type {number} */ k) => actual[Math.floor((k * size) / expected.length)]);
    const magnitude = Math.max(Math.abs(statistics.minimum), Math.abs(statistics.maximum));
    const isFloat = dtype === "f32";
    const { maximumError } = actual.length === size ? compare(picked, expected, { tolerance, isFloat, magnitude }) : { maximumError: Infinity };
    const error = Math.max(maximumError, ...(isFloat && actual.length === size ? statisticErrors(actual, statistics) : []));
    if (!(error <= tolerance)) return { op, node, value, error, tolerance };
  }
  return null;
}
