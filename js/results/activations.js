/** From the numbers of a network to scores: what `webkiln.tasks.activations` says. */

import { InputError } from "../errors.js";

/**
 * @param {ArrayLike<number>} values
 * @param {string} [activation]
 * @returns {number[]} softmax is over all of them
 * @throws {InputError}
 */
export function activate(values, activation = "none") {
  const given = Array.from(values);
  if (activation === "none") return given;
  if (activation === "sigmoid") return given.map((x) => (x >= 0 ? 1 : Math.exp(x)) / (1 + Math.exp(-Math.abs(x))));
  if (activation !== "softmax") throw new InputError(`the activation is ${JSON.stringify(activation)}; this version has none, sigmoid, softmax`);
  const largest = given.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = given.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/**
 * Indices in the order of their scores, the best first; of equal ones, those that come first, and NaN last.
 * @param {readonly number[]} scores
 * @returns {number[]}
 */
export function ranked(scores) {
  return Array.from(scores.keys()).sort((i, j) => Number(Number.isNaN(scores[i])) - Number(Number.isNaN(scores[j])) || scores[j] - scores[i] || i - j);
}

/**
 * @param {readonly number[]} scores
 * @returns {number} the index of the largest, the first of equal ones; of NaN where there is one
 */
export function best(scores) {
  return scores.reduce((found, score, k) => (score > scores[found] || (Number.isNaN(score) && !Number.isNaN(scores[found])) ? k : found), 0);
}
