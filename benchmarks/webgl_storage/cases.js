/** What is measured: each case with its reference, tfjs's way, and ours at each R and in each variant of interest. */

import * as reference from "./reference.js";
import * as shaders from "./shaders.js";
import { packWeights } from "./storage.js";

/** @typedef {import("./device.js").Device} Device */
/** @typedef {import("./device.js").Tensor} Tensor */
/** @typedef {import("./shaders.js").Style} Style */
/** @typedef {{ window: boolean } & shaders.Weights} Choices reading pattern, order of weights */
/** @typedef {Style & Choices & { name: string }} Variant */
/** @typedef {ReturnType<Device["operation"]>} Operation */
/** @typedef {any} Tfjs the namespace of TensorFlow.js, whose script puts it on the page */

/**
 * @typedef {object} Case
 * @property {string} kind
 * @property {string} name
 * @property {number} [operations] floating-point
 * @property {() => Float32Array} reference
 * @property {(tf: Tfjs) => () => any} tfjs makes its inputs; then each call gives a new tensor
 * @property {(device: Device, variant: Variant) => Operation} ours
 * @property {import("./backend.js").Graph} graph for the runtime's backend
 * @property {Partial<Variant>[]} [variants] beside those of R
 */

/** In [-0.5, 0.5), the same at every run. @param {number} count @param {number} seed */
function noise(count, seed) {
  let state = seed;
  return Float32Array.from({ length: count }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5);
}

/** @param {number[]} shape @param {number} seed */
const picture = (shape, seed) => ({ shape, data: noise(shape.reduce((a, b) => a * b, 1), seed) });
const text = (/** @type {number[]} */ shape) => shape.join("×");

/**
 * A graph of one operation, and perhaps a ReLU, on pictures: all shapes but those of constants get a batch of 1.
 * @param {string} op
 * @param {Record<string, reference.Array3>} inputs
 * @param {number[]} shape of the result
 * @param {Record<string, any>} attributes
 * @param {{ constants?: Record<string, { shape: number[], data: Float32Array }>, relu?: boolean }} [options]
 */
function graph(op, inputs, shape, attributes, { constants = {}, relu = false } = {}) {
  const output = [1, ...shape];
  return {
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, { shape, data }]) => [name, { shape: [1, ...shape], data }])),
    constants,
    nodes: [
      { op, inputs: [...Object.keys(inputs), ...Object.keys(constants)], output: "y", attributes, shape: output },
      ...(relu ? [{ op: "relu", inputs: ["y"], output: "z", attributes: {}, shape: output }] : []),
    ],
  };
}

/** @type {Partial<Variant>[]} at R = 4 */
const ADDRESSES = [
  { name: "folded", addressing: "fold" },
  { name: "folded, divisions", addressing: "division" },
  { name: "R textures", textures: "planes" },
  { name: "single uniforms", numbers: "single" },
  { name: "constants", numbers: "constant" },
];
/** @type {Partial<Variant>} */
const DIRECT = { name: "tap by tap", window: false };
/** @type {Partial<Variant>} */
const OUTER = { name: "weights by outputs", inner: "outputs" };
/** @type {Partial<Variant>} */
const FLAT = { name: "flat weights", flat: true };

/**
 * @param {number[]} shape
 * @param {number} outputs
 * @param {{ kernel?: number, stride?: number, depthwise?: boolean, variants?: Partial<Variant>[] }} [options] padding is TFLite's SAME
 * @returns {Case}
 */
