/** How a picture becomes an input: what model.json says of it, and where the input lies in the picture. */

import { InputError } from "../errors.js";

/** @typedef {{ x: number, y: number, width: number, height: number, rotation?: number, mirrored?: boolean }} Region a part of a picture: its centre and size in pixels, turned clockwise by `rotation` radians; `mirrored`: seen with left and right swapped */
/** @typedef {{ a: number, b: number, c: number, d: number, e: number, f: number }} Placement (x, y) of the input, in pixels, is (a·x + c·y + e, b·x + d·y + f) of the picture, as in DOMMatrix */
/** @typedef {{ type: "picture", width: number | string, height: number | string, resize: string, pad: string, pad_value: number, resampling: string, color: string, orientation: string, mean: number[], scale: number[], layout: string }} PictureSpec docs/format.md says what each is */

/** The first of each is the default. */
const CHOICES = {
  resize: ["stretch", "crop", "letterbox"],
  pad: ["value", "edge"],
  resampling: ["bilinear", "nearest", "area"],
  color: ["RGB", "BGR", "GRAY"],
  orientation: ["apply", "ignore"],
  layout: ["NHWC", "NCHW"],
};
const DEFAULTS = { pad_value: 0, mean: [0], scale: [1], ...Object.fromEntries(Object.entries(CHOICES).map(([key, [first]]) => [key, first])) };

/** @typedef {{ width?: number, height?: number }} InputSize whole numbers of pixels, for what model.json leaves open */

/**
 * @param {any} spec of model.json's `processing.inputs`
 * @param {InputSize} [size]
 * @returns {PictureSpec} with its defaults, and with this size
 * @throws {InputError}
 */
export function completeSpec(spec, size) {
  if (spec?.type !== "picture") throw new InputError('model.json does not describe a picture here (processing.inputs, type "picture"); give an array');
  const complete = { ...DEFAULTS, ...spec };
  for (const [key, words] of Object.entries(CHOICES)) {
    if (!words.includes(complete[key])) throw new InputError(`model.json wants the picture's ${key} ${JSON.stringify(complete[key])}; this version has ${words.join(", ")}`);
  }
  return size ? { ...complete, ...checkedSize(complete, size) } : complete;
}

/**
 * @param {PictureSpec} spec
 * @param {InputSize} size
 * @returns {InputSize}
 * @throws {InputError}
 */
function checkedSize(spec, size) {
  const sides = Object.entries(size);
  if (!sides.every(([name, side]) => (name === "width" || name === "height") && Number.isInteger(side) && side > 0)) {
    throw new InputError(`the size of an input is { width, height }, whole numbers of pixels from 1; got ${JSON.stringify(size)}`);
  }
  for (const [name, side] of sides) {
    const own = spec[/** @type {"width" | "height"} */ (name)];
    if (typeof own === "number" && own !== side) throw new InputError(`the input has the ${name} ${own}, which is not open; got ${side}`);
  }
  return size;
}

/**
 * @param {PictureSpec} spec
 * @param {number} pictureWidth
 * @param {number} pictureHeight
 * @param {Region} [region] the whole picture when left out
 * @returns {{ width: number, height: number, place: Placement }} the input's size (a symbol takes that of the region), and where it lies
 * @throws {InputError}
 */
export function placeInput({ width, height, resize }, pictureWidth, pictureHeight, region) {
  const part = region ?? { x: pictureWidth / 2, y: pictureHeight / 2, width: pictureWidth, height: pictureHeight };
  const { x, y, rotation = 0, mirrored = false } = part;
  if (![x, y, part.width, part.height, rotation].every(Number.isFinite) || part.width <= 0 || part.height <= 0) {
    throw new InputError(`a region wants finite x, y, width and height (above 0) and rotation, got ${JSON.stringify(region)}`);
  }
  const toWidth = typeof width === "number" ? width : Math.max(1, Math.round(part.width));
  const toHeight = typeof height === "number" ? height : Math.max(1, Math.round(part.height));
  let byX = part.width / toWidth;
  let byY = part.height / toHeight;
  if (resize !== "stretch") byX = byY = Math[resize === "letterbox" ? "max" : "min"](byX, byY);
  if (mirrored) byX = -byX;
  const cos = Math.cos(rotation);
  const sin = Math.sin(rotation);
  const [a, b, c, d] = [byX * cos, byX * sin, -byY * sin, byY * cos];
  return { width: toWidth, height: toHeight, place: { a, b, c, d, e: x - (a * toWidth + c * toHeight) / 2, f: y - (b * toWidth + d * toHeight) / 2 } };
}

/**
 * Where an input lies in its picture: for taking landmarks back to the picture, or `context.setTransform`.
 * @param {unknown} spec the input's entry in `model.processing.inputs`
 * @param {number} width of the picture
 * @param {number} height
 * @param {Region} [region] the whole picture when left out
 * @returns {Placement}
 * @throws {InputError}
 */
export function placement(spec, width, height, region) {
  return placeInput(completeSpec(spec), width, height, region).place;
}
