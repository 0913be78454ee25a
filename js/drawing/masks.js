/** Masks over the picture. */

import { COLORS, apart, placement } from "./look.js";

/** @typedef {import("./look.js").Context} Context */
/** @typedef {import("./look.js").Placing} Placing */
/** @typedef {{ values: ArrayLike<number>, width?: number, height?: number, place: { a: number, b: number, c: number, d: number, e: number, f: number } }} Mask probabilities, [height, width], and where its pixels lie in the picture, as for `context.setTransform` */

/**
 * A colour as strong as the mask is sure.
 * @param {Context} context
 * @param {Mask} mask
 * @param {Placing & { color?: string, opacity?: number, inverted?: boolean }} [options] `inverted` colours what the mask leaves out
 */
export function mask(context, { values, place, ...sizes }, { color = COLORS.right, opacity = 0.55, inverted = false, ...placing } = {}) {
  const { byX, byY } = placement(context, placing);
  const [height, width] = sizes.width && sizes.height ? [sizes.height, sizes.width] : /** @type {any} */ (values).shape;
  const { canvas } = context;
  const layer = new OffscreenCanvas(width, height);
  const inside = /** @type {OffscreenCanvasRenderingContext2D} */ (layer.getContext("2d"));
  inside.fillStyle = color;
  inside.fillRect(0, 0, width, height);
  const pixels = inside.getImageData(0, 0, width, height);
  for (let k = 0; k < width * height; k++) pixels.data[4 * k + 3] = 255 * opacity * (inverted ? 1 - values[k] : values[k]);
  inside.putImageData(pixels, 0, 0);
  apart(context, () => {
    if (placing.mirrored) context.transform(-1, 0, 0, 1, canvas.width, 0);
    context.scale(byX, byY);
    context.transform(place.a, place.b, place.c, place.d, place.e, place.f);
    context.imageSmoothingEnabled = true;
    context.drawImage(layer, 0, 0);
  });
}
