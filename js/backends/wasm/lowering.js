/** Operators → commands of the kernels. */

import { DTYPES, sizeOf } from "../../dtypes.js";
import { checkSize } from "../../format.js";
import { WebkilnError } from "../../errors.js";
import { isElementwise } from "../../planner/fusion.js";
import { sourceCoordinate } from "../../planner/resampling.js";
import { asMatrix, expandView, isContiguous, reshapeView, sliceView, transposeView, wholeView } from "../../planner/views.js";
import { bitsOf, copyCommands, layoutOperands, REGISTERS } from "./commands.js";

/** @typedef {import("../../dtypes.js").Dtype} Dtype */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../../graph.js").Operation} Operation */
/** @typedef {import("../../planner/fusion.js").Unit} Unit */
/** @typedef {import("../../planner/fusion.js").Program} Program */
/** @typedef {import("../../planner/fusion.js").Capabilities} Capabilities */
/** @typedef {import("../../planner/views.js").View} View */
/** @typedef {import("./commands.js").Command} Command */
/** @typedef {import("./commands.js").Field} Field */
/** @typedef {import("./commands.js").ProgramLayout} ProgramLayout */
/** @typedef {import("./commands.js").Reference} Reference */
/** @typedef {import("./commands.js").Storage} Storage */
/** @typedef {import("./commands.js").Tensor} Tensor */
/** @typedef {import("./weights.js").Weights} Weights */

/** Gathered patches of a convolution: about this many floats at a time, which stay in the L2 cache. */
const PATCH_FLOATS = 32 * 1024;
/** A multiple of the heights of the matrix tiles. */
const PATCH_ROWS = 60;
/** Products of one batch, each of them a command or two. */
const MOST_PRODUCTS = 2 ** 18;

const KERNELS_WITH_EPILOGUE = new Set(["conv2d", "max_pool2d", "average_pool2d", "resize"]);

/**
 * @param {StaticGraph} graph
 * @returns {Capabilities}
 */
export function capabilitiesOf(graph) {
  const { types, constants } = graph;
  // A bias that is computed is added afterwards, so the kernel itself is not the last step then.
  const hasFixedBias = (/** @type {Operation} */ { inputs }) => !inputs[2] || constants.has(inputs[2]);
  const isOneProduct = (/** @type {Operation} */ { inputs }) => sizeOf(/** @type {number[]} */ (types.get(inputs[1])?.shape).slice(0, -2)) === 1;
  const isProduct = (/** @type {Operation} */ operation) =>
    types.get(operation.inputs[0])?.dtype === "f32" && hasFixedBias(operation) && (operation.op === "conv2d" || (operation.op === "matmul" && isOneProduct(operation)));
  return {
    registers: REGISTERS,
    epilogue: (operation) => isProduct(operation) || (operation.op !== "conv2d" && KERNELS_WITH_EPILOGUE.has(operation.op)),
    clamp: isProduct,
  };
}

/**
 * Turns units into commands. One use: `lower` each unit in order, then read `commands`.
 */
export class Lowering {
  /**
   * @param {StaticGraph} graph
   * @param {Weights} weights
   * @param {ReadonlyMap<string, Storage>} state storages of the state inputs
   * @param {(name: string) => number | null} scalarOf the value of a constant of one element
   */
  constructor(graph, weights, state, scalarOf) {
    this.graph = graph;
    this.weights = weights;
    this.scalarOf = scalarOf;
    /** @type {Command[]} */
    this.commands = [];
    /** @type {Map<string, Tensor>} */
    this.tensors = new Map();
    /** @type {Storage[]} */
    this.data = [];
    /** @type {Operation[]} what the commands that are being added compute */
    this.current = [];
    for (const name of graph.inputs) {
      const tensor = this.allocate(this.typeOf(name));
      tensor.storage.input = true;
      this.tensors.set(name, tensor);
    }
    for (const [name, storage] of state) {
      const { shape, dtype } = this.typeOf(name);
      this.tensors.set(name, { storage, dtype, view: wholeView(shape) });
    }
  }

  /** @param {string} name */
  typeOf(name) {
    return /** @type {import("../../graph.js").TensorType} */ (this.graph.types.get(name));
  }

  /**
   * A new contiguous tensor in the arena.
   * @param {{ shape: readonly number[], dtype: Dtype }} type
   * @returns {Tensor}
   */
  allocate({ shape, dtype }) {
    return { storage: this.scratch(sizeOf(shape) * DTYPES[dtype].size), dtype, view: wholeView(shape) };
  }

  /**
   * @param {number} bytes
   * @returns {Storage}
   */
  scratch(bytes) {
    return { kind: "arena", bytes: Math.ceil(bytes / 16) * 16 };
  }

