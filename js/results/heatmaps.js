/** Points made more exact by heat maps: what `webkiln.tasks.heatmaps` says. */

import { InputError } from "../errors.js";
import { activate } from "./activations.js";

/**
 * @param {{ x: number, y: number }} point in pixels of an input of this size
 * @param {number} k its number
 * @param {number} count of the points
 * @param {import("./results.js").Values} maps [1, rows, columns, points]
 * @param {any} spec
 * @param {number} width
 * @param {number} height
 * @returns {{ x: number, y: number }} the centre of what its heat map has around it; the point itself where that is faint
 * @throws {InputError}
 */
export function refine({ x, y }, k, count, maps, { output, activation, window = 7, threshold = 0.5 }, width, height) {
  const [runs, rows, columns, points] = maps.shape;
  if (maps.shape.length !== 4 || runs !== 1 || points !== count) throw new InputError(`heat maps of ${count} points are [1, rows, columns, ${count}], and ${JSON.stringify(output)} is [${maps.shape.join(", ")}]`);
  const column = (x / width) * columns;
  const row = (y / height) * rows;
  if (!(column >= 0 && column < columns && row >= 0 && row < rows)) return { x, y };
  const reach = (window - 1) >> 1;
  const [first, last] = [Math.max(0, Math.floor(column) - reach), Math.min(columns, Math.floor(column) + reach + 1)];
  const [above, below] = [Math.max(0, Math.floor(row) - reach), Math.min(rows, Math.floor(row) + reach + 1)];
  let [most, total, across, down] = [0, 0, 0, 0];
  for (let j = above; j < below; j++) {
    const weights = activate(Array.from({ length: last - first }, (_, i) => maps[(j * columns + first + i) * count + k]), activation);
    weights.forEach((weight, i) => {
      most = Math.max(most, weight);
      total += weight;
      across += weight * (first + i);
      down += weight * j;
    });
  }
  return most >= threshold && total > 0 ? { x: (across / total / columns) * width, y: (down / total / rows) * height } : { x, y };
}
