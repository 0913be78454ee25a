/** Operators → draws. */

import { sizeOf } from "../../dtypes.js";
import { UnsupportedOperatorError } from "../../errors.js";
import { dtypes as floatDtypes, functions, structured } from "../../generated/shaders.js";
import { isElementwise } from "../../planner/fusion.js";
import { contiguousStrides, expandView, isContiguous, reshapeView, sliceView, transposeView, wholeView } from "../../planner/views.js";
import { kindOf, walkOf } from "./axes.js";
import { axisNumbers, createDraw } from "./draws.js";
import { functionName, windowColumns } from "./programs.js";
import { flatShape, isSameLayout, LARGEST_SIDE, layoutOf } from "./storage.js";
import { linearTable, nearestTable } from "./tables.js";
import { createStorage } from "./weights.js";

/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../../graph.js").Operation} Operation */
/** @typedef {import("../../planner/fusion.js").Unit} Unit */
/** @typedef {import("../../planner/fusion.js").Program} Program */
/** @typedef {import("../../planner/fusion.js").Capabilities} Capabilities */
/** @typedef {import("../../planner/views.js").View} View */
/** @typedef {import("./draws.js").Draw} Draw */
/** @typedef {import("./draws.js").Finish} Finish */
/** @typedef {import("./draws.js").Request} Request */
/** @typedef {import("./weights.js").Storage} Storage */
/** @typedef {import("./weights.js").Weights} Weights */
/** @typedef {{ storage: Storage, view: View }} Tensor the view counts the elements of the storage's shape, row by row */

/** Operands of an epilogue and its result: with the three tensors of a convolution they fit into 16 texture units. */
const REGISTERS = 13;
/** Parts that leave units for an epilogue. */
const FUSED_PARTS = 4;
/** Columns of a window that are held in registers; larger windows are read tap by tap. */
const WINDOW_COLUMNS = 20;
/** What a float texture holds exactly. */
export const DTYPES = new Set(floatDtypes);
const REDUCTIONS = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"];
const INITIAL = { sum: 0, max: -Infinity, min: Infinity, prod: 1 };
const ANCHORS = new Set(["conv2d", "matmul", "max_pool2d", "average_pool2d", "resize", "pad", ...REDUCTIONS]);

/**
 * @returns {Capabilities}
 */
export function capabilities() {
  return {
    registers: REGISTERS,
    epilogue: ({ op, inputs }) => ANCHORS.has(op) || (op === "concat" && inputs.length <= FUSED_PARTS),
    clamp: () => false,
  };
}

/**
 * Turns units into draws. One use: `lower` each unit in order, then read `draws`.
 */
export class Lowering {
  /**
   * @param {StaticGraph} graph
   * @param {number} layers R
   * @param {number} units textures that a program may read
   * @param {Weights} weights
   * @param {ReadonlyMap<string, Storage>} state storages of the state inputs
   */
  constructor(graph, layers, units, weights, state) {
    this.graph = graph;
    this.layers = layers;
    this.units = units;
    this.weights = weights;
    /** @type {Draw[]} */
    this.draws = [];
    /** @type {Map<string, Tensor>} */
    this.tensors = new Map();
    /** @type {Map<Storage, Float32Array>} tables of the plan */
    this.tables = new Map();
    /** @type {{ from: Storage, to: Storage }[]} that follow the draws */
    this.copies = [];
    /** @type {Operation[]} what the draws that are being added compute */
    this.current = [];
    for (const name of graph.inputs) this.put(name, this.allocate(this.shapeOf(name)));
    for (const [name, storage] of state) this.put(name, storage);
  }

  /** @param {string} name */
  shapeOf(name) {
    return /** @type {import("../../graph.js").TensorType} */ (this.graph.types.get(name)).shape;
  }

  /** @param {readonly number[]} shape */
  allocate(shape) {
    return createStorage("arena", layoutOf(shape, this.layers));
  }

  /**
   * @param {string} name
   * @param {Storage} storage
   */
  put(name, storage) {
    this.tensors.set(name, { storage, view: wholeView(storage.layout.shape) });
  }