  /**
   * A value, as a view of whatever it lies in.
   * @param {string} name
   * @returns {Tensor}
   */
  tensor(name) {
    let tensor = this.tensors.get(name);
    if (!tensor) {
      const type = this.typeOf(name);
      tensor = { storage: this.weights.request(name, type, { form: "raw" }), dtype: type.dtype, view: wholeView(type.shape) };
      this.tensors.set(name, tensor);
    }
    return tensor;
  }

  /**
   * @param {Tensor} tensor
   * @returns {Reference}
   */
  start({ storage, view, dtype }) {
    return { storage, offset: view.offset * DTYPES[dtype].size };
  }

  /**
   * The tensor itself when a kernel can read it as a buffer, else a copy.
   * @param {Tensor} tensor
   * @returns {Tensor}
   */
  contiguous(tensor) {
    const { shape } = tensor.view;
    if (sizeOf(shape) === 0) return { ...tensor, view: wholeView(shape) };
    return isContiguous(tensor.view) && this.start(tensor).offset % 16 === 0 ? tensor : this.copy(tensor);
  }

  /**
   * @param {Tensor} tensor
   * @returns {Tensor}
   */
  copy(tensor) {
    const copy = this.allocate({ shape: tensor.view.shape, dtype: tensor.dtype });
    this.commands.push(...copyCommands(tensor, copy, this.current));
    return copy;
  }

  /**
   * A value as a buffer. A copy is kept for later readers.
   * @param {string} name
   * @returns {Tensor}
   */
  buffer(name) {
    const tensor = this.contiguous(this.tensor(name));
    this.tensors.set(name, tensor);
    return tensor;
  }

  /**
   * @param {string} kernel
   * @param {Record<string, Field>} fields
   */
  emit(kernel, fields) {
    this.commands.push({ kernel, fields, operations: this.current });
  }

  /** @param {Unit} unit */
  lower(unit) {
    const { operation, clamp, program } = unit;
    this.current = [...(operation ? [operation] : []), ...(clamp ? [clamp] : []), ...(program?.operations ?? [])];
    const type = this.typeOf(unit.output);
    if (!operation) return this.lowerProgram(/** @type {Program} */ (program), type);
    const lower = LOWERINGS[/** @type {keyof typeof LOWERINGS} */ (operation.op)];
    if (!lower) throw new Error(`no lowering for the operator ${operation.op}`);
    lower.call(this, operation, unit);
  }

  /**
   * @param {Program} program
   * @param {import("../../graph.js").TensorType} type
   */
  lowerProgram(program, type) {
    const output = this.allocate(type);
    this.tensors.set(program.output, output);
    const count = sizeOf(type.shape);
    if (count) this.emit("elementwise", { program: this.layout(program, output), begin: 0, count });
  }

  /**
   * @param {Program} program
   * @param {Tensor} output
   * @param {{ value: string, tensor: Tensor }} [anchor] the value that the kernel under this epilogue has just written
   * @returns {ProgramLayout}
   */
  layout(program, output, anchor) {
    const { shape } = output.view;
    const names = program.operands.map((operand) => ("value" in operand ? operand.value : null));
    const sources = program.operands.map((operand) => {
      if (!("value" in operand)) return { bits: bitsOf(operand.scalar), dtype: /** @type {Dtype} */ ("f32") };
      if (operand.value === anchor?.value) return { tensor: anchor.tensor };
      const scalar = this.scalarOf(operand.value);
      const { dtype } = this.typeOf(operand.value);
      if (scalar !== null) return { bits: dtype === "f32" ? bitsOf(scalar) : scalar, dtype };
      const tensor = this.tensor(operand.value);
      return { tensor: { ...tensor, view: expandView(tensor.view, shape) } };
    });
    for (;;) {
      const layout = layoutOperands(shape, sources);
      if (!("unreadable" in layout)) {
        const { operands, columns, dims } = layout;
        const { instructions, result } = program;
        return { dtype: output.dtype, output: this.start(output), operands, instructions, result, columns, dims };
      }
      // Copy the value before it is broadcast; if that was tried, what is broadcast.
      const index = layout.unreadable;
      const name = /** @type {string} */ (names[index]);
      const { tensor } = /** @type {{ tensor: Tensor }} */ (sources[index]);
      const plain = this.buffer(name);
      const again = { ...plain, view: expandView(plain.view, shape) };
      const changed = again.storage !== tensor.storage || again.view.strides.join() !== tensor.view.strides.join();
      sources[index] = { tensor: changed ? again : this.contiguous(tensor) };
    }
  }

