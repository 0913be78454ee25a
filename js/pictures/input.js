/** A picture on its way to an input: a backend takes it as it is, or reads it as an array. */

import { InputError } from "../errors.js";
import { completeSpec, placeInput } from "./placement.js";
import { COLORS, samplePicture } from "./sampling.js";
import { named, pictureIn, pixelsOf, sizeOfPicture } from "./sources.js";

export class PictureInput {
  /**
   * @param {import("./sources.js").PicturePart} part
   * @param {import("./placement.js").PictureSpec} spec
   */
  constructor({ picture, region }, spec) {
    /** A Blob is a bitmap by now. */
    this.picture = /** @type {import("./sources.js").Drawable | import("./sampling.js").Pixels} */ (picture);
    this.spec = spec;
    /** Of the picture. */
    this.size = sizeOfPicture(picture);
    this.placed = placeInput(spec, this.size.width, this.size.height, region);
    const { width, height } = this.placed;
    const channels = COLORS[spec.color].length;
    this.shape = spec.layout === "NHWC" ? [1, height, width, channels] : [1, channels, height, width];
  }

  /** @returns {Float32Array} */
  read() {
    return samplePicture(pixelsOf(this.picture), this.spec, this.placed);
  }
}

/**
 * @template T
 * @param {T | PictureInput} data
 * @returns {T | Float32Array}
 */
export function arrayOf(data) {
  return data instanceof PictureInput ? data.read() : data;
}

/**
 * @param {string} name of an input
 * @param {unknown} value
 * @param {any} processing of model.json
 * @param {readonly (number | string)[]} shape declared
 * @returns {PictureInput | null} null for anything but a picture
 * @throws {InputError}
 */
export function readPicture(name, value, processing, shape) {
  return named(name, () => {
    const part = pictureIn(value);
    if (!part) return null;
    const picture = new PictureInput(part, completeSpec(processing?.inputs?.[name]));
    if (shape.length < picture.shape.length) picture.shape.splice(0, picture.shape.length - shape.length);
    const fits = picture.shape.length === shape.length && shape.every((dim, axis) => typeof dim === "string" || dim === picture.shape[axis]);
    if (!fits) throw new InputError(`model.json says that a picture becomes [${picture.shape.join(", ")}] (processing.inputs), and that the input is [${shape.join(", ")}]; give an array`);
    return picture;
  });
}
