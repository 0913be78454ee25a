/** Where the output of a resize lies in its source: what the tables of every backend are made from. */

/**
 * Where output position `i` lies in the source.
 * @param {number} i
 * @param {number} from length of the source
 * @param {number} to length of the output
 * @param {string} coordinates
 * @returns {number}
 */
export function sourceCoordinate(i, from, to, coordinates) {
  if (coordinates === "half_pixel") return ((i + 0.5) * from) / to - 0.5;
  if (coordinates === "align_corners") return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
  return (i * from) / to;
}