  /**
   * The output of a kernel, and the fields that clamp it and run its epilogue.
   * @param {Unit} unit
   * @param {Operation} operation
   * @returns {{ output: Tensor, epilogue: Field, minimum: number, maximum: number }}
   */
  finish({ clamp, program, output: name }, operation) {
    const kernelType = this.typeOf(operation.output);
    const written = this.allocate(kernelType);
    const output = { ...written, dtype: this.typeOf(name).dtype };
    this.tensors.set(name, output);
    const minimum = clamp ? (clamp.op === "relu" ? 0 : clamp.attributes.minimum) : -Infinity;
    const maximum = clamp && clamp.op !== "relu" ? clamp.attributes.maximum : Infinity;
    const anchor = { value: (clamp ?? operation).output, tensor: written };
    return { output, epilogue: program ? this.layout(program, output, anchor) : 0, minimum, maximum };
  }

  /**
   * A bias that kernels can read in whole vectors; a computed one is added by `addBias`.
   * @param {string | undefined} name
   * @param {number} columns
   * @returns {Reference}
   */
  bias(name, columns) {
    if (!name || !this.graph.constants.has(name)) return { storage: this.weights.requestZeros(Math.ceil(columns / 8) * 32), offset: 0 };
    return { storage: this.weights.request(name, this.typeOf(name), { form: "raw" }), offset: 0 };
  }

  /**
   * @param {string | undefined} name
   * @param {number} columns
   * @returns {Reference}
   */
  integerBias(name, columns) {
    return name ? this.start(this.buffer(name)) : this.bias(name, columns);
  }

  /**
   * Where the matrices of a batch of products lie, in elements.
   * @param {string} name for errors
   * @param {View} a
   * @param {View} b
   * @param {readonly number[]} shape of the result
   */
  pairs(name, a, b, shape) {
    const batch = shape.slice(0, -2);
    const [viewA, viewB] = [a, b].map(({ offset, shape: own, strides }) => expandView({ offset, shape: own.slice(0, -2), strides: strides.slice(0, -2) }, batch));
    const count = sizeOf(batch);
    if (count > MOST_PRODUCTS) {
      throw new WebkilnError(`${name}: a batch of ${count} products of matrices; at most ${MOST_PRODUCTS} are planned: reshape the model's batch, or give smaller inputs`);
    }
    return Array.from({ length: count }, (_, i) => {
      let [offsetA, offsetB] = [viewA.offset, viewB.offset];
      for (let axis = batch.length - 1, rest = i; axis >= 0; axis--) {
        const index = rest % batch[axis];
        rest = (rest - index) / batch[axis];
        offsetA += index * viewA.strides[axis];
        offsetB += index * viewB.strides[axis];
      }
      return { offsetA, offsetB };
    });
  }

  /**
   * @param {string | undefined} name
   * @param {Tensor} output
   */
  addBias(name, output) {
    if (!name || this.graph.constants.has(name) || sizeOf(output.view.shape) === 0) return;
    const value = this.current[0].output; // what the kernel has written; no bias can be of that name
    /** @type {Program} */
    const program = {
      operations: this.current,
      operands: [{ value }, { value: name }],
      instructions: [{ opcode: "add:f32", operands: [0, 1], destination: 2 }],
      result: 2,
      output: value,
    };
    this.emit("elementwise", { program: this.layout(program, output, { value, tensor: output }), begin: 0, count: sizeOf(output.view.shape) });
  }

  /**
   * A matrix packed for gemm: once at load when it is constant, else on every run.
   * @param {string} name of the value it is part of
   * @param {{ depth: number, columns: number, rowStride: number, columnStride: number }} matrix
   * @param {number} offset in elements, from the start of its storage
   * @param {Reference} [place] for what is packed on every run
   * @returns {Reference}
   */
  packed(name, { depth, columns, rowStride, columnStride }, offset, place) {
    if (this.graph.constants.has(name)) {
      return { storage: this.weights.request(name, this.typeOf(name), { form: "matrix", offset, depth, columns, rowStride, columnStride }), offset: 0 };
    }
    const destination = place ?? { storage: this.scratch(packedBytes(depth, columns)), offset: 0 };
    const source = { storage: this.tensor(name).storage, offset: offset * 4 };
    this.emit("pack_b", { source, destination, depth, columns, row_stride: rowStride, column_stride: columnStride });
    return destination;
  }

  /**
   * The filters of a convolution, packed as one matrix.
   * @param {string} name
   * @param {number} depth
   * @param {number} columns
   * @returns {Reference}
   */
  packedFilters(name, depth, columns) {
    const offset = this.graph.constants.has(name) ? 0 : this.buffer(name).view.offset;
    return this.packed(name, { depth, columns, rowStride: columns, columnStride: 1 }, offset);
  }