  /**
   * A value, as a view of whatever it lies in.
   * @param {string} name
   * @returns {Tensor}
   */
  tensor(name) {
    if (!this.tensors.has(name)) this.put(name, this.weights.request(name, this.shapeOf(name), this.layers));
    return /** @type {Tensor} */ (this.tensors.get(name));
  }

  /**
   * A value as a storage of its own shape. A copy is kept for later readers.
   * @param {string} name
   * @returns {Storage}
   */
  buffer(name) {
    const { storage, view } = this.tensor(name);
    const same = this.reread(storage, view);
    if (same) return same;
    const copy = this.copy(storage, view);
    this.put(name, copy);
    return copy;
  }

  /**
   * The storage with the view's shape, where that needs no copy.
   * @param {Storage} storage
   * @param {View} view
   * @returns {Storage | null}
   */
  reread(storage, view) {
    if (view.shape.join() === storage.layout.shape.join() && view.offset === 0 && isContiguous(view)) return storage;
    if (view.offset !== 0 || !isContiguous(view) || sizeOf(view.shape) !== sizeOf(storage.layout.shape)) return null;
    const layout = layoutOf(view.shape, this.layers);
    return isSameLayout(storage.layout, layout) ? { ...storage, layout } : null;
  }

  /** @param {Omit<Request, "operations">} request */
  emit(request) {
    if (request.output.layout.texels) this.draws.push(createDraw({ ...request, operations: this.current }));
  }

  /**
   * @param {Storage} storage
   * @param {View} view
   * @param {readonly number[]} [shape] of as many elements
   * @param {number} [layers]
   * @returns {Storage}
   */
  copy(storage, view, shape = view.shape, layers = this.layers) {
    const output = createStorage("arena", layoutOf(shape, layers));
    const inputs = [storage];
    const { columns: xColumns, channels: xChannels } = storage.layout;
    const walk = output.layout.texels ? walkOf(view, storage.layout, output.layout) : null;
    if (walk) {
      const { offset: [row, column, channel], channels, columns, rows } = walk;
      const axes = [...channels, ...columns, ...rows];
      const fields = { row, column, channel, column_axis: channels.length, row_axis: channels.length + columns.length, rank: axes.length };
      this.emit({ skeleton: `copy${kindOf(walk, output.layout.layers)}`, output, inputs, axes, fields });
    } else {
      const axes = axisNumbers(view.shape, [view.strides]);
      this.emit({ skeleton: "move", output, inputs, axes, fields: { rank: axes.length, x_columns: xColumns, offset: view.offset, x_channels: xChannels } });
    }
    return output;
  }

  /** @param {Unit} unit */
  lower(unit) {
    const { operation, program } = unit;
    this.current = [...(operation ? [operation] : []), ...(program?.operations ?? [])];
    if (operation) /** @type {Lower} */ (LOWERINGS[operation.op]).call(this, operation, unit);
    else {
      const { output, finish } = this.finish(unit);
      this.emit({ skeleton: "elementwise", output, inputs: [], finish });
    }
  }

  /**
   * The output of a unit, and the epilogue that it ends with.
   * @param {Unit} unit
   * @returns {{ output: Storage, finish: Finish | null }}
   */
  finish({ operation, program, output: name }) {
    const operands = program?.operands.map((operand) => {
      if (!("value" in operand)) return { scalar: operand.scalar };
      if (operand.value === operation?.output) return { anchor: /** @type {true} */ (true) };
      const isScalar = this.graph.constants.has(operand.value) && sizeOf(this.shapeOf(operand.value)) === 1;
      return isScalar ? { scalar: this.weights.scalar(operand.value) } : { storage: this.buffer(operand.value) };
    });
    const output = this.allocate(this.shapeOf(name));
    this.put(name, output);
    return { output, finish: program && operands ? { program, operands } : null };
  }

