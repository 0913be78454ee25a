/** The likeliest labels. */

import { InputError } from "../errors.js";
import { activate, ranked } from "./activations.js";

/** @typedef {{ label: string, index: number, score: number }} Label what a picture or sound may be; `index` of the output */

/**
 * @param {import("./results.js").Values} values a number for each label
 * @param {any} spec
 * @returns {Label[]} the best first
 * @throws {InputError}
 */
export function readLabels(values, { labels, activation, top = 5 }) {
  if (values.length !== labels.length) throw new InputError(`there are ${labels.length} labels, and the output is [${values.shape.join(", ")}]: one number a label is wanted, of one run`);
  const scores = activate(values, activation);
  return ranked(scores).slice(0, top).map((index) => ({ label: labels[index], index, score: scores[index] }));
}
