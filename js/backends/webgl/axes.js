/** Views as steps along the rows, columns and channels of block storage. */

import { mergeAxes } from "../../planner/views.js";

/** @typedef {import("../../planner/views.js").View} View */
/** @typedef {import("./storage.js").Layout} Layout */
/** @typedef {[size: number, row: number, column: number, channel: number]} Axis */
/** @typedef {{ offset: number[], channels: Axis[], columns: Axis[], rows: Axis[] }} Walk of each axis of an output, the last axis first */

/**
 * How an output walks through a tensor.
 * @param {View} view of the tensor's elements
 * @param {Layout} from the tensor's
 * @param {Layout} to of as many elements as the view
 * @returns {Walk | null} null where an axis would wrap in the midst of a row or column
 */
export function walkOf({ offset, shape, strides }, from, to) {
  const merged = mergeAxes(shape, [strides]);
  /** @type {{ size: number, stride: number }[]} */
  const left = merged.dims.map((size, axis) => ({ size, stride: merged.strides[0][axis] }));
  const line = from.columns * from.channels;
  const row = Math.floor(offset / line);
  const column = Math.floor((offset - row * line) / from.channels);
  const start = [row, column, offset - row * line - column * from.channels];
  const groups = [to.channels, to.columns, to.outer].map((size) => takeAxes(left, size, from));
  const [channels, columns, rows] = groups;
  if (!channels || !columns || !rows) return null;
  const all = [...channels, ...columns, ...rows];
  const stays = [[2, from.columns], [3, from.channels]].every(([place, limit]) => {
    const ends = all.map((axis) => (axis[0] - 1) * axis[place]);
    const reach = (/** @type {(a: number, b: number) => number} */ pick) => ends.reduce((sum, end) => sum + pick(end, 0), start[place - 1]);
    return reach(Math.min) >= 0 && reach(Math.max) < limit;
  });
  return stays ? { offset: start, channels, columns, rows } : null;
}

/**
 * Takes `size` elements from the end of a list of axes.
 * @param {{ size: number, stride: number }[]} left changed
 * @param {number} size
 * @param {Layout} from
 * @returns {Axis[] | null} null where the axes do not end there
 */
function takeAxes(left, size, from) {
  /** @type {Axis[]} */
  const taken = size === 1 ? [[1, 0, 0, 0]] : [];
  while (size > 1) {
    const last = left.pop();
    if (!last) return null;
    const part = Math.min(last.size, size);
    if (last.size % part || size % part) return null;
    if (part < last.size) left.push({ size: last.size / part, stride: last.stride * part });
    if (!splitAxis(part, last.stride, from, taken)) return null;
    size /= part;
  }
  return taken;
}

/**
 * Splits an axis where it goes from one column or row to the next.
 * @param {number} size
 * @param {number} stride
 * @param {Layout} from
 * @param {Axis[]} taken
 */
function splitAxis(size, stride, { columns, channels }, taken) {
  for (const [place, unit, limit] of [[3, 1, channels], [2, channels, columns], [1, channels * columns, Infinity]]) {
    if (stride % (unit * limit) === 0 && limit !== Infinity) continue;
    if (stride % unit) return false;
    const step = stride / unit;
    const part = (size - 1) * Math.abs(step) < limit ? size : limit / step;
    if (!Number.isInteger(part) || part < 1 || size % part) return false;
    /** @type {Axis} */
    const axis = [part, 0, 0, 0];
    axis[place] = step;
    taken.push(axis);
    if (part === size) return true;
    size /= part;
    stride *= part;
  }
  return false;
}

/**
 * What is known of a walk, as the names of the kernels say it.
 * @param {Walk} walk
 * @param {number} layers of the output
 */
export function kindOf({ offset, channels, columns, rows }, layers) {
  const isWhole = (/** @type {Axis[]} */ own, /** @type {Axis[]} */ others) => own.length === 1 && own[0][3] === 1 && offset[2] % 4 === 0 && [...others, ...rows].every(([, , , channel]) => channel % 4 === 0);
  const isPlain = channels.length === 1 && columns.length === 1;
  if (isWhole(channels, columns)) return isPlain ? "_plain_aligned" : "_aligned";
  if (isPlain && layers === 4 && isWhole(columns, channels)) return "_plain_turned";
  return isPlain ? "_plain" : "";
}
