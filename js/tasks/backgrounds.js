/** What is drawn behind, and how it lies. */

import { InputError } from "../errors.js";
import { pictureIn, sizeOfPicture } from "../pictures/sources.js";
import { snapshot } from "./frames.js";

/** @typedef {import("./frames.js").PictureSource} PictureSource */
/** @typedef {ImageBitmap | import("./frames.js").Pixels} Picture */
/** @typedef {PictureSource | string} Background a color as in CSS, or a picture, which covers the canvas */

/**
 * A background that can be drawn at once.
 * @param {Background} background
 * @returns {Promise<Exclude<Background, Blob>>}
 * @throws {InputError}
 */
export async function readyBackground(background) {
  if (typeof background === "string") {
    if (!CSS.supports("color", background)) throw new InputError(`${JSON.stringify(background)} is no color; a background is a color as in CSS, or a picture`);
    return background;
  }
  if (background instanceof Blob) return /** @type {Promise<ImageBitmap>} */ (snapshot(background, "premultiply")); // as all else that is drawn
  const { picture } = /** @type {{ picture: any }} */ (pictureIn({ picture: background }));
  sizeOfPicture(picture);
  return picture;
}

/**
 * @param {Picture} picture
 * @returns {HTMLCanvasElement | OffscreenCanvas | ImageBitmap} that can be drawn
 */
export function drawable(picture) {
  if (!("data" in picture)) return picture;
  const context = layer(picture.width, picture.height);
  context.putImageData(new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height), 0, 0);
  return context.canvas;
}

/**
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} of a canvas that nobody sees
 */
export function layer(width, height) {
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : Object.assign(document.createElement("canvas"), { width, height });
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Where a background lies so that it covers a canvas, with nothing stretched.
 * @param {{ width: number, height: number }} background
 * @param {{ width: number, height: number }} canvas
 * @returns {{ x: number, y: number, width: number, height: number }} in pixels of the canvas
 */
export function covering(background, canvas) {
  const scale = Math.max(canvas.width / background.width, canvas.height / background.height);
  const [width, height] = [scale * background.width, scale * background.height];
  return { x: (canvas.width - width) / 2, y: (canvas.height - height) / 2, width, height };
}
