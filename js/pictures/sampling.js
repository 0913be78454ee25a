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
export function samplePicture({ data, width, height }, { resampling, pad, pad_value, color, mean, scale, layout }, { width: toWidth, height: toHeight, place }) {
  const { a, b, c, d, e, f } = place;
  const [columns, rows] = samplesOf(place, resampling);
  const channels = COLORS[color];
  const [step, plane] = layout === "NHWC" ? [channels.length, 1] : [1, toWidth * toHeight];
  const result = new Float32Array(channels.length * toWidth * toHeight);
  const isNearest = resampling === "nearest";
  const isEverywhere = pad === "edge";
  const mixed = [0, 0, 0];
  /** Adds the colours at a place of the picture. @param {number} x @param {number} y */
  const add = (x, y) => {
    if (!isEverywhere && !(x >= -EDGE && y >= -EDGE && x <= width + EDGE && y <= height + EDGE)) {
      for (let k = 0; k < 3; k++) mixed[k] += pad_value;
      return;
    }
    const left = Math.min(Math.max(x - 0.5, 0), width - 1);
    const above = Math.min(Math.max(y - 0.5, 0), height - 1);
    const column = Math.floor(left);
    const row = Math.floor(above);
    const across = isNearest ? +(left - column >= 0.5 - EDGE) : left - column;
    const down = isNearest ? +(above - row >= 0.5 - EDGE) : above - row;
    const first = 4 * (row * width + column);
    const right = column < width - 1 ? 4 : 0;
    const second = row < height - 1 ? first + 4 * width : first;
    for (let k = 0; k < 3; k++) {
      const top = data[first + k] + (data[first + right + k] - data[first + k]) * across;
      const bottom = data[second + k] + (data[second + right + k] - data[second + k]) * across;
      mixed[k] += top + (bottom - top) * down;
    }
  };
  for (let j = 0, at = 0; j < toHeight; j++) {
    for (let i = 0; i < toWidth; i++, at += step) {
      mixed.fill(0);
      for (let sample = 0; sample < columns * rows; sample++) {
        const x = i + ((sample % columns) + 0.5) / columns;
        const y = j + (Math.floor(sample / columns) + 0.5) / rows;
        add(a * x + c * y + e, b * x + d * y + f);
      }
      for (let k = 0; k < 3; k++) mixed[k] /= columns * rows;
      for (let k = 0; k < channels.length; k++) {
        const [red, green, blue] = channels[k];
        result[at + k * plane] = (red * mixed[0] + green * mixed[1] + blue * mixed[2] - (mean[k] ?? mean[0])) / (scale[k] ?? scale[0]);
      }
    }
  }
  return result;
}