function convolution(shape, outputs, { kernel = 1, stride = 1, depthwise = false, variants } = {}) {
  const x = picture(shape, 1);
  const [height, width, inputs] = shape;
  const output = [Math.ceil(height / stride), Math.ceil(width / stride), outputs];
  const padding = Math.max(0, (output[0] - 1) * stride + kernel - height) >> 1;
  const taps = kernel * kernel;
  const weights = noise(taps * inputs * (depthwise ? 1 : outputs), 2);
  const bias = noise(outputs, 3);
  const after = Math.max(0, (output[0] - 1) * stride + kernel - height) - padding;
  const attributes = { stride: [stride, stride], padding: [padding, padding, after, after], dilation: [1, 1], groups: depthwise ? inputs : 1 };
  const constants = { w: { shape: [kernel, kernel, depthwise ? 1 : inputs, outputs], data: weights }, bias: { shape: [outputs], data: bias } };
  return {
    kind: depthwise ? `depthwise ${kernel}×${kernel}` : `convolution ${kernel}×${kernel}`,
    name: `${text(shape)}${depthwise ? "" : `→${outputs}`}${stride > 1 ? ` /${stride}` : ""}`,
    operations: 2 * output[0] * output[1] * outputs * taps * (depthwise ? 1 : inputs),
    variants,
    graph: graph("conv2d", { x }, output, attributes, { constants, relu: true }),
    reference: () => reference.convolution(x, weights, bias, { kernel, stride, padding, output, depthwise }),
    tfjs(tf) {
      const filter = tf.tensor4d(weights, [kernel, kernel, inputs, depthwise ? 1 : outputs]);
      const options = { x: tf.tensor4d(x.data, [1, ...shape]), filter, strides: stride, pad: "same", bias: tf.tensor1d(bias), activation: "relu" };
      return () => (depthwise ? tf.fused.depthwiseConv2d(options) : tf.fused.conv2d(options));
    },
    ours(device, variant) {
      const { inner, flat, window } = variant;
      const layers = output[1] === 1 ? 1 : variant.layers; // as its storage
      const packed = packWeights(weights, taps, inputs, outputs, variant);
      const tensors = {
        x: device.upload(shape, x.data, variant),
        w: depthwise ? device.upload([kernel, kernel, inputs], weights, { ...variant, layers: 1 }) : device.tensor(packed.layout, variant.textures, packed.texels),
        bias: device.upload([1, 1, outputs], bias, variant),
      };
      if (kernel === 1) return device.operation(shaders.pointwise(layers, { inner, flat }), variant, tensors, output);
      const make = depthwise ? shaders.depthwise : shaders.convolution;
      return device.operation(make(layers, { kernel, stride, padding, window, inner, flat }), variant, tensors, output, window ? {} : { kernel, stride, padding });
    },
  };
}

/**
 * @param {string} kind
 * @param {number[]} shape
 * @param {number[]} other
 * @param {{ reference: typeof reference.add, tfjs: (tf: Tfjs, x: any, z: any) => any, kernel: (R: number) => shaders.Kernel, op: string, attributes?: Record<string, any>, output?: number[], variants?: Partial<Variant>[] }} options
 * @returns {Case}
 */
function binary(kind, shape, other, { reference: loop, tfjs, kernel, op, attributes = {}, output = shape, variants }) {
  const x = picture(shape, 1);
  const z = picture(other, 2);
  return {
    kind,
    name: `${text(shape)} ${text(other)}`,
    variants,
    graph: graph(op, { x, z }, output, attributes),
    reference: () => loop(x, z),
    tfjs(tf) {
      const [a, b] = [x, z].map(({ shape, data }) => tf.tensor4d(data, [1, ...shape]));
      return () => tfjs(tf, a, b);
    },
    ours: (device, variant) =>
      device.operation(kernel(variant.layers), variant, { x: device.upload(shape, x.data, variant), z: device.upload(other, z.data, variant) }, output),
  };
}

/**
 * @param {string} kind
 * @param {number[]} shape
 * @param {number[]} output
 * @param {{ reference: (x: reference.Array3) => Float32Array, tfjs: (tf: Tfjs, x: any) => any, kernel: (R: number, choices: Choices) => shaders.Kernel, op: string, attributes: Record<string, any>, variants?: Partial<Variant>[] }} options
 * @returns {Case}
 */
function unary(kind, shape, output, { reference: loop, tfjs, kernel, op, attributes, variants }) {
  const x = picture(shape, 1);
  return {
    kind,
    name: `${text(shape)}→${text(output)}`,
    variants,
    graph: graph(op, { x }, output, attributes),
    reference: () => loop(x),
    tfjs(tf) {
      const a = tf.tensor4d(x.data, [1, ...shape]);
      return () => tfjs(tf, a);
    },
    ours: (device, variant) => device.operation(kernel(variant.layers, variant), variant, { x: device.upload(shape, x.data, variant) }, output),
  };
}

/** @param {number[]} shape @param {number[]} other @param {boolean} aligned @returns {Case} */
const concat = (shape, other, aligned) =>
  binary(`concat, ${aligned ? "aligned" : "unaligned"}`, shape, other, {
    op: "concat",
    attributes: { axis: 3 },
    reference: reference.concat,
    tfjs: (tf, x, z) => tf.concat([x, z], 3),
    kernel: (R) => shaders.concat(R, { aligned }),
    output: [shape[0], shape[1], shape[2] + other[2]],
  });

