/** The text of a line. */

import { InputError } from "../errors.js";
import { activate, best } from "./activations.js";

/** @typedef {{ text: string, score: number }} Text and the mean of its characters' scores */

/**
 * The likeliest character of each step, as connectionist temporal classification means it: of a run of steps with the same one it stands once,
 * and steps without any (`blank`) stand for nothing.
 * @param {import("./results.js").Values} values [1, steps, characters]
 * @param {any} spec
 * @returns {Text}
 * @throws {InputError}
 */
export function readText(values, { characters, blank = 0, activation }) {
  const count = characters.length;
  const [steps, each] = values.shape.slice(-2);
  if (values.shape.length < 2 || each !== count || values.length !== steps * count) throw new InputError(`[1, steps, ${count}] is wanted, a number for each character, and the output is [${values.shape.join(", ")}]`);
  let [text, sum, kept] = ["", 0, 0];
  for (let step = 0, last = -1; step < steps; step++) {
    const scores = activate(values.subarray(step * count, (step + 1) * count), activation);
    const index = best(scores);
    if (index !== blank && index !== last) {
      text += characters[index];
      sum += scores[index];
      kept++;
    }
    last = index;
  }
  return { text, score: kept ? sum / kept : 0 };
}