  /**
   * The filters of a depthwise convolution, packed.
   * @param {string} name
   * @param {number} taps
   * @param {number} channels
   * @returns {Reference}
   */
  packedDepthwise(name, taps, channels) {
    if (this.graph.constants.has(name)) {
      return { storage: this.weights.request(name, this.typeOf(name), { form: "depthwise", taps, channels }), offset: 0 };
    }
    const destination = { storage: this.scratch(Math.ceil(channels / 4) * 16 * taps), offset: 0 };
    this.emit("pack_depthwise", { source: this.start(this.buffer(name)), destination, taps, channels });
    return destination;
  }

  /**
   * How a value lies in its storage; asking does not keep a constant's raw form in the memory.
   * @param {string} name
   * @returns {View}
   */
  viewOf(name) {
    return this.graph.constants.has(name) ? wholeView(this.typeOf(name).shape) : this.tensor(name).view;
  }

  /**
   * A value as rows that gemm can walk: the last `columnAxes` axes contiguous, one stride from row to row.
   * @param {string} name
   * @param {number} columnAxes
   * @returns {{ tensor: Tensor, rows: number, columns: number, rowStride: number }}
   */
  rows(name, columnAxes) {
    const tensor = this.tensor(name);
    const matrix = asMatrix(tensor.view, columnAxes);
    const readable = matrix && (matrix.columnStride === 1 || matrix.columns <= 1) && matrix.rowStride >= matrix.columns && this.start(tensor).offset % 16 === 0;
    if (readable) return { tensor, ...matrix };
    const copy = this.buffer(name);
    return { tensor: copy, .../** @type {NonNullable<typeof matrix>} */ (asMatrix(copy.view, columnAxes)) };
  }

  /**
   * Another name for a part of a value, or for the value in another order: no command.
   * @param {Operation} operation
   * @param {(view: View) => View} change
   */
  alias({ inputs, output }, change) {
    const tensor = this.tensor(inputs[0]);
    this.tensors.set(output, { ...tensor, view: change(tensor.view) });
  }

  /**
   * Bytes of the plan itself: the tables of a resize.
   * @param {Int32Array} content
   * @returns {Reference}
   */
  table(content) {
    /** @type {Storage} */
    const storage = { kind: "data", bytes: content.byteLength, content };
    this.data.push(storage);
    return { storage, offset: 0 };
  }

  /**
   * Makes a value a buffer that is read after the run.
   * @param {string} name
   * @returns {Tensor}
   */
  output(name) {
    this.current = [];
    let tensor = this.buffer(name);
    // A state changes before outputs are read.
    if (tensor.storage.kind === "fixed") tensor = this.copy(tensor);
    tensor.storage.output = true;
    return tensor;
  }

  /**
   * The new states, written over the old ones when nothing reads these any more.
   * @param {ReadonlyMap<string, Storage>} state
   */
  updateState(state) {
    this.current = [];
    const storages = new Set(state.values());
    const moves = this.graph.state.map(({ input, output }) => {
      const tensor = this.tensor(output);
      // States that change places are first put aside.
      return { tensor: storages.has(tensor.storage) ? this.copy(tensor) : tensor, storage: /** @type {Storage} */ (state.get(input)) };
    });
    for (const { tensor, storage } of moves) {
      this.commands.push(...copyCommands(tensor, { storage, dtype: tensor.dtype, view: wholeView(tensor.view.shape) }, this.current));
    }
  }
}

/**
 * Bytes of a matrix in the form that gemm wants.
 * @param {number} depth
 * @param {number} columns
 */
function packedBytes(depth, columns) {
  return Math.ceil(columns / 8) * 32 * depth;
}

/** @typedef {(this: Lowering, operation: Operation, unit: Unit) => void} Lower */

