/** Block storage: how a tensor lies in the layers of a texture. */

import { sizeOf } from "../../dtypes.js";

/**
 * Block storage R × 4. A tensor is [outer, columns, channels]: its last axis, the one before it, and all the others. A texel holds
 * 4 consecutive channels; layer r of the texture holds the columns `R·block + r`. The texels of a layer are counted
 * `(outer · blocks + block) · channelBlocks + channelBlock` and folded into a nearly square texture, whose width is a power of two.
 * Whatever is behind the end of an axis is zero.
 * @typedef {object} Layout
 * @property {readonly number[]} shape
 * @property {number} outer
 * @property {number} columns
 * @property {number} channels
 * @property {number} layers R, or 1 where there is but one column
 * @property {number} blocks of `layers` columns
 * @property {number} channelBlocks of 4 channels
 * @property {number} texels of a layer
 * @property {number} shift log2 of the texture's width
 * @property {number} width of the texture
 * @property {number} height of the texture
 */

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
  const texels = outer * blocks * channelBlocks;
  const shift = Math.ceil(Math.log2(Math.max(1, texels)) / 2);
  const width = 2 ** shift;
  return { shape, outer, columns, channels, layers: own, blocks, channelBlocks, texels, shift, width, height: Math.max(1, Math.ceil(texels / width)) };
}

/**
 * Whether two layouts put the same elements in the same texels.
 * @param {Layout} a
 * @param {Layout} b of as many elements
 */
export function isSameLayout(a, b) {
  if (a.channels !== b.channels || a.layers !== b.layers) return false;
  // Whole blocks follow each other without a gap, so that rows may be joined and cut.
  return a.columns === b.columns || (a.columns % a.layers === 0 && b.columns % b.layers === 0);
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
 * The channels of a column lie side by side, in the tensor and in the texels.
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
