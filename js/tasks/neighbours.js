/** Vectors and what is near to them: what `webkiln.tasks.Neighbours` says. */

import { InputError } from "../errors.js";

/** @typedef {ArrayLike<number>} Vector */
/** @typedef {{ label: string, similarity: number }} Neighbour */

/**
 * Vectors under labels, and the nearest ones of another: a classifier that learns from a few examples, in the page. Similarity is the cosine of the angle
 * between two vectors.
 */
export class Neighbours {
  /** @type {{ label: string, vector: Float64Array }[]} */
  #examples = [];

  /** How many vectors there are. */
  get size() {
    return this.#examples.length;
  }

  /**
   * @param {string} label
   * @param {Vector} vector
   * @throws {InputError} when it is not as long as those before
   */
  add(label, vector) {
    this.#examples.push({ label, vector: this.#fitting(vector) });
  }

  /**
   * @param {Vector} vector
   * @param {number} [k]
   * @returns {Neighbour[]} the `k` nearest, the nearest first; of equal ones those that were added first. Fewer where there are fewer
   */
  nearest(vector, k = 1) {
    if (!(k >= 1)) throw new InputError(`at least one neighbour is wanted, got ${k}`);
    const wanted = this.#fitting(vector);
    const all = this.#examples.map((example) => ({ label: example.label, similarity: dot(example.vector, wanted) }));
    return all.sort((a, b) => b.similarity - a.similarity).slice(0, k);
  }

  /**
   * @param {Vector} vector
   * @param {number} [k]
   * @returns {Record<string, number>} shares of the labels among the `k` nearest, the largest first (labels that are whole numbers come before, in their order), each neighbour with the weight (1 + similarity) / 2
   */
  vote(vector, k = 3) {
    /** @type {Map<string, number>} */
    const weights = new Map();
    let total = 0;
    for (const { label, similarity } of this.nearest(vector, k)) {
      const weight = (1 + similarity) / 2;
      weights.set(label, (weights.get(label) ?? 0) + weight);
      total += weight;
    }
    return Object.fromEntries([...weights].sort(([, a], [, b]) => b - a).map(([label, weight]) => [label, weight / (total || 1)]));
  }

  /** @param {Vector} vector */
  #fitting(vector) {
    const own = unit(vector);
    const first = this.#examples[0]?.vector;
    if (first && first.length !== own.length) throw new InputError(`the vectors have ${first.length} numbers, and this one ${own.length}: they are to come from the same model`);
    return own;
  }
}

/**
 * @param {Vector} a
 * @param {Vector} b
 * @returns {number} the cosine of the angle between two vectors, −1…1
 * @throws {InputError}
 */
export function similarity(a, b) {
  if (a.length !== b.length) throw new InputError(`vectors of ${a.length} and ${b.length} numbers cannot be compared: they are to come from the same model`);
  return dot(unit(a), unit(b));
}

/**
 * @param {Vector} vector
 * @returns {Float64Array} divided by its length
 * @throws {InputError} when it has none that is finite and above 0
 */
export function unit(vector) {
  const own = Float64Array.from(vector);
  const length = Math.sqrt(dot(own, own));
  if (!(length > 0 && length < Infinity)) throw new InputError(`the vector has the length ${length}; a finite one above 0 has a direction`);
  return own.map((value) => value / length);
}

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