/** @type {Lower} */
function lowerConv2d(operation, unit) {
  const { inputs: [x, w, bias], attributes } = operation;
  const { stride, padding: [top, left, bottom, right], dilation, groups } = attributes;
  const [kernelHeight, kernelWidth, depthOfGroup, outChannels] = this.typeOf(w).shape;
  const [, , , channels] = this.typeOf(x).shape;
  const { output, epilogue, minimum, maximum } = this.finish(unit, operation);
  if (sizeOf(output.view.shape) === 0) return;
  const [batch, outHeight, outWidth] = output.view.shape;
  const y = this.start(output);
  const last = { bias: this.bias(bias, outChannels), minimum, maximum, epilogue };
  const taps = kernelHeight * kernelWidth;
  const depth = taps * depthOfGroup;

  const isFloat = this.typeOf(x).dtype === "f32";
  if (isFloat && taps === 1 && groups === 1 && stride[0] === 1 && stride[1] === 1 && !(top || left || bottom || right)) {
    const { tensor, rows, columns, rowStride } = this.rows(x, 1);
    const b = this.packedFilters(w, depth, outChannels);
    this.emit("gemm", { a: this.start(tensor), b, c: y, rows, columns: outChannels, depth: columns, a_stride: rowStride, ...last });
    return this.addBias(bias, output);
  }

  const tensor = this.buffer(x);
  const [, height, width] = tensor.view.shape;
  // The kernels count positions in 32 bits.
  checkSize([Math.max(height + top + bottom, width + left + right)], `the padded picture of ${operation.name || operation.output}`);
  const geometry = {
    x: this.start(tensor), y, batch, height, width, channels, out_height: outHeight, out_width: outWidth,
    kernel_height: kernelHeight, kernel_width: kernelWidth, stride_height: stride[0], stride_width: stride[1],
    padding_top: top, padding_left: left, dilation_height: dilation[0], dilation_width: dilation[1],
  };
  if (!isFloat) return this.emit("conv2d_i32", { ...geometry, w: this.start(this.buffer(w)), bias: this.integerBias(bias, outChannels), out_channels: outChannels, groups });
  if (groups === channels && depthOfGroup === 1 && outChannels === channels && channels > 1) {
    const scratch = this.scratch(5 * Math.ceil(channels / 4) * 16);
    this.emit("depthwise", { ...geometry, w: this.packedDepthwise(w, taps, channels), scratch: { storage: scratch, offset: 0 }, ...last });
  } else if (groups > 1) {
    this.emit("conv2d_grouped", { ...geometry, w: this.start(this.buffer(w)), out_channels: outChannels, groups, ...last });
  } else {
    const total = batch * outHeight * outWidth;
    const wanted = Math.floor(PATCH_FLOATS / Math.max(1, depth));
    const scratchRows = Math.min(total, Math.max(PATCH_ROWS / 2, wanted - (wanted % PATCH_ROWS)));
    const b = this.packedFilters(w, depth, outChannels);
    const scratch = { storage: this.scratch(scratchRows * depth * 4), offset: 0 };
    this.emit("conv2d", { ...geometry, w: b, out_channels: outChannels, scratch, scratch_rows: scratchRows, ...last });
  }
  this.addBias(bias, output);
}

/** @type {Lower} */
function lowerMatmul(operation, unit) {
  const { inputs: [a, b, bias] } = operation;
  const { output, epilogue, minimum, maximum } = this.finish(unit, operation);
  const { shape } = output.view;
  if (sizeOf(shape) === 0) return;
  const columns = shape[shape.length - 1];
  const [depth] = this.typeOf(b).shape.slice(-2);
  if (this.typeOf(a).dtype === "i32") return lowerIntegerMatmul.call(this, operation, unit);
  const right = this.viewOf(b);
  const [rowStride, columnStride] = right.strides.slice(-2);
  const matrixB = { depth, columns, rowStride, columnStride };
  const batchB = right.shape.slice(0, -2);
  const last = { bias: this.bias(bias, columns), minimum, maximum };
  if (sizeOf(batchB) === 1) {
    const packed = this.packed(b, matrixB, right.offset);
    const matrixA = this.rows(a, 1);
    this.emit("gemm", {
      a: this.start(matrixA.tensor), b: packed, c: this.start(output), rows: matrixA.rows, columns, depth,
      a_stride: Math.max(matrixA.rowStride, depth), ...last, epilogue,
    });
    return this.addBias(bias, output);
  }

  // One product for each element of the batch; a right side that repeats is packed once.
  const rows = shape[shape.length - 2];
  let left = this.tensor(a);
  let strides = left.view.strides;
  const rank = strides.length;
  const readable = (strides[rank - 1] === 1 || depth <= 1) && (strides[rank - 2] >= depth || rows === 1);
  if (!readable) {
    left = this.buffer(a);
    strides = left.view.strides;
  }
  const pairs = this.pairs(operation.name || operation.output, { ...left.view, strides }, right, shape);
  const count = pairs.length;
  // Matrices that are used again have a place each; where none is, all have the same in turn.
  const different = new Set(pairs.map(({ offsetB }) => offsetB)).size;
  const bytes = packedBytes(depth, columns);
  const step = different < count ? bytes : 0;
  const places = this.scratch(step * (different - 1) + bytes);
  /** @type {Map<number, Reference>} */
  const packed = new Map();
  for (const [i, { offsetA, offsetB }] of pairs.entries()) {
    const matrix = packed.get(offsetB) ?? this.packed(b, matrixB, offsetB, { storage: places, offset: step * packed.size });
    packed.set(offsetB, matrix);
    const c = { storage: output.storage, offset: i * rows * columns * 4 };
    const from = { storage: left.storage, offset: offsetA * 4 };
    this.emit("gemm", { a: from, b: matrix, c, rows, columns, depth, a_stride: Math.max(depth, strides[strides.length - 2]), ...last, epilogue: 0 });
  }
  this.addBias(bias, output);
}

