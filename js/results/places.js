/** Where the input that an output is about lies in its picture. */

import { InputError } from "../errors.js";
import { completeSpec, placeInput } from "../pictures/placement.js";
import { pictureIn, sizeOfPicture } from "../pictures/sources.js";

/** @typedef {import("../pictures/placement.js").Placement} Placement */
/**
 * @typedef {object} Place
 * @property {number} width of the input, in pixels
 * @property {number} height
 * @property {Placement} toPicture
 * @property {number} byX pixels of the picture to a pixel of the input, along its width
 * @property {number} byY
 * @property {number} rotation radians, clockwise; of what is mirrored too
 */

/**
 * @param {any} processing of model.json
 * @param {any} spec of an output
 * @param {Record<string, any>} [inputs] what was given to the run
 * @returns {Promise<Place | null>} null for a model without pictures
 * @throws {InputError}
 */
export async function findPlace(processing, spec, inputs) {
  const pictures = Object.entries(processing?.inputs ?? {}).filter(([, { type }]) => type === "picture");
  const [name, picture] = (spec.input === undefined ? pictures[0] : pictures.find(([own]) => own === spec.input)) ?? [];
  if (name === undefined) {
    if (spec.input === undefined) return null;
    throw new InputError(`model.json says that an output is about the input ${JSON.stringify(spec.input)}, and that this is no picture`);
  }
  if (inputs && !Object.hasOwn(inputs, name)) {
    throw new InputError(`the results are about the picture that was given as the input ${JSON.stringify(name)}; give it under that name, or no inputs`);
  }
  const part = inputs && pictureIn(inputs[name]);
  if (part) {
    const size = await sizeOf(part.picture, picture);
    const { width, height, place } = placeInput(completeSpec(picture, part.size), size.width, size.height, part.region);
    return placed(width, height, place);
  }
  const { width, height } = picture;
  if (typeof width !== "number" || typeof height !== "number") throw new InputError(`the input ${JSON.stringify(name)} has the size of its picture: give the inputs with that picture too`);
  return placed(width, height, { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 });
}

/**
 * @param {any} picture a Blob says its size when it is decoded
 * @param {any} spec
 * @returns {Promise<{ width: number, height: number }>}
 */
async function sizeOf(picture, spec) {
  if (!("arrayBuffer" in picture)) return sizeOfPicture(picture);
  if (spec.orientation === "ignore") throw new InputError("the size of a file whose orientation is to be ignored is not known; give an ImageBitmap, to the run too");
  const bitmap = await createImageBitmap(picture);
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {Placement} toPicture
 * @returns {Place}
 */
function placed(width, height, toPicture) {
  const { a, b, c, d } = toPicture;
  return { width, height, toPicture, byX: Math.hypot(a, b), byY: Math.hypot(c, d), rotation: Math.atan2(-c, d) };
}

/**
 * @param {Place} place
 * @param {number} x of the input
 * @param {number} y
 * @returns {{ x: number, y: number }} of the picture
 */
export function pointInPicture({ toPicture: { a, b, c, d, e, f } }, x, y) {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

/**
 * @param {Place} place
 * @param {number} x about an origin
 * @param {number} y
 * @returns {{ x: number, y: number }} turned (and mirrored) as the input is, but as large as it was
 */
export function turnedPoint({ toPicture: { a, b, c, d }, byX, byY }, x, y) {
  return { x: (a / byX) * x + (c / byY) * y, y: (b / byX) * x + (d / byY) * y };
}
