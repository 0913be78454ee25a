/** A picture on its way to an input: a backend takes it as it is, or reads it as an array. */

import { DeviceTensor } from "../device_tensor.js";
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
    /** @type {{ width: number, height: number, place: import("./placement.js").Placement }} */
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

/** @typedef {ArrayLike<number> | PictureInput | DeviceTensor} Input what is given for a value */

/**
 * @param {Input} data
 * @returns {ArrayLike<number>}
 */
export function arrayOf(data) {
  return data instanceof PictureInput || data instanceof DeviceTensor ? data.read() : data;
}

/**
 * An input that no array was given for.
 * @param {string} name of an input
 * @param {unknown} value
 * @param {any} processing of model.json
 * @param {string} dtype declared
 * @param {readonly (number | string)[]} shape declared
 * @returns {PictureInput | DeviceTensor | null} null for anything else
 * @throws {InputError}
 */
export function readDeferred(name, value, processing, dtype, shape) {
  if (!(value instanceof DeviceTensor)) return readPicture(name, value, processing, shape);
  if (value.dtype !== dtype || !fits(value.shape, shape)) throw new InputError(`input ${JSON.stringify(name)}: wanted ${dtype} [${shape.join(", ")}], got a tensor of ${value.dtype} [${value.shape.join(", ")}]`);
  return value;
}

/**
 * @param {readonly number[]} shape
 * @param {readonly (number | string)[]} declared
 */
function fits(shape, declared) {
  return shape.length === declared.length && declared.every((dim, axis) => typeof dim === "string" || dim === shape[axis]);
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
    const picture = new PictureInput(part, completeSpec(processing?.inputs?.[name], part.size));
    if (shape.length < picture.shape.length) picture.shape.splice(0, picture.shape.length - shape.length);
    if (!fits(picture.shape, shape)) throw new InputError(`model.json says that a picture becomes [${picture.shape.join(", ")}] (processing.inputs), and that the input is [${shape.join(", ")}]; give an array`);
    return picture;
  });
}