/** As convolutions of pictures of one row. @type {Lower} */
function lowerIntegerMatmul({ inputs: [a, b, bias], output: name }) {
  const output = /** @type {Tensor} */ (this.tensors.get(name));
  const [left, right] = [this.buffer(a), this.buffer(b)];
  const [rows, columns] = output.view.shape.slice(-2);
  const [depth] = right.view.shape.slice(-2);
  const start = this.integerBias(bias, columns);
  for (const [i, { offsetA, offsetB }] of this.pairs(name, left.view, right.view, output.view.shape).entries()) {
    this.emit("conv2d_i32", {
      x: { storage: left.storage, offset: offsetA * 4 }, w: { storage: right.storage, offset: offsetB * 4 }, bias: start,
      y: { storage: output.storage, offset: i * rows * columns * 4 }, batch: 1, height: 1, width: rows, channels: depth, out_height: 1, out_width: rows,
      out_channels: columns, kernel_height: 1, kernel_width: 1, stride_height: 1, stride_width: 1, padding_top: 0, padding_left: 0,
      dilation_height: 1, dilation_width: 1, groups: 1,
    });
  }
}

/** @type {Lower} */
function lowerPool(operation, unit) {
  const { op, inputs: [x], attributes: { window, stride, padding, count_padding: countPadding } } = operation;
  const tensor = this.buffer(x);
  const { output, epilogue } = this.finish(unit, operation);
  if (sizeOf(output.view.shape) === 0) return;
  const [batch, height, width, channels] = tensor.view.shape;
  const [, outHeight, outWidth] = output.view.shape;
  this.emit("pool2d", {
    mode: op === "max_pool2d" ? 0 : countPadding ? 2 : 1, x: this.start(tensor), y: this.start(output), batch, height, width, channels,
    out_height: outHeight, out_width: outWidth, window_height: window[0], window_width: window[1],
    stride_height: stride[0], stride_width: stride[1], padding_top: padding[0], padding_left: padding[1], epilogue,
  });
}

/** @type {Lower} */
function lowerReduce({ op, inputs: [x], output, attributes: { axes } }) {
  const type = this.typeOf(output);
  const source = this.tensor(x);
  const { shape } = source.view;
  const isReduced = (/** @type {number} */ axis) => axes.includes(axis);
  // The kernel takes one run of reduced axes; anything else is put in that order first.
  const long = shape.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
  const first = long.findIndex(isReduced);
  const after = first < 0 ? [] : long.slice(first);
  const run = after.findIndex((axis) => !isReduced(axis));
  const isRun = run < 0 || !after.slice(run).some(isReduced);
  const kept = shape.flatMap((_, axis) => (isReduced(axis) ? [] : [axis]));
  const order = isRun ? shape.map((_, axis) => axis) : [...kept, ...axes];
  const tensor = isRun ? this.buffer(x) : this.contiguous({ ...source, view: transposeView(source.view, order) });
  const dims = order.map((axis) => shape[axis]);
  const reduced = order.map(isReduced);
  const begin = isRun ? (first < 0 ? dims.length : long[first]) : kept.length;
  const end = isRun ? (run < 0 ? dims.length : after[run]) : dims.length;
  const written = this.allocate(type);
  this.tensors.set(output, written);
  const outer = sizeOf(dims.filter((_, i) => i < begin && !reduced[i]));
  const inner = sizeOf(dims.filter((_, i) => i >= end && !reduced[i]));
  const count = sizeOf(dims.filter((_, i) => reduced[i]));
  if (sizeOf(type.shape) === 0) return;
  const mode = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"].indexOf(op);
  this.emit("reduce", { mode, dtype: DTYPES[type.dtype].code, x: this.start(tensor), y: this.start(written), outer, count, inner });
}

/** @type {Lower} */
function lowerResize(operation, unit) {
  const { inputs: [x], attributes } = operation;
  const tensor = this.buffer(x);
  const { output, epilogue } = this.finish(unit, operation);
  if (sizeOf(output.view.shape) === 0) return;
  const [batch, height, width, channels] = tensor.view.shape;
  const [, outHeight, outWidth] = output.view.shape;
  const tableOf = attributes.mode === "linear" ? linearTable : nearestTable;
  this.emit(attributes.mode === "linear" ? "resize_linear" : "resize_nearest", {
    x: this.start(tensor), y: this.start(output), batch, height, width, channels, out_height: outHeight, out_width: outWidth,
    rows: this.table(tableOf(height, outHeight, attributes)), columns: this.table(tableOf(width, outWidth, attributes)), epilogue,
  });
}

