/** Straightforward loops in float64 over row-major arrays, which everything that is timed is first held to. */

/** @typedef {{ shape: number[], data: Float32Array }} Array3 */

/**
 * @param {number[]} shape [height, width, channels]
 * @param {(row: number, column: number, channel: number) => number} value
 * @returns {Float32Array}
 */
export function fill([height, width, channels], value) {
  const data = new Float32Array(height * width * channels);
  let index = 0;
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) for (let k = 0; k < channels; k++) data[index++] = value(i, j, k);
  return data;
}

/** @param {Array3} x */
const reader = ({ shape: [, width, channels], data }) => (/** @type {number} */ i, /** @type {number} */ j, /** @type {number} */ k) => data[(i * width + j) * channels + k];

/**
 * With bias and ReLU. Weights are [kernel, kernel, inputs, outputs]; depthwise: [kernel, kernel, channels].
 * @param {Array3} x @param {Float32Array} weights @param {Float32Array} bias
 * @param {{ kernel: number, stride: number, padding: number, output: number[], depthwise: boolean }} options
 */
export function convolution(x, weights, bias, { kernel, stride, padding, output, depthwise }) {
  const [height, width, inputs] = x.shape;
  const outputs = output[2];
  const at = reader(x);
  return fill(output, (row, column, o) => {
    let sum = bias[o];
    for (let ky = 0; ky < kernel; ky++) {
      for (let kx = 0; kx < kernel; kx++) {
        const i = row * stride - padding + ky;
        const j = column * stride - padding + kx;
        if (i < 0 || i >= height || j < 0 || j >= width) continue;
        const tap = ky * kernel + kx;
        if (depthwise) sum += at(i, j, o) * weights[tap * outputs + o];
        else for (let k = 0; k < inputs; k++) sum += at(i, j, k) * weights[(tap * inputs + k) * outputs + o];
      }
    }
    return Math.max(sum, 0);
  });
}

/** @param {Array3} x @param {Array3} z of the same shape, or [1, 1, channels] */
export function add(x, z) {
  return fill(x.shape, (i, j, k) => reader(x)(i, j, k) + (z.shape[0] === 1 ? z.data[k] : reader(z)(i, j, k)));
}

/** @param {Array3} x @param {Array3} z */
export function concat(x, z) {
  const [height, width, channels] = x.shape;
  return fill([height, width, channels + z.shape[2]], (i, j, k) => (k < channels ? reader(x)(i, j, k) : reader(z)(i, j, k - channels)));
}

/** @param {Array3} x */
export const transposeLast = (x) => fill([x.shape[0], x.shape[2], x.shape[1]], (i, k, j) => reader(x)(i, j, k));

/** @param {Array3} x */
export const transposeToPlanes = (x) => fill([x.shape[2], x.shape[0], x.shape[1]], (k, i, j) => reader(x)(i, j, k));

/** @param {Array3} x */
export function globalAverage(x) {
  const [height, width, channels] = x.shape;
  return fill([1, 1, channels], (_, __, k) => {
    let sum = 0;
    for (let p = 0; p < height * width; p++) sum += x.data[p * channels + k];
    return sum / (height * width);
  });
}

/** Half-pixel centres. @param {Array3} x @param {number[]} output */
export function bilinear(x, output) {
  const [height, width] = x.shape;
  const source = (/** @type {number} */ i, /** @type {number} */ from, /** @type {number} */ to) => Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
  return fill(output, (row, column, k) => {
    const sy = source(row, height, output[0]);
    const sx = source(column, width, output[1]);
    const [top, left] = [Math.floor(sy), Math.floor(sx)];
    const [bottom, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
    const mix = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ f) => a + (b - a) * f;
    const at = reader(x);
    return mix(mix(at(top, left, k), at(top, right, k), sx - left), mix(at(bottom, left, k), at(bottom, right, k), sx - left), sy - top);
  });
}
