/**
 * Times the products of dequantization.py's module in turns: weights as floats, and as 8 bits that are widened in the inner loop.
 *
 *     node [--experimental-wasm-relaxed-simd] dequantization.mjs MODULE ROUNDS
 */

import { readFile } from "node:fs/promises";

const [path, rounds] = process.argv.slice(2);

/** Rows, columns, depth, and where such a product is found. */
const SHAPES = /** @type {[number, number, number, string][]} */ ([
  [4096, 32, 8, "1×1 convolution, 64×64 map"],
  [4096, 144, 24, "1×1 convolution, 64×64 map"],
  [1024, 24, 144, "1×1 convolution, 32×32 map"],
  [256, 336, 56, "1×1 convolution, 16×16 map"],
  [64, 192, 1152, "1×1 convolution, 8×8 map"],
  [49, 1280, 320, "1×1 convolution, 7×7 map"],
  [128, 1536, 384, "feed-forward layer, 128 tokens"],
  [8, 1536, 384, "feed-forward layer, 8 tokens"],
  [1, 512, 128, "recurrent layer, one step"],
  [1, 1000, 1280, "classifier, one picture"],
  [1, 4096, 1024, "feed-forward layer, one token"],
]);

const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024 });
const { instance } = await WebAssembly.instantiate(await readFile(path), { env: { memory } });
const { multiply_int8, multiply_float32, __heap_base: heap } = /** @type {any} */ (instance.exports);
const floats = new Float32Array(memory.buffer);
const bytes = new Int8Array(memory.buffer);

let top = 0;
/** @param {number} size in bytes */
function place(size) {
  const address = top;
  top = (top + size + 127) & ~63;
  if (top > memory.buffer.byteLength) throw new Error("the benchmark needs more memory than it has");
  return address;
}

console.log(`${"rows × columns × depth".padEnd(24)}${"float32".padStart(10)}${"int8".padStart(10)}   ${"int8 / float32".padEnd(16)}GFLOP/s; ratio of times, median (lower quartile – upper)`);
for (const [rows, columns, depth, where] of SHAPES) {
  top = (heap.value + 63) & ~63;
  const [a, b, bias, scale, c, d] = [rows * depth, columns * depth, columns, columns, rows * columns, rows * columns].map((count) => place(4 * count));
  const packed = place(columns * depth);
  for (let i = 0; i < rows * depth; i++) floats[a / 4 + i] = ((i * 7919) % 1013) / 1013 - 0.3;
  for (let j = 0; j < columns; j++) [floats[scale / 4 + j], floats[bias / 4 + j]] = [0.001 + (j % 7) / 1e4, (j % 5) - 2];
  for (let i = 0; i < columns * depth; i++) { // panels of 8 columns
    bytes[packed + i] = ((i * 6007) % 255) - 127;
    floats[b / 4 + i] = bytes[packed + i] * floats[scale / 4 + 8 * Math.floor(i / (8 * depth)) + (i % 8)];
  }
  const wide = () => multiply_float32(rows, columns, depth, a, b, bias, c);
  const narrow = () => multiply_int8(rows, columns, depth, a, packed, scale, bias, d);
  wide(), narrow();
  let most = 0, off = 0;
  for (let i = 0; i < rows * columns; i++) {
    most = Math.max(most, Math.abs(floats[c / 4 + i]));
    off = Math.max(off, Math.abs(floats[c / 4 + i] - floats[d / 4 + i]));
  }
  if (!(off <= 1e-5 * most)) throw new Error(`${rows} × ${columns} × ${depth}: the results differ by ${off} of ${most}`);
  const repeats = Math.max(1, Math.round(1e7 / (2 * rows * columns * depth)));
  const time = (/** @type {() => void} */ run) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) run();
    return (performance.now() - start) / repeats;
  };
  time(wide), time(narrow);
  const pairs = Array.from({ length: Number(rounds) }, (_, i) => {
    const first = i % 2 ? [time(wide), 0] : [0, time(narrow)];
    return i % 2 ? [first[0], time(narrow)] : [time(wide), first[1]];
  });
  const sorted = (/** @type {number[]} */ list) => list.sort((one, other) => one - other);
  const ratios = sorted(pairs.map(([one, other]) => other / one));
  const at = (/** @type {number} */ share) => ratios[Math.floor(share * (ratios.length - 1))].toFixed(2);
  const speed = (/** @type {number} */ k) => ((2 * rows * columns * depth) / sorted(pairs.map((pair) => pair[k]))[0] / 1e6).toFixed(1);
  console.log(`${`${rows} × ${columns} × ${depth}`.padEnd(24)}${speed(0).padStart(10)}${speed(1).padStart(10)}   ${`${at(0.5)} (${at(0.25)} – ${at(0.75)})`.padEnd(16)}  ${where}`);
}
