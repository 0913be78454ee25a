/** Lines of text in the order in which they are read: what `webkiln.tasks.reading_order` says. */

/** @typedef {import("./regions.js").Region} Region */

/** Lines whose centres are not further apart than this part of the lower one's height are in the same row. */
const SAME_ROW = 0.5;

/**
 * Columns are not told apart: what is beside each other is in the same row.
 * @param {readonly Region[]} regions
 * @returns {number[][]} rows from above, and in each the numbers of its lines from the left, as seen in the direction in which most of the text runs
 */
export function readingOrder(regions) {
  const sum = (/** @type {(angle: number) => number} */ part) => regions.reduce((total, { width, rotation }) => total + width * part(rotation), 0);
  const angle = Math.atan2(sum(Math.sin), sum(Math.cos));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const across = regions.map(({ x, y }) => cos * x + sin * y);
  const down = regions.map(({ x, y }) => cos * y - sin * x);
  /** @type {number[][]} */
  const rows = [];
  for (const k of [...regions.keys()].sort((one, other) => down[one] - down[other])) {
    const first = rows.at(-1)?.[0] ?? k;
    const near = SAME_ROW * Math.min(regions[k].height, regions[first].height);
    if (rows.length && down[k] - down[first] <= near) rows[rows.length - 1].push(k);
    else rows.push([k]);
  }
  return rows.map((row) => row.sort((one, other) => across[one] - across[other]));
}
