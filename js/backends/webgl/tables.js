/** The tables of a resize: where each output row or column lies in the source. */

import { sourceCoordinate } from "../../planner/resampling.js";

/**
 * @param {number} from
 * @param {number} to
 * @param {Record<string, any>} attributes
 * @returns {Float32Array} first index, second index, fraction, and a zero, for each output position
 */
export function linearTable(from, to, { coordinates }) {
  const table = new Float32Array(4 * to);
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max(sourceCoordinate(i, from, to, coordinates), 0), from - 1);
    const first = Math.floor(at);
    table.set([first, Math.min(first + 1, from - 1), at - first], 4 * i);
  }
  return table;
}

/**
 * @param {number} from
 * @param {number} to
 * @param {Record<string, any>} attributes
 * @returns {Float32Array} an index and three zeros for each output position
 */
export function nearestTable(from, to, { coordinates, rounding }) {
  const table = new Float32Array(4 * to);
  for (let i = 0; i < to; i++) {
    const at = sourceCoordinate(i, from, to, coordinates);
    table[4 * i] = Math.min(Math.max(Math.floor(rounding === "round" ? at + 0.5 : at), 0), from - 1);
  }
  return table;
}