/** @returns {Case[]} */
export const cases = () => [
  convolution([96, 96, 32], 16, { variants: [...ADDRESSES, OUTER, FLAT] }),
  convolution([96, 96, 16], 96, { variants: [...ADDRESSES, OUTER, FLAT] }),
  convolution([48, 48, 24], 144, { variants: [FLAT] }),
  convolution([48, 48, 96], 24, { variants: [FLAT] }),
  convolution([24, 24, 96], 64, { variants: [...ADDRESSES, OUTER, FLAT] }),
  convolution([12, 12, 320], 1280, { variants: [OUTER, FLAT] }),
  convolution([12, 12, 64], 384, { variants: [FLAT] }),
  convolution([6, 6, 960], 160, { variants: [OUTER, FLAT] }),
  convolution([1, 1, 1152], 195, { variants: [FLAT] }),
  convolution([192, 192, 3], 32, { kernel: 3, stride: 2, variants: [DIRECT, ...ADDRESSES] }),
  convolution([24, 24, 64], 64, { kernel: 3, variants: [DIRECT, OUTER, FLAT] }),
  convolution([96, 96, 32], 32, { kernel: 3, depthwise: true, variants: [DIRECT, ...ADDRESSES] }),
  convolution([96, 96, 96], 96, { kernel: 3, stride: 2, depthwise: true, variants: [DIRECT, ...ADDRESSES] }),
  convolution([24, 24, 192], 192, { kernel: 3, depthwise: true, variants: [DIRECT, ...ADDRESSES] }),
  convolution([12, 12, 576], 576, { kernel: 3, depthwise: true, variants: [DIRECT] }),
  convolution([6, 6, 960], 960, { kernel: 3, depthwise: true, variants: [DIRECT] }),
  convolution([32, 32, 96], 96, { kernel: 5, depthwise: true, variants: [DIRECT] }),
  binary("add", [96, 96, 32], [96, 96, 32], { op: "add", reference: reference.add, tfjs: (tf, x, z) => tf.add(x, z), kernel: shaders.addSame, variants: ADDRESSES }),
  binary("add", [24, 24, 96], [24, 24, 96], { op: "add", reference: reference.add, tfjs: (tf, x, z) => tf.add(x, z), kernel: shaders.addSame }),
  binary("add a channel's number", [96, 96, 32], [1, 1, 32], { op: "add", reference: reference.add, tfjs: (tf, x, z) => tf.add(x, z), kernel: shaders.addChannel, variants: ADDRESSES }),
  concat([96, 96, 6], [96, 96, 10], false),
  concat([96, 96, 8], [96, 96, 8], true),
  unary("transpose, last two", [48, 48, 96], [48, 96, 48], { op: "transpose", attributes: { permutation: [0, 1, 3, 2] }, reference: reference.transposeLast, tfjs: (tf, x) => tf.transpose(x, [0, 1, 3, 2]), kernel: shaders.transposeLast }),
  unary("transpose, to planes", [48, 48, 96], [96, 48, 48], { op: "transpose", attributes: { permutation: [0, 3, 1, 2] }, reference: reference.transposeToPlanes, tfjs: (tf, x) => tf.transpose(x, [0, 3, 1, 2]), kernel: shaders.transposeToPlanes }),
  // tfjs gives a reshape as a view; the addition of 0 makes it, and only it, pay for one pass over the values.
  unary("reshape", [24, 24, 72], [1, 3456, 12], { op: "reshape", attributes: { shape: [1, 1, 3456, 12] }, reference: ({ data }) => data, tfjs: (tf, x) => tf.add(tf.reshape(x, [1, 1, 3456, 12]), 0), kernel: shaders.reshape }),
  unary("global average", [12, 12, 320], [1, 1, 320], { op: "reduce_mean", attributes: { axes: [1, 2], keep_dims: true }, reference: reference.globalAverage, tfjs: (tf, x) => tf.mean(x, [1, 2], true), kernel: shaders.globalAverage }),
  unary("bilinear ×2", [24, 24, 96], [48, 48, 96], {
    op: "resize",
    attributes: { size: [48, 48], mode: "linear", coordinates: "half_pixel", rounding: "floor" },
    reference: (x) => reference.bilinear(x, [48, 48, 96]),
    tfjs: (tf, x) => tf.image.resizeBilinear(x, [48, 48], false, true),
    kernel: (R, { window }) => shaders.bilinear(R, { doubled: window }),
    variants: [{ name: "pixel by pixel", window: false }, ...ADDRESSES],
  }),
];