  /**
   * Weights [taps…, inputs, outputs], flat.
   * @param {string} name
   * @returns {Storage}
   */
  flat(name) {
    const shape = this.shapeOf(name);
    const flat = flatShape(shape);
    const [taps, blocks, inputs] = flat;
    if (!fits(flat, 1, LARGEST_SIDE)) throw new UnsupportedOperatorError(`the weights ${name} of shape [${shape.join(", ")}] are too large for a texture of ${LARGEST_SIDE} × ${LARGEST_SIDE}; use the backend "wasm"`);
    if (this.graph.constants.has(name)) return this.weights.request(name, shape, 1, true);
    const padded = this.allocate([taps, inputs, blocks * 4]);
    const [own, outputs] = shape.slice(-2);
    const axes = [[blocks * 4, 1, 0, 1], [outputs], [inputs, outputs, 0, 1], [own], [taps, own * outputs, 0, 1], [taps]];
    const from = this.buffer(name);
    const fields = { offset: 0, rank: 3, x_columns: own, x_channels: outputs, value: 0 };
    this.emit({ skeleton: "pad", output: padded, inputs: [from], axes, fields });
    return this.copy(padded, transposeView(wholeView([taps, inputs, blocks, 4]), [0, 2, 1, 3]), undefined, 1);
  }

  /**
   * Weights of one filter a channel, [height, width, channels], a row each of the kernel's.
   * @param {string} name
   * @returns {Storage}
   */
  filters(name) {
    const [height, width, , channels] = this.shapeOf(name);
    if (this.graph.constants.has(name)) return this.weights.request(name, [height, width, channels], 1);
    return this.copy(this.buffer(name), wholeView([height, width, channels]), undefined, 1);
  }

  /** @param {string | undefined} name */
  bias(name) {
    const storage = name ? this.buffer(name) : this.weights.zeros;
    return { storage, last: Math.max(0, storage.layout.channelBlocks - 1) };
  }

  /**
   * Another name for a part of a value, or for the value in another order: no draw.
   * @param {Operation} operation
   * @param {(view: View) => View} change
   */
  alias({ inputs, output }, change) {
    const { storage, view } = this.tensor(inputs[0]);
    this.tensors.set(output, { storage, view: change(view) });
  }

  /** @param {Float32Array} rows four numbers each */
  table(rows) {
    const storage = createStorage("fixed", layoutOf([rows.length], 1));
    this.tables.set(storage, rows);
    return storage;
  }

  /**
   * A value in a storage that is read after the run.
   * @param {string} name
   * @returns {Storage}
   */
  output(name) {
    this.current = [];
    return this.aside(this.buffer(name));
  }

  /**
   * The storage itself, or a copy of what a state is at the end of the draws: states change before anything is read.
   * @param {Storage} from
   * @returns {Storage}
   */
  aside(from) {
    if (from.home.kind !== "state") return from;
    const to = createStorage("arena", from.layout);
    this.copies.push({ from, to });
    return to;
  }

  /**
   * The new states, written over the old ones when nothing reads these any more. Outputs come first.
   * @param {ReadonlyMap<string, Storage>} state
   */
  updateState(state) {
    this.current = [];
    const moves = this.graph.state.map(({ input, output }) => ({ from: this.aside(this.buffer(output)), to: /** @type {Storage} */ (state.get(input)) }));
    this.copies.push(...moves);
  }
}

/**
 * A view as rows of whole texels: four channels of it are four channels of the storage.
 * @param {View} view
 * @param {number} channels of the storage
 * @returns {{ shape: number[], strides: number[], offset: number, block: number } | null} counted in rows
 */
function rowsOf({ offset, shape, strides }, channels) {
  const own = shape.at(-1) ?? 1;
  const first = channels ? offset % channels : 0;
  if ((own > 1 && strides[strides.length - 1] !== 1) || first % 4 !== 0 || first + own > channels) return null;
  const outer = shape.slice(0, -1);
  if (outer.some((dim, axis) => dim > 1 && strides[axis] % channels !== 0)) return null;
  return { shape: outer, strides: outer.map((dim, axis) => (dim > 1 ? strides[axis] / channels : 0)), offset: (offset - first) / channels, block: first / 4 };
}

