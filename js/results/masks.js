/** A mask over the picture. */

import { InputError } from "../errors.js";
import { activate } from "./activations.js";

/** @typedef {import("./places.js").Placement} Placement */
/** @typedef {{ values: Float32Array & { shape: number[] }, place: Placement }} Mask [height, width], and where its pixels lie in the picture, as for `context.setTransform` */

/**
 * @param {import("./results.js").Values} values [1, height, width, channels], or [1, channels, height, width] for the layout NCHW
 * @param {any} spec
 * @param {import("./places.js").Place | null} place
 * @returns {Mask}
 * @throws {InputError}
 */
export function readMask(values, { activation, channel = 0, layout = "NHWC" }, place) {
  const shape = values.shape.length === 4 && values.shape[0] === 1 ? values.shape.slice(1) : values.shape;
  const isPlanar = shape.length === 3 && layout === "NCHW";
  const [height, width, channels = 1] = isPlanar ? [shape[1], shape[2], shape[0]] : shape;
  const size = height * width;
  if (![2, 3].includes(shape.length) || !values.length || channel >= channels) throw new InputError(`channel ${channel} of a mask of the layout ${layout} is not in an output [${values.shape.join(", ")}]`);
  const at = (/** @type {number} */ pixel, /** @type {number} */ own) => values[isPlanar ? own * size + pixel : pixel * channels + own];
  const scores = activation === "softmax"
    ? Array.from({ length: size }, (_, pixel) => activate(Array.from({ length: channels }, (_, own) => at(pixel, own)), activation)[channel])
    : activate(Array.from({ length: size }, (_, pixel) => at(pixel, channel)), activation);
  const mask = Object.assign(Float32Array.from(scores), { shape: [height, width] });
  if (!place) return { values: mask, place: { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 } };
  const { a, b, c, d, e, f } = place.toPicture;
  const [byX, byY] = [place.width / width, place.height / height];
  return { values: mask, place: { a: a * byX, b: b * byX, c: c * byY, d: d * byY, e, f } };
}