/**
 * @param {number} from
 * @param {number} to
 * @param {Record<string, any>} attributes
 * @returns {Int32Array} first, second, bits of the fraction
 */
function linearTable(from, to, { coordinates }) {
  const table = new Int32Array(3 * to);
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max(sourceCoordinate(i, from, to, coordinates), 0), from - 1);
    const first = Math.floor(at);
    table.set([first, Math.min(first + 1, from - 1), bitsOf(at - first)], 3 * i);
  }
  return table;
}

/**
 * @param {number} from
 * @param {number} to
 * @param {Record<string, any>} attributes
 * @returns {Int32Array}
 */
function nearestTable(from, to, { coordinates, rounding }) {
  return Int32Array.from({ length: to }, (_, i) => {
    const at = sourceCoordinate(i, from, to, coordinates);
    return Math.min(Math.max(Math.floor(rounding === "round" ? at + 0.5 : at), 0), from - 1);
  });
}

/** @type {Lower} */
function lowerPad({ inputs: [x], output, attributes: { low, high, interior, value } }) {
  const type = this.typeOf(output);
  const source = this.tensor(x);
  const { shape } = source.view;
  if (![...low, ...high].some(Boolean) && shape.every((dim, axis) => dim <= 1 || interior[axis] === 0)) {
    this.tensors.set(output, source);
    return;
  }
  const written = this.allocate(type);
  this.tensors.set(output, written);
  if (sizeOf(type.shape) === 0) return;
  const size = DTYPES[type.dtype].size;
  // As a cast: towards zero, saturated at 32 bits, NaN is 0.
  const whole = Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(value) || 0));
  const bits = type.dtype === "f32" ? bitsOf(value) : type.dtype === "bool" ? Number(value !== 0) : whole;
  this.emit("fill", { y: this.start(written), count: sizeOf(type.shape), bits, element_size: size });
  const view = sliceView(written.view, low, shape, interior.map((/** @type {number} */ gap) => gap + 1));
  this.commands.push(...copyCommands(source, { ...written, view }, this.current));
}

/** @type {Lower} */
function lowerConcat({ inputs, output, attributes: { axis } }) {
  const type = this.typeOf(output);
  const written = this.allocate(type);
  this.tensors.set(output, written);
  const size = DTYPES[type.dtype].size;
  const isStacked = sizeOf(type.shape.slice(0, axis)) === 1;
  const start = type.shape.map(() => 0);
  const step = type.shape.map(() => 1);
  for (const name of inputs) {
    const part = this.tensor(name);
    const view = sliceView(written.view, start, part.view.shape, step);
    const offset = view.offset * size;
    const bytes = sizeOf(part.view.shape) * size;
    const { storage } = part;
    // A part that nothing else holds a place for is computed where it belongs.
    const movable =
      isStacked && storage.kind === "arena" && !storage.inside && !storage.input && storage.bytes === bytes &&
      part.view.offset === 0 && isContiguous(part.view) && offset % 16 === 0 && bytes % 16 === 0 && bytes > 0;
    if (movable) storage.inside = { storage: written.storage, offset };
    else this.commands.push(...copyCommands(part, { ...written, view }, this.current));
    start[axis] += part.view.shape[axis];
  }
}

/** @type {Lower} */
function lowerGather({ inputs: [x, indices], output, attributes: { axis } }) {
  const type = this.typeOf(output);
  const table = this.buffer(x);
  const list = this.buffer(indices);
  const written = this.allocate(type);
  this.tensors.set(output, written);
  if (sizeOf(type.shape) === 0) return;
  const { shape } = table.view;
  this.emit("gather", {
    x: this.start(table), indices: this.start(list), y: this.start(written), outer: sizeOf(shape.slice(0, axis)), axis_size: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)), count: sizeOf(list.view.shape), element_size: DTYPES[type.dtype].size,
  });
}

/**
 * What goes along one axis.
 * @param {string} kernel
 * @param {(attributes: Record<string, any>, count: number) => Record<string, Field>} fieldsOf
 * @returns {Lower}
 */
function alongAxis(kernel, fieldsOf) {
  return function lower({ inputs: [x], output, attributes }) {
    const type = this.typeOf(output);
    const from = this.buffer(x);
    const written = this.allocate(type);
    this.tensors.set(output, written);
    if (sizeOf(type.shape) === 0) return;
    const { axis } = attributes;
    const { shape } = from.view;
    this.emit(kernel, {
      dtype: DTYPES[from.dtype].code, x: this.start(from), y: this.start(written), outer: sizeOf(shape.slice(0, axis)), count: shape[axis],
      inner: sizeOf(shape.slice(axis + 1)), ...fieldsOf(attributes, shape[axis]),
    });
  };
}