/** @typedef {(this: Lowering, operation: Operation, unit: Unit) => void} Lower */

/**
 * The window, where its columns fit into registers and lie in known layers.
 * @param {Storage} from
 * @param {Storage} to
 * @param {import("./programs.js").Window} window
 */
function windowFor(from, to, window) {
  const { layers } = to.layout;
  return from.layout.layers === layers && windowColumns(window, layers).length <= WINDOW_COLUMNS ? window : undefined;
}

/** @type {Lower} */
function lowerConv2d({ inputs: [x, w, bias], attributes }, unit) {
  const { stride, padding: [top, left, bottom, right], dilation, groups } = attributes;
  const [kernelHeight, kernelWidth, depthOfGroup, outChannels] = this.shapeOf(w);
  const from = this.buffer(x);
  const [, height, width, channels] = from.layout.shape;
  const isDepthwise = groups === channels && depthOfGroup === 1 && outChannels === channels && channels > 1;
  const weights = isDepthwise ? this.filters(w) : groups > 1 ? this.buffer(w) : this.flat(w);
  const { storage: start, last } = this.bias(bias);
  const { output, finish } = this.finish(unit);
  const inputs = [from, weights, start];
  const isPlain = stride[0] === 1 && stride[1] === 1 && !(top || left || bottom || right);
  if (kernelHeight * kernelWidth === 1 && groups === 1 && isPlain) return this.emit({ skeleton: "product", output, inputs, fields: { bias_last: last }, finish });
  const fields = {
    height, width, out_height: output.layout.shape[1], kernel_height: kernelHeight, kernel_width: kernelWidth,
    stride_height: stride[0], stride_width: stride[1], padding_top: top, padding_left: left,
    dilation_height: dilation[0], dilation_width: dilation[1], bias_last: last,
    inputs_of_group: depthOfGroup, outputs_of_group: outChannels / groups,
  };
  const skeleton = isDepthwise ? "depthwise" : groups > 1 ? "grouped" : "conv2d";
  const window = skeleton !== "grouped" && dilation[1] === 1 ? windowFor(from, output, { kernel: kernelWidth, stride: stride[1], padding: left, lines: kernelHeight }) : undefined;
  this.emit({ skeleton: window ? `${skeleton}_window` : skeleton, output, inputs, fields, window, finish });
}

/** @type {Lower} */
function lowerMatmul({ inputs: [a, b, bias] }, unit) {
  const left = this.buffer(a);
  const shape = this.shapeOf(b);
  const isFlat = this.graph.constants.has(b) && sizeOf(shape.slice(0, -2)) === 1 && shape.length <= this.shapeOf(a).length && fits(flatShape(shape), 1, LARGEST_SIDE);
  const right = isFlat ? this.flat(b) : this.buffer(b);
  const { storage: start, last } = this.bias(bias);
  const { output, finish } = this.finish(unit);
  const inputs = [left, right, start];
  if (isFlat) return this.emit({ skeleton: "product", output, inputs, fields: { bias_last: last }, finish });
  const batch = output.layout.shape.slice(0, -2);
  const [from, matrices] = [left, right].map(({ layout }) => expandView(wholeView(layout.shape.slice(0, -2)), batch).strides);
  const axes = axisNumbers(batch, [from, matrices]);
  this.emit({ skeleton: "product_batched", output, inputs, axes, fields: { bias_last: last, rank: axes.length }, finish });
}

/** @type {Lower} */
function lowerPool({ op, inputs: [x], attributes: { window, stride, padding, count_padding: countPadding } }, unit) {
  const from = this.buffer(x);
  const { output, finish } = this.finish(unit);
  const fold = op === "max_pool2d" ? "max" : "sum";
  const fields = {
    counts: fold === "max" ? 0 : countPadding ? 2 : 1, height: from.layout.shape[1], width: from.layout.shape[2], out_height: output.layout.shape[1],
    window_height: window[0], window_width: window[1], stride_height: stride[0], stride_width: stride[1],
    padding_top: padding[0], padding_left: padding[1], initial: INITIAL[fold],
  };
  const along = windowFor(from, output, { kernel: window[1], stride: stride[1], padding: padding[1], lines: window[0] });
  this.emit({ skeleton: along ? "pool2d_window" : "pool2d", output, inputs: [from], fields, window: along, fold, finish });
}

