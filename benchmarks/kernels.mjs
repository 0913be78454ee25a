/**
 * How fast single WASM kernels are in Node: one line a kernel, best and median of several runs, in GFLOP/s (or elements).
 *
 *     python -m webkiln.codegen
 *     node --experimental-wasm-relaxed-simd benchmarks/kernels.mjs [plain|relaxed] [runs]
 *
 * Node 22 and newer need no flag. On a busy machine trust the best, and ratios within one run.
 */

import { readFile } from "node:fs/promises";

import { kernels, opcodes } from "../js/generated/kernels.js";

const [build = "relaxed", runs = "15"] = process.argv.slice(2);
const PAGES = 1024;

const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const bytes = await readFile(new URL(`../dist/webkiln-${build}.wasm`, import.meta.url));
const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
const { run, __heap_base: heap } = /** @type {any} */ (instance.exports);
const words = new Int32Array(memory.buffer);
const floats = new Float32Array(memory.buffer);

let top = 0;
const reset = () => (top = (heap.value + 63) & ~63);

/** @param {number} count of floats, filled with small values */
function buffer(count) {
  const address = top;
  top = (top + 4 * count + 64 + 63) & ~63;
  if (top > memory.buffer.byteLength) throw new Error("the benchmark needs more memory than it has");
  for (let i = 0; i < count; i++) floats[address / 4 + i] = ((i * 7919) % 1013) / 1013 - 0.5;
  return address;
}

/** @param {number[]} list */
function put(list) {
  const address = buffer(list.length);
  words.set(list, address / 4);
  return address;
}

const bitsOf = (/** @type {number} */ value) => new Int32Array(new Float32Array([value]).buffer)[0];

/**
 * @param {string} kernel
 * @param {Record<string, number>} fields
 */
function command(kernel, fields) {
  const { id, fields: names, floats: real } = kernels[kernel];
  return put([id, names.length + 2, ...names.map((name) => (real.includes(name) ? bitsOf(fields[name]) : (fields[name] ?? 0)))]);
}

const CLAMP = { minimum: 0, maximum: 6, epilogue: 0 };
const up = (/** @type {number} */ value, /** @type {number} */ multiple) => Math.ceil(value / multiple) * multiple;

/** @param {number} rows @param {number} columns @param {number} depth */
function gemm(rows, columns, depth) {
  const fields = { a: buffer(rows * depth), b: buffer(up(columns, 8) * depth), bias: buffer(up(columns, 8)), c: buffer(rows * columns), rows, columns, depth, a_stride: depth, ...CLAMP };
  return { name: `gemm ${rows}×${columns}×${depth}`, address: command("gemm", fields), kernel: "gemm", work: 2 * rows * columns * depth };
}

/** @param {number} size @param {number} channels @param {number} kernel @param {number} stride */
function depthwise(size, channels, kernel, stride) {
  const out = Math.ceil(size / stride);
  const fields = {
    x: buffer(size * size * channels), w: buffer(kernel * kernel * up(channels, 4)), bias: buffer(up(channels, 4)), y: buffer(out * out * channels),
    scratch: buffer((kernel * (3 * stride + kernel) + 4) * up(channels, 4)), batch: 1, height: size, width: size, channels, out_height: out, out_width: out,
    kernel_height: kernel, kernel_width: kernel, stride_height: stride, stride_width: stride, padding_top: (kernel - stride) >> 1, padding_left: (kernel - stride) >> 1,
    dilation_height: 1, dilation_width: 1, ...CLAMP,
  };
  return { name: `depthwise ${kernel}×${kernel}/${stride} ${size}×${size}×${channels}`, address: command("depthwise", fields), kernel: "depthwise", work: 2 * kernel * kernel * out * out * channels };
}

/** @param {number} size @param {number} channels @param {number} outChannels @param {number} stride */
function conv2d(size, channels, outChannels, stride) {
  const out = Math.ceil(size / stride);
  const depth = 9 * channels;
  const rows = 240;
  const fields = {
    x: buffer(size * size * channels), w: buffer(up(outChannels, 8) * depth), bias: buffer(up(outChannels, 8)), y: buffer(out * out * outChannels), scratch: buffer(rows * depth), scratch_rows: rows,
    batch: 1, height: size, width: size, channels, out_height: out, out_width: out, out_channels: outChannels, kernel_height: 3, kernel_width: 3, stride_height: stride, stride_width: stride,
    padding_top: stride === 1 ? 1 : 0, padding_left: stride === 1 ? 1 : 0, dilation_height: 1, dilation_width: 1, ...CLAMP,
  };
  return { name: `conv2d 3×3/${stride} ${size}×${size}×${channels}→${outChannels}`, address: command("conv2d", fields), kernel: "conv2d", work: 2 * depth * out * out * outChannels };
}

/** @param {string} name @param {number} operands @param {number} count */
function elementwise(name, operands, count) {
  const inputs = Array.from({ length: operands }, () => [1, 0, buffer(count), 0, 0, 0, 0, 0, 0, 0]);
  const program = put([0, buffer(count), operands, 1, operands, count, 1, 1, 1, 1, 1, count, ...inputs.flat(), opcodes[name], 0, operands - 1, 0, operands]);
  return { name: `${name} of ${count}`, address: command("elementwise", { program, begin: 0, count }), kernel: "elementwise", work: count };
}

const BENCHMARKS = [
  () => gemm(512, 512, 512), () => gemm(3136, 64, 64), () => gemm(196, 1024, 512), () => gemm(49, 1024, 1024), () => gemm(1, 1000, 1024), () => gemm(4096, 24, 96),
  () => depthwise(112, 32, 3, 1), () => depthwise(14, 512, 3, 1), () => depthwise(7, 512, 3, 1), () => depthwise(112, 64, 3, 2), () => depthwise(28, 96, 5, 1), () => depthwise(28, 96, 5, 2),
  () => conv2d(224, 3, 32, 2), () => conv2d(28, 64, 64, 1),
  () => elementwise("add:f32", 2, 100000), () => elementwise("relu:f32", 1, 100000), () => elementwise("exp:f32", 1, 100000), () => elementwise("sigmoid:f32", 1, 100000), () => elementwise("tanh:f32", 1, 100000),
];

for (const make of BENCHMARKS) {
  reset();
  const { name, address, kernel, work } = make();
  const end = address + 4 * (kernels[kernel].fields.length + 2);
  const repeats = Math.max(1, Math.round(4e7 / work));
  const speeds = [];
  for (let sample = 0; sample < Number(runs) + 3; sample++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) run(address, end);
    if (sample >= 3) speeds.push((work * repeats) / (performance.now() - start) / 1e6);
  }
  speeds.sort((a, b) => b - a);
  console.log(`${name.padEnd(36)} best ${speeds[0].toFixed(2).padStart(7)}  median ${speeds[speeds.length >> 1].toFixed(2).padStart(7)}`);
}
