/** Of boxes of the same thing, one: what `webkiln.tasks.suppression` says. */

import { ranked } from "./activations.js";

/** @typedef {readonly number[]} Corners left, top, right, bottom */

/**
 * @param {readonly Corners[]} boxes
 * @param {readonly number[]} scores
 * @param {readonly number[]} labels
 * @param {number} threshold of intersection over union, above which boxes of one label are the same
 * @returns {number[][]} the boxes that are left, the best first, each followed by those that it stands for
 */
export function suppress(boxes, scores, labels, threshold) {
  let rest = ranked(scores);
  const kept = [];
  while (rest.length) {
    const [best] = rest;
    const isSame = rest.map((other, k) => !k || (labels[other] === labels[best] && overlap(boxes[best], boxes[other]) > threshold));
    kept.push(rest.filter((_, k) => isSame[k]));
    rest = rest.filter((_, k) => !isSame[k]);
  }
  return kept;
}

/**
 * @param {Corners} one
 * @param {Corners} other
 * @returns {number} intersection over union; 0 where both are without area
 */
export function overlap(one, other) {
  const shared = area([Math.max(one[0], other[0]), Math.max(one[1], other[1]), Math.min(one[2], other[2]), Math.min(one[3], other[3])]);
  const union = area(one) + area(other) - shared;
  return union > 0 ? shared / union : 0;
}

/** @param {Corners} corners */
function area([left, top, right, bottom]) {
  return Math.max(right - left, 0) * Math.max(bottom - top, 0);
}