/** @type {Lower} */
function lowerReduce({ op, inputs: [x], attributes: { axes: reduced } }, unit) {
  const from = this.buffer(x);
  const { output, finish } = this.finish(unit);
  const { shape, columns, channels } = from.layout;
  const isReduced = (/** @type {number} */ axis) => reduced.includes(axis);
  // Whole texels are folded when the last axis stays.
  const isAligned = shape.length > 0 && !isReduced(shape.length - 1);
  const walked = isAligned ? shape.slice(0, -1) : shape;
  const strides = contiguousStrides(walked);
  const pick = (/** @type {boolean} */ wanted) => walked.flatMap((_, axis) => (isReduced(axis) === wanted ? [axis] : []));
  const axesOf = (/** @type {number[]} */ list) => axisNumbers(list.map((axis) => walked[axis]), [list.map((axis) => strides[axis])]);
  const kept = axesOf(pick(false));
  const folded = axesOf(pick(true));
  const count = sizeOf(pick(true).map((axis) => walked[axis]));
  const isMean = op === "reduce_mean";
  const fold = isMean ? "sum" : /** @type {import("./programs.js").Fold} */ (op.slice("reduce_".length));
  const common = { x_channels: channels, initial: isMean && count === 0 ? NaN : INITIAL[fold], divisor: isMean ? Math.max(1, count) : 1 };
  // Of the channels alone, into one channel.
  if (reduced.join() === String(shape.length - 1) && output.layout.shape.length === shape.length) return this.emit({ skeleton: "reduce_channels", output, inputs: [from], fields: common, fold, finish });
  const fields = { ...common, rank: kept.length, folded: folded.length, count, x_columns: columns };
  this.emit({ skeleton: isAligned ? "reduce_aligned" : "reduce", output, inputs: [from], axes: [...kept, ...folded], fields, fold, finish });
}

/** @type {Lower} */
function lowerResize({ inputs: [x], attributes }, unit) {
  const from = this.buffer(x);
  const { output, finish } = this.finish(unit);
  const [, height, width] = from.layout.shape;
  const [, outHeight, outWidth] = output.layout.shape;
  const isLinear = attributes.mode === "linear";
  const tableOf = isLinear ? linearTable : nearestTable;
  if (!output.layout.texels) return;
  const inputs = [from, this.table(tableOf(height, outHeight, attributes)), this.table(tableOf(width, outWidth, attributes))];
  this.emit({ skeleton: isLinear ? "resize_linear" : "resize_nearest", output, inputs, fields: { height, out_height: outHeight }, finish });
}

/** @type {Lower} */
function lowerPad({ inputs: [x], output: name, attributes: { low, high, interior, value } }, unit) {
  const { storage, view } = this.tensor(x);
  const { output, finish } = this.finish(unit);
  const { shape } = view;
  const last = shape.length - 1;
  const rows = shape.length && !low[last] && !high[last] && !interior[last] ? rowsOf(view, storage.layout.channels) : null;
  const { strides, offset } = rows ?? view;
  const sizes = rows ? shape.slice(0, -1) : shape;
  const axes = sizes.flatMap((size, axis) => [[size], [output.layout.shape[axis], strides[axis], low[axis], interior[axis] + 1]]).reverse();
  const filler = this.graph.types.get(name)?.dtype === "bool" ? Number(value !== 0) : value;
  const fields = { offset, rank: sizes.length, x_columns: storage.layout.columns, x_channels: storage.layout.channels, block: rows?.block ?? 0, value: filler };
  this.emit({ skeleton: rows ? "pad_aligned" : "pad", output, inputs: [storage], axes, fields, finish });
}

