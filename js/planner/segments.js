/** Segments: runs of units on one backend, each of them one call. */

/** @typedef {import("./fusion.js").Unit} Unit */
/** @typedef {{ backend: string, units: Unit[] }} Segment */

/**
 * @param {readonly Unit[]} units in order
 * @param {(unit: Unit) => string} backendOf
 * @returns {Segment[]}
 */
export function splitSegments(units, backendOf) {
  /** @type {Segment[]} */
  const segments = [];
  for (const unit of units) {
    const backend = backendOf(unit);
    const last = segments.at(-1);
    if (last?.backend === backend) last.units.push(unit);
    else segments.push({ backend, units: [unit] });
  }
  return segments;
}
