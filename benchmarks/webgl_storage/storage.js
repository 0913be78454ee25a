/**
 * Block storage R × 4 of a tensor [height, width, channels] (any shape comes down to these three).
 *
 * A texel holds 4 consecutive channels; layer r of the texture array holds column `block * R + r`. Texels are counted
 * `(row * blocks + block) * channelBlocks + channelBlock`, and lie in the texture as the addressing says.
 */

/** The sides that the design allows for, whatever the device can do. */
export const LARGEST_SIDE = 2048;

/** @typedef {"division" | "shift" | "reciprocal" | "rows"} Addressing */

/**
 * @typedef {object} Layout
 * @property {number[]} shape [height, width, channels]
 * @property {number} layers R
 * @property {number} blocks of R columns in a row
 * @property {number} channelBlocks of 4 channels
 * @property {number} textureWidth
 * @property {number} textureHeight
 * @property {number} shift log2 of the texture's width, where that is a power of two
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
  const texels = height * blocks * channelBlocks;
  let textureWidth;
  if (addressing === "rows") textureWidth = blocks * channelBlocks;
  else if (addressing === "division") textureWidth = Math.ceil(Math.sqrt(texels));
  else textureWidth = 2 ** Math.ceil(Math.log2(texels) / 2);
  const textureHeight = Math.ceil(texels / textureWidth);
  if (Math.max(textureWidth, textureHeight) > LARGEST_SIDE) throw new Error(`${shape} needs ${textureWidth}×${textureHeight} texels as ${addressing}`);
  return { shape, layers, blocks, channelBlocks, textureWidth, textureHeight, shift: Math.log2(textureWidth) };
}

/**
 * Where element (row, column, channel) lies in the texels of all layers.
 * @param {Layout} at
 * @param {number} row
 * @param {number} column
 * @param {number} channel
 */
function position(at, row, column, channel) {
  const texel = (row * at.blocks + Math.floor(column / at.layers)) * at.channelBlocks + (channel >> 2);
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
 * Convolution weights as a texture of 4 layers: texel (tap, output block, input block) of layer j holds 4 outputs for input
 * `4 * inputBlock + j`, so that a block of 4 × 4 is 4 reads. Missing inputs and outputs are zeros.
 * @param {Float32Array} weights [taps, inputs, outputs]
 * @param {number} taps
 * @param {number} inputs
 * @param {number} outputs
 * @param {"inputs" | "outputs"} inner whose blocks are neighbours in the texture
 */
export function packWeights(weights, taps, inputs, outputs, inner) {
  const inputBlocks = Math.ceil(inputs / 4);
  const outputBlocks = Math.ceil(outputs / 4);
  const at = layout([1, taps * inputBlocks * outputBlocks * 4, 4], 4, "shift");
  const texels = new Float32Array(at.layers * at.textureWidth * at.textureHeight * 4);
  for (let tap = 0; tap < taps; tap++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        const block = inner === "inputs" ? (tap * outputBlocks + (o >> 2)) * inputBlocks + (i >> 2) : (tap * inputBlocks + (i >> 2)) * outputBlocks + (o >> 2);
        texels[position(at, 0, block * 4 + (i & 3), o & 3)] = weights[(tap * inputs + i) * outputs + o];
      }
    }
  }
  return { layout: at, texels };
}
