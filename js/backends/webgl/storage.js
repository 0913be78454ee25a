/** Block storage: how a tensor lies in the layers of a texture. */

import { sizeOf } from "../../dtypes.js";

/**
 * Block storage R × 4. A tensor is [outer, columns, channels]: its last axis, the one before it, and all the others. A texel holds
 * 4 consecutive channels; layer r of the texture holds the columns `R·block + r`. The texel of (row, block, channelBlock) lies at
 * `(block · channelBlocks + channelBlock, row)`. A tensor that would be too wide or too high so is folded: its texels are counted
 * row by row and cut at a power of two. Whatever is behind the end of an axis is zero.
 * @typedef {object} Layout
 * @property {readonly number[]} shape
 * @property {number} outer rows
 * @property {number} columns
 * @property {number} channels
 * @property {number} layers R, or 1 where there is but one column
 * @property {number} blocks of `layers` columns
 * @property {number} channelBlocks of 4 channels
 * @property {number} texels of a layer
 * @property {boolean} isFolded
 * @property {number} rowTexels from one row to the next, in the numbers that programs for folded tensors count by
 * @property {number} shift log2 of the texels, so counted, in a line of the texture
 * @property {number} width of the texture
 * @property {number} height of the texture
 */

/** The largest side of a texture: every device has it. */
export const LARGEST_SIDE = 2048;
const LARGEST_SHIFT = Math.log2(LARGEST_SIDE);

/**
 * @param {readonly number[]} shape
 * @param {number} layers R
 * @returns {Layout}
 */
export function layoutOf(shape, layers) {
  const channels = shape.at(-1) ?? 1;
  const columns = shape.at(-2) ?? 1;
  const outer = sizeOf(shape.slice(0, -2));
  const own = columns > 1 ? layers : 1;
  const blocks = Math.ceil(columns / own);
  const channelBlocks = Math.ceil(channels / 4);
  const rowTexels = blocks * channelBlocks;
  const texels = outer * rowTexels;
  const common = { shape, outer, columns, channels, layers: own, blocks, channelBlocks, texels };
  const isFolded = texels > 0 && Math.max(outer, rowTexels) > LARGEST_SIDE;
  // Tensors in rows are counted as if their rows had the largest width, so that these programs can read them too.
  if (!isFolded) return { ...common, isFolded, rowTexels: LARGEST_SIDE, shift: LARGEST_SHIFT, width: texels ? rowTexels : 1, height: texels ? outer : 1 };
  const shift = Math.ceil(Math.log2(texels) / 2);
  return { ...common, isFolded, rowTexels, shift, width: 2 ** shift, height: Math.ceil(texels / 2 ** shift) };
}

/**
 * Whether two layouts put the same elements in the same texels.
 * @param {Layout} a
 * @param {Layout} b of as many elements
 */
export function isSameLayout(a, b) {
  if (a.channels !== b.channels || a.layers !== b.layers) return false;
  // Whole blocks follow each other without a gap, so that folded rows may be joined and cut.
  return a.columns === b.columns || (a.isFolded && b.isFolded && a.columns % a.layers === 0 && b.columns % b.layers === 0);
}

/** @param {Layout} layout */
export function floatsOf({ width, height, layers }) {
  return width * height * layers * 4;
}

/**
 * Puts elements into the texels of all layers. What is not an element is left alone: it must be zero.
 * @param {Layout} layout
 * @param {ArrayLike<number>} data row-major
 * @param {Float32Array} texels
 */
export function packBlocks(layout, data, texels) {
  eachColumn(layout, (index, at) => {
    for (let channel = 0; channel < layout.channels; channel++) texels[at + channel] = data[index + channel];
  });
}

/**
 * Takes elements out of the texels of all layers.
 * @param {Layout} layout
 * @param {Float32Array} texels of `rows` rows a layer
 * @param {Float32Array | Uint8Array} data row-major
 */
export function unpackBlocks(layout, texels, data) {
  eachColumn(layout, (index, at) => {
    for (let channel = 0; channel < layout.channels; channel++) data[index + channel] = texels[at + channel];
  });
}

/**
 * The channels of a column lie side by side, in the tensor and in the texels; so do the rows, folded or not.
 * @param {Layout} layout
 * @param {(index: number, at: number) => void} visit a column's first element and its place in the texels
 */
function eachColumn({ outer, columns, channels, layers, blocks, channelBlocks, width, height }, visit) {
  const layer = width * height * 4;
  for (let row = 0, index = 0; row < outer; row++) {
    for (let column = 0; column < columns; column++, index += channels) {
      const block = Math.floor(column / layers);
      visit(index, (column - block * layers) * layer + (row * blocks + block) * channelBlocks * 4);
    }
  }
}

/**
 * Weights [taps, inputs, outputs] as the tensor [taps, blocks of 4 outputs, inputs, 4], where the 16 weights between 4 inputs and
 * 4 outputs are 4 neighbours in a row.
 * @param {readonly number[]} shape the last two axes are inputs and outputs
 */
export function flatShape(shape) {
  const [inputs, outputs] = shape.slice(-2);
  return [sizeOf(shape.slice(0, -2)), Math.ceil(outputs / 4), Math.ceil(inputs / 4) * 4, 4];
}

/**
 * @param {readonly number[]} shape
 * @param {ArrayLike<number>} data of that shape
 * @returns {Float32Array} of its flat shape; what is not a weight is zero
 */
export function flattenWeights(shape, data) {
  const [inputs, outputs] = shape.slice(-2);
  const [taps, blocks, columns] = flatShape(shape);
  const flat = new Float32Array(taps * blocks * columns * 4);
  for (let row = 0, index = 0; row < taps * inputs; row++) {
    const tap = Math.floor(row / inputs);
    const first = tap * blocks * columns + (row - tap * inputs);
    for (let output = 0; output < outputs; output++, index++) flat[(first + (output >> 2) * columns) * 4 + (output & 3)] = data[index];
  }
  return flat;
}
