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

/**
 * @param {Pixels} pixels
 * @param {PictureSpec} spec
 * @param {{ width: number, height: number, place: Placement }} placed
 * @returns {Float32Array} in the specification's layout
 */
export function samplePicture({ data, width, height }, { resampling, pad, pad_value, color, mean, scale, layout }, { width: toWidth, height: toHeight, place: { a, b, c, d, e, f } }) {
  const channels = COLORS[color];
  const [step, plane] = layout === "NHWC" ? [channels.length, 1] : [1, toWidth * toHeight];
  const result = new Float32Array(channels.length * toWidth * toHeight);
  const isNearest = resampling === "nearest";
  const isEverywhere = pad === "edge";
  const mixed = [0, 0, 0];
  for (let j = 0, at = 0; j < toHeight; j++) {
    for (let i = 0; i < toWidth; i++, at += step) {
      const x = a * (i + 0.5) + c * (j + 0.5) + e;
      const y = b * (i + 0.5) + d * (j + 0.5) + f;
      if (isEverywhere || (x >= -EDGE && y >= -EDGE && x <= width + EDGE && y <= height + EDGE)) {
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
          mixed[k] = top + (bottom - top) * down;
        }
      } else mixed.fill(pad_value);
      for (let k = 0; k < channels.length; k++) {
        const [red, green, blue] = channels[k];
        result[at + k * plane] = (red * mixed[0] + green * mixed[1] + blue * mixed[2] - (mean[k] ?? mean[0])) / (scale[k] ?? scale[0]);
      }
    }
  }
  return result;
}
