/** From pixels to an input tensor, on the processor: what `webkiln.tasks.prepare_picture` says. */

/** @typedef {import("./placement.js").Placement} Placement */
/** @typedef {import("./placement.js").PictureSpec} PictureSpec */
/** @typedef {{ data: Uint8ClampedArray | Uint8Array, width: number, height: number }} Pixels RGBA, row by row */

/** Pixels by which a sample may lie outside of the picture, so that rounding decides nothing at its border. */
export const EDGE = 1e-3;

/** Weights of red, green and blue in each channel. @type {Record<string, number[][]>} */
export const COLORS = {
  RGB: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  BGR: [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
  GRAY: [[0.299, 0.587, 0.114]],
};

/** Of `area`, on a side of an input's pixel. */
const MOST_SAMPLES = 16;

/**
 * How many samples a pixel of the input takes: one, and with `area` one for each pixel of the picture that it covers.
 * @param {Placement} place
 * @param {string} resampling
 * @returns {[columns: number, rows: number]}
 */
export function samplesOf({ a, b, c, d }, resampling) {
  const along = (/** @type {number} */ length) => (resampling === "area" ? Math.min(MOST_SAMPLES, Math.max(1, Math.ceil(length - EDGE))) : 1);
  return [along(Math.hypot(a, b)), along(Math.hypot(c, d))];
}

/**
 * @param {Pixels} pixels
 * @param {PictureSpec} spec
 * @param {{ width: number, height: number, place: Placement }} placed
 * @returns {Float32Array} in the specification's layout
 */
export function samplePicture(pixels, spec, { width: toWidth, height: toHeight, place }) {
  const { data, width, height } = pixels;
  const { a, b, c, d, e, f } = place;
  const weights = COLORS[spec.color];
  const [step, plane] = spec.layout === "NHWC" ? [weights.length, 1] : [1, toWidth * toHeight];
  const result = new Float32Array(weights.length * toWidth * toHeight);
  const [columns, rows] = samplesOf(place, spec.resampling);
  const means = weights.map((_, k) => spec.mean[k] ?? spec.mean[0]);
  const scales = weights.map((_, k) => spec.scale[k] ?? spec.scale[0]);
  // Most pixels of most inputs: between four neighbours, each channel of one colour. This loop is a good part of a film's frame.
  const isPlain = columns * rows === 1 && spec.resampling !== "nearest" && weights.length === 3;
  const [first, second, third] = isPlain ? weights.map((row) => row.indexOf(1)) : [];
  const mixed = [0, 0, 0];
  for (let j = 0, at = 0; j < toHeight; j++) {
    const x0 = c * (j + 0.5) + e - 0.5;
    const y0 = d * (j + 0.5) + f - 0.5;
    for (let i = 0; i < toWidth; i++, at += step) {
      const left = a * (i + 0.5) + x0;
      const above = b * (i + 0.5) + y0;
      if (isPlain && left >= 0 && above >= 0 && left < width - 1 && above < height - 1) {
        const column = Math.trunc(left);
        const row = Math.trunc(above);
        const across = left - column;
        const down = above - row;
        const upper = 4 * (row * width + column);
        const lower = upper + 4 * width;
        result[at] = (mix(data, upper + first, lower + first, across, down) - means[0]) / scales[0];
        result[at + plane] = (mix(data, upper + second, lower + second, across, down) - means[1]) / scales[1];
        result[at + 2 * plane] = (mix(data, upper + third, lower + third, across, down) - means[2]) / scales[2];
        continue;
      }
      mixed.fill(0);
      for (let sample = 0; sample < columns * rows; sample++) {
        const u = i + ((sample % columns) + 0.5) / columns;
        const v = j + (Math.floor(sample / columns) + 0.5) / rows;
        addColours(mixed, pixels, spec, a * u + c * v + e, b * u + d * v + f);
      }
      for (let k = 0; k < weights.length; k++) {
        const [red, green, blue] = weights[k];
        result[at + k * plane] = ((red * mixed[0] + green * mixed[1] + blue * mixed[2]) / (columns * rows) - means[k]) / scales[k];
      }
    }
  }
  return result;
}

/**
 * @param {ArrayLike<number>} data
 * @param {number} upper left one of four neighbours
 * @param {number} lower left one
 * @param {number} across
 * @param {number} down
 * @returns {number} of one colour
 */
function mix(data, upper, lower, across, down) {
  const top = data[upper] + (data[upper + 4] - data[upper]) * across;
  const bottom = data[lower] + (data[lower + 4] - data[lower]) * across;
  return top + (bottom - top) * down;
}

/**
 * Adds the colours at a place, which may be at the picture's edge or beyond it.
 * @param {number[]} mixed
 * @param {Pixels} pixels
 * @param {PictureSpec} spec
 * @param {number} x
 * @param {number} y
 */
function addColours(mixed, { data, width, height }, { resampling, pad, pad_value }, x, y) {
  if (pad !== "edge" && !(x >= -EDGE && y >= -EDGE && x <= width + EDGE && y <= height + EDGE)) {
    for (let k = 0; k < 3; k++) mixed[k] += pad_value;
    return;
  }
  const isNearest = resampling === "nearest";
  const left = Math.min(Math.max(x - 0.5, 0), width - 1);
  const above = Math.min(Math.max(y - 0.5, 0), height - 1);
  const column = Math.floor(left);
  const row = Math.floor(above);
  const across = isNearest ? +(left - column >= 0.5 - EDGE) : left - column;
  const down = isNearest ? +(above - row >= 0.5 - EDGE) : above - row;
  const upper = 4 * (row * width + column);
  const right = column < width - 1 ? 4 : 0;
  const lower = row < height - 1 ? upper + 4 * width : upper;
  for (let k = 0; k < 3; k++) {
    const top = data[upper + k] + (data[upper + right + k] - data[upper + k]) * across;
    const bottom = data[lower + k] + (data[lower + right + k] - data[lower + k]) * across;
    mixed[k] += top + (bottom - top) * down;
  }
}