/** @type {Lower} */
function lowerConcat({ inputs, attributes: { axis } }, unit) {
  let parts = inputs.map((name) => this.buffer(name)).filter(({ layout }) => layout.texels);
  const { output, finish } = this.finish(unit);
  const { shape } = output.layout;
  // More parts than textures are joined in steps.
  while (parts.length > this.units) {
    const some = parts.slice(0, this.units);
    const size = some.reduce((sum, { layout }) => sum + layout.shape[axis], 0);
    const joined = this.allocate(shape.map((dim, i) => (i === axis ? size : dim)));
    this.emit(concatRequest(some, joined, axis));
    parts = [joined, ...parts.slice(this.units)];
  }
  this.emit({ ...concatRequest(parts, output, axis), finish });
}

/**
 * @param {Storage[]} storages
 * @param {Storage} output
 * @param {number} axis
 * @returns {Omit<Request, "operations">}
 */
function concatRequest(storages, output, axis) {
  const { shape } = output.layout;
  let start = 0;
  const numbers = storages.map(({ layout }) => {
    start += layout.shape[axis];
    return [start - layout.shape[axis], layout.shape[axis], layout.columns];
  });
  const isLast = axis === shape.length - 1;
  const isAligned = isLast && numbers.every(([first]) => first % 4 === 0);
  if (isAligned) numbers.forEach((own) => (own[0] /= 4));
  const parts = { piece: isAligned ? "part_aligned" : isLast ? "part_channels" : "part_rows", storages, numbers };
  if (isLast) return { skeleton: "concat_channels", output, inputs: [], parts };
  return { skeleton: "concat_rows", output, inputs: [], parts, fields: { inner: sizeOf(shape.slice(axis + 1, -1)), size: shape[axis] } };
}

/** @type {Lower} */
function lowerReshape({ inputs: [x], output, attributes: { shape } }) {
  const { storage, view } = this.tensor(x);
  const changed = reshapeView(view, shape);
  if (changed) this.tensors.set(output, { storage, view: changed });
  else this.put(output, this.copy(storage, view, shape));
}

/** @type {Record<string, Lower>} */
const LOWERINGS = {
  conv2d: lowerConv2d,
  matmul: lowerMatmul,
  max_pool2d: lowerPool,
  average_pool2d: lowerPool,
  reduce_sum: lowerReduce,
  reduce_mean: lowerReduce,
  reduce_max: lowerReduce,
  reduce_min: lowerReduce,
  reduce_prod: lowerReduce,
  resize: lowerResize,
  pad: lowerPad,
  concat: lowerConcat,
  reshape: lowerReshape,
  transpose(operation) {
    this.alias(operation, (view) => transposeView(view, operation.attributes.permutation));
  },
  slice(operation) {
    const { start, size, step } = operation.attributes;
    this.alias(operation, (view) => sliceView(view, start, size, step));
  },
  expand(operation) {
    this.alias(operation, (view) => expandView(view, operation.attributes.shape));
  },
  /** A cast to the dtype that the value has. */
  cast(operation) {
    this.alias(operation, (view) => view);
  },
};

/**
 * Whether this backend runs an operation: floats and booleans only, since a float texture holds no integer beyond 2²⁴.
 * @param {Operation} operation
 * @param {StaticGraph} graph
 */
export function isLowerable(operation, graph) {
  const { op, inputs, output, attributes } = operation;
  const dtypes = [...inputs.filter((name) => name !== ""), output].map((name) => graph.types.get(name)?.dtype ?? "");
  if (!dtypes.every((dtype) => DTYPES.has(dtype))) return false;
  if (!isElementwise(operation, graph)) return op === "cast" || structured.includes(op);
  return functionName(op === "cast" ? `cast:${dtypes[0]}:${attributes.to}` : `${op}:${dtypes[dtypes.length - 2]}`) in functions;
}

/**
 * Whether the device can hold a value.
 * @param {readonly number[]} shape
 * @param {number} layers R
 * @param {number} textureSize
 */
export function fits(shape, layers, textureSize) {
  const { width, height } = layoutOf(shape, layers);
  return Math.max(width, height) <= textureSize;
}
