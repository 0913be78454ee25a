/**
 * Block storage R × 4 of a tensor [height, width, channels] (any shape comes down to these three).
 *
 * A texel holds 4 consecutive channels; layer r of the texture array holds column `block * R + r`. Where the texel of (row,
 * block, channelBlock) lies, with `offset = block * channelBlocks + channelBlock`:
 *
 * - rows: at (offset, row); a tensor that doesn't fit so is folded
 * - fold: texels are counted through all rows, and folded at a power of two, nearly to a square
 * - division: the same, folded at any width
 *
 * A shader for folded tensors reads those in rows too: they are numbered as if a row had `LARGEST_SIDE` texels.
 */

/** The sides that the design allows for, whatever the device can do. */
export const LARGEST_SIDE = 2048;

/** @typedef {"rows" | "fold" | "division"} Addressing */

/**
 * @typedef {object} Layout
 * @property {number[]} shape [height, width, channels]
 * @property {number} layers R
 * @property {number} blocks of R columns in a row
 * @property {number} channelBlocks of 4 channels
 * @property {number} textureWidth
 * @property {number} textureHeight
 * @property {boolean} folded
 * @property {number} rowTexels what a row counts for in the number of a texel
 * @property {number} line texels from which that number goes on in the next line of the texture
 */

/**
 * @param {number[]} shape [height, width, channels]
 * @param {number} layers R
 * @param {Addressing} addressing
 * @returns {Layout}
 */
export function layout(shape, layers, addressing) {
  const [height, width, channels] = shape;
  if (width === 1) layers = 1;
  const blocks = Math.ceil(width / layers);
  const channelBlocks = Math.ceil(channels / 4);
  const common = { shape, layers, blocks, channelBlocks };
  const rowTexels = blocks * channelBlocks;
  if (addressing === "rows" && Math.max(rowTexels, height) <= LARGEST_SIDE) {
    return { ...common, textureWidth: rowTexels, textureHeight: height, folded: false, rowTexels: LARGEST_SIDE, line: LARGEST_SIDE };
  }
  const texels = height * rowTexels;
  const line = addressing === "division" ? Math.ceil(Math.sqrt(texels)) : 2 ** Math.ceil(Math.log2(texels) / 2);
  const lines = Math.ceil(texels / line);
  if (Math.max(line, lines) > LARGEST_SIDE) throw new Error(`${shape} needs ${line}×${lines} texels; the largest side is ${LARGEST_SIDE}`);
  return { ...common, textureWidth: line, textureHeight: lines, folded: true, rowTexels, line };
}

/**
 * Where element (row, column, channel) lies in the texels of all layers.
 * @param {Layout} at
 * @param {number} row
 * @param {number} column
 * @param {number} channel
 */
function position(at, row, column, channel) {
  const number = row * at.rowTexels + Math.floor(column / at.layers) * at.channelBlocks + (channel >> 2);
  const texel = Math.floor(number / at.line) * at.textureWidth + (number % at.line);
  return ((column % at.layers) * at.textureWidth * at.textureHeight + texel) * 4 + (channel & 3);
}

/**
 * @param {Layout} at
 * @param {(index: number, position: number) => void} visit each element's row-major index and its place in the texels
 */
function forEachElement(at, visit) {
  const [height, width, channels] = at.shape;
  let index = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < channels; channel++) visit(index++, position(at, row, column, channel));
    }
  }
}

/**
 * @param {Layout} at
 * @param {Float32Array} data row-major
 */
export function pack(at, data) {
  const texels = new Float32Array(at.layers * at.textureWidth * at.textureHeight * 4);
  forEachElement(at, (index, place) => (texels[place] = data[index]));
  return texels;
}

/**
 * @param {Layout} at
 * @param {Float32Array} texels of all layers
 */
export function unpack(at, texels) {
  const data = new Float32Array(at.shape.reduce((a, b) => a * b, 1));
  forEachElement(at, (index, place) => (data[index] = texels[place]));
  return data;
}

/**
 * Convolution weights as a tensor of 4 layers: row (tap, output block), block of 4 inputs, 4 outputs. Layer j holds input
 * `4 * inputBlock + j`, so that 4 × 4 weights are 4 reads. With `inner` "outputs", rows are (tap, input block) instead.
 * Missing inputs and outputs are zeros.
 * @param {Float32Array} weights [taps, inputs, outputs]
 * @param {number} taps
 * @param {number} inputs
 * @param {number} outputs
 * @param {{ inner: "inputs" | "outputs", flat: boolean, addressing: Addressing }} options `inner`: whose blocks are neighbours in
 *   the texture; `flat`: the 4 layers lie side by side in a plain texture
 */
export function packWeights(weights, taps, inputs, outputs, { inner, flat, addressing }) {
  const inputBlocks = Math.ceil(inputs / 4);
  const outputBlocks = Math.ceil(outputs / 4);
  const shape = inner === "inputs" ? [taps * outputBlocks, inputBlocks * 4, 4] : [taps * inputBlocks, outputBlocks * 4, 4];
  const at = layout(shape, flat ? 1 : 4, addressing);
  const texels = new Float32Array(at.layers * at.textureWidth * at.textureHeight * 4);
  for (let tap = 0; tap < taps; tap++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        const [row, block] = inner === "inputs" ? [tap * outputBlocks + (o >> 2), i >> 2] : [tap * inputBlocks + (i >> 2), o >> 2];
        texels[position(at, row, block * 4 + (i & 3), o & 3)] = weights[(tap * inputs + i) * outputs + o];
      }
    }
  }
  return { layout: at, texels };
}
