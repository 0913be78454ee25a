/** Views: strided affine maps into a contiguous tensor, the algebra of reshape, transpose, slice and expand. */

import { sizeOf } from "../dtypes.js";

/**
 * Element `index` of the view is element `offset + Σ index·strides` of the tensor. Counted in elements.
 * @typedef {{ offset: number, shape: number[], strides: number[] }} View
 */

/**
 * The strides of a row-major tensor.
 * @param {readonly number[]} shape
 * @returns {number[]}
 */
export function contiguousStrides(shape) {
  const strides = new Array(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * A whole tensor.
 * @param {readonly number[]} shape
 * @returns {View}
 */
export function wholeView(shape) {
  return { offset: 0, shape: [...shape], strides: contiguousStrides(shape) };
}

/**
 * Whether the elements follow each other in row-major order. An axis of length 1 has no stride that matters.
 * @param {View} view
 */
export function isContiguous({ shape, strides }) {
  if (sizeOf(shape) === 0) return true;
  const wanted = contiguousStrides(shape);
  return shape.every((dim, axis) => dim === 1 || strides[axis] === wanted[axis]);
}

/**
 * @param {View} view
 * @param {readonly number[]} permutation
 * @returns {View}
 */
export function transposeView({ offset, shape, strides }, permutation) {
  return { offset, shape: permutation.map((axis) => shape[axis]), strides: permutation.map((axis) => strides[axis]) };
}

/**
 * @param {View} view
 * @param {readonly number[]} start
 * @param {readonly number[]} size
 * @param {readonly number[]} step
 * @returns {View}
 */
export function sliceView({ offset, strides }, start, size, step) {
  // An empty slice may start anywhere; it reads nothing, so its offset stays inside.
  const from = size.includes(0) ? offset : start.reduce((sum, index, axis) => sum + index * strides[axis], offset);
  return { offset: from, shape: [...size], strides: strides.map((stride, axis) => stride * step[axis]) };
}

/**
 * Broadcasting: new axes in front, and axes of length 1 repeated.
 * @param {View} view
 * @param {readonly number[]} target
 * @returns {View}
 */
export function expandView({ offset, shape, strides }, target) {
  const extra = target.length - shape.length;
  return {
    offset,
    shape: [...target],
    strides: target.map((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? 0 : strides[axis - extra])),
  };
}

/**
 * The view with another shape, where strides can say it.
 * @param {View} view
 * @param {readonly number[]} target of as many elements
 * @returns {View | null} null when the elements must be copied first
 */
export function reshapeView(view, target) {
  const { offset, shape, strides } = view;
  if (sizeOf(shape) === 0 || isContiguous(view)) return { offset, shape: [...target], strides: contiguousStrides(target) };
  const axes = mergeAxes(shape, [strides]);
  const result = new Array(target.length).fill(0);
  // Walk both shapes from the back: each merged axis must split exactly into target axes.
  let axis = target.length - 1;
  for (let i = axes.dims.length - 1; i >= 0; i--) {
    let remaining = axes.dims[i];
    let stride = axes.strides[0][i];
    while (axis >= 0 && (remaining > 1 || target[axis] === 1)) {
      if (remaining % target[axis] !== 0) return null;
      result[axis] = stride;
      stride *= target[axis];
      remaining /= target[axis];
      axis--;
    }
    if (remaining !== 1) return null;
  }
  return { offset, shape: [...target], strides: result };
}

/**
 * Joins neighbouring axes that every one of some stride lists walks as one, and drops axes of length 1.
 * @param {readonly number[]} shape
 * @param {readonly (readonly number[])[]} lists strides, each as long as the shape
 * @returns {{ dims: number[], strides: number[][] }}
 */
export function mergeAxes(shape, lists) {
  /** @type {number[]} */
  const dims = [];
  /** @type {number[][]} */
  const strides = lists.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = dims.length - 1;
    if (last >= 0 && lists.every((list, i) => strides[i][last] === list[axis] * shape[axis])) {
      dims[last] *= shape[axis];
      lists.forEach((list, i) => (strides[i][last] = list[axis]));
    } else {
      dims.push(shape[axis]);
      lists.forEach((list, i) => strides[i].push(list[axis]));
    }
  }
  return { dims, strides };
}

/**
 * The view as a matrix of rows, of which the last `columnAxes` axes are the columns: for kernels that take a row stride.
 * @param {View} view
 * @param {number} columnAxes
 * @returns {{ rows: number, columns: number, rowStride: number, columnStride: number } | null} null when strides cannot say it
 */
export function asMatrix({ shape, strides }, columnAxes) {
  const split = shape.length - columnAxes;
  const row = mergeAxes(shape.slice(0, split), [strides.slice(0, split)]);
  const column = mergeAxes(shape.slice(split), [strides.slice(split)]);
  if (row.dims.length > 1 || column.dims.length > 1) return null;
  const columns = column.dims[0] ?? 1;
  const columnStride = column.dims.length ? column.strides[0][0] : 1;
  return { rows: row.dims[0] ?? 1, columns, rowStride: row.dims.length ? row.strides[0][0] : columns * Math.abs(columnStride), columnStride };
}