/** @type {Lower} */
function lowerRequantize({ inputs: [x, multiplier, shift], output, attributes: { rounding } }) {
  const [from, multipliers, shifts] = [this.buffer(x), this.buffer(multiplier), this.buffer(shift)];
  const written = this.allocate(this.typeOf(output));
  this.tensors.set(output, written);
  const count = sizeOf(from.view.shape);
  if (count === 0) return;
  this.emit("requantize", {
    mode: ["double", "single", "reduced", "float"].indexOf(rounding), x: this.start(from), multiplier: this.start(multipliers), shift: this.start(shifts),
    y: this.start(written), count, channels: multipliers.view.shape[0],
  });
}

/** @type {Lower} */
function lowerNonMaxSuppression({ inputs, output }) {
  const [boxes, scores, threshold] = inputs.map((name) => this.buffer(name));
  const type = this.typeOf(output);
  const written = this.allocate(type);
  this.tensors.set(output, written);
  if (sizeOf(type.shape) === 0) return;
  const [batch, classes, limit] = type.shape;
  const count = scores.view.shape[2];
  this.emit("non_max_suppression", {
    boxes: this.start(boxes), scores: this.start(scores), threshold: this.start(threshold), y: this.start(written),
    scratch: { storage: { kind: "arena", bytes: Math.max(1, Math.ceil((3 * count) / 4)) * 16 }, offset: 0 }, batch, classes, count, limit,
  });
}

/** @type {Lower} */
function lowerScatter({ inputs: [x, indices, updates], output, attributes: { reduction } }) {
  const list = this.buffer(indices);
  const from = this.buffer(updates);
  const written = this.copy(this.tensor(x));
  this.tensors.set(output, written);
  if (sizeOf(from.view.shape) === 0) return;
  const [size, ...rest] = written.view.shape;
  this.emit("scatter", {
    mode: ["none", "add", "mul", "max", "min"].indexOf(reduction), dtype: DTYPES[written.dtype].code, indices: this.start(list), updates: this.start(from),
    y: this.start(written), axis_size: size, inner: sizeOf(rest), count: list.view.shape[0],
  });
}

/** @type {Lower} */
function lowerReshape({ inputs: [x], output, attributes: { shape } }) {
  const tensor = this.tensor(x);
  const view = reshapeView(tensor.view, shape);
  if (view) this.tensors.set(output, { ...tensor, view });
  else {
    const buffer = this.buffer(x);
    this.tensors.set(output, { ...buffer, view: /** @type {View} */ (reshapeView(buffer.view, shape)) });
  }
}

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
  gather: lowerGather,
  requantize: lowerRequantize,
  scatter: lowerScatter,
  non_max_suppression: lowerNonMaxSuppression,
  arg_max: alongAxis("arg_extreme", ({ last }) => ({ mode: 0, last: Number(last) })),
  arg_min: alongAxis("arg_extreme", ({ last }) => ({ mode: 1, last: Number(last) })),
  cumulative_sum: alongAxis("cumulate", ({ exclusive, reverse }) => ({ mode: 0, exclusive: Number(exclusive), reverse: Number(reverse) })),
  cumulative_prod: alongAxis("cumulate", ({ exclusive, reverse }) => ({ mode: 1, exclusive: Number(exclusive), reverse: Number(reverse) })),
  argsort: alongAxis("argsort", ({ descending }, count) => ({ descending: Number(descending), scratch: { storage: { kind: "arena", bytes: Math.ceil(count / 2) * 16 }, offset: 0 } })),
  reshape: lowerReshape,
  /** @type {Lower} */
  transpose(operation) {
    this.alias(operation, (view) => transposeView(view, operation.attributes.permutation));
  },
  /** @type {Lower} */
  slice(operation) {
    const { start, size, step } = operation.attributes;
    this.alias(operation, (view) => sliceView(view, start, size, step));
  },
  /** @type {Lower} */
  expand(operation) {
    this.alias(operation, (view) => expandView(view, operation.attributes.shape));
  },
  /** A cast to the dtype that the value has. @type {Lower} */
  cast(operation) {
    this.alias(operation, (view) => view);
  },
};

/**
 * The operators that this backend runs.
 * @param {Operation} operation
 * @param {StaticGraph} graph
 */
export function isLowerable(operation, graph) {
  return isElementwise(operation, graph) || operation.op in LOWERINGS;
}
