/** One arena for all intermediates: buffers that do not live at the same time share its bytes. */

/**
 * @typedef {{ size: number, first: number, last: number }} Interval a buffer of `size` bytes, in use from step `first` to step `last`
 */

export const ALIGNMENT = 64;

/**
 * @param {number} bytes
 * @returns {number} up to the next multiple of the alignment
 */
export function align(bytes) {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/**
 * Greedy, largest first, each into the tightest gap between the buffers that live at the same time.
 * @param {readonly Interval[]} intervals
 * @returns {{ offsets: number[], size: number }} byte offsets, aligned, and the bytes of the whole
 */
export function planArena(intervals) {
  const order = intervals.map((_, index) => index).sort((a, b) => intervals[b].size - intervals[a].size || intervals[a].first - intervals[b].first);
  const offsets = new Array(intervals.length).fill(0);
  /** @type {number[]} */
  const placed = []; // by offset
  let total = 0;
  for (const index of order) {
    const { first, last } = intervals[index];
    const size = align(intervals[index].size);
    let end = 0;
    let best = -1;
    let bestGap = Infinity;
    for (const other of placed) {
      if (intervals[other].first > last || first > intervals[other].last) continue;
      const gap = offsets[other] - end;
      if (gap >= size && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = Math.max(end, offsets[other] + align(intervals[other].size));
    }
    offsets[index] = best >= 0 ? best : end;
    total = Math.max(total, offsets[index] + size);
    const after = placed.findIndex((other) => offsets[other] > offsets[index]);
    placed.splice(after < 0 ? placed.length : after, 0, index);
  }
  return { offsets, size: total };
}
