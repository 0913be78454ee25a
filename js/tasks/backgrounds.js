/** Pictures before other backgrounds: on the graphics card where a canvas has WebGL2, else with the canvas's own drawing. */

import { InputError } from "../errors.js";
import { sizeOfPicture } from "../pictures/sources.js";
import { CanvasCompositor } from "./canvas_compositor.js";
import { snapshot } from "./frames.js";
import { WebglCompositor } from "./webgl_compositor.js";

/** @typedef {import("./frames.js").PictureSource} PictureSource */
/** @typedef {import("./segmentation.js").SegmentationMask} SegmentationMask */
/** @typedef {ImageBitmap | import("./frames.js").Pixels} Picture */
/** @typedef {HTMLCanvasElement | OffscreenCanvas} Canvas */
/** @typedef {PictureSource | string} Background a color as in CSS, or a picture, which covers the canvas */
/**
 * What draws on one canvas, of which it takes the size that the picture has.
 * @typedef {object} Compositor
 * @property {(picture: Picture, mask: SegmentationMask, radius: number) => void} blur
 * @property {(picture: Picture, mask: SegmentationMask, background: Exclude<Background, Blob>) => void} replace
 */

/** @type {WeakMap<Canvas, Compositor>} */
const compositors = new WeakMap();

/**
 * @param {Canvas} canvas
 * @returns {Compositor}
 * @throws {InputError}
 */
export function compositorOf(canvas) {
  if (typeof (/** @type {any} */ (canvas)?.getContext) !== "function") throw new InputError(`a canvas is wanted to draw on, got ${String(canvas)}`);
  const own = compositors.get(canvas);
  if (own) return own;
  // A canvas that already has another kind of context gives none of this kind.
  const gl = /** @type {WebGL2RenderingContext | null} */ (canvas.getContext("webgl2", { antialias: false, depth: false }));
  const context = gl ? null : /** @type {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null} */ (canvas.getContext("2d"));
  if (!gl && !context) throw new InputError("the canvas can be drawn on neither with WebGL2 nor in 2D; give one without a context, or with one of these");
  const made = gl ? new WebglCompositor(gl) : new CanvasCompositor(/** @type {CanvasRenderingContext2D} */ (context));
  compositors.set(canvas, made);
  return made;
}

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
  if (background instanceof Blob) return /** @type {Promise<ImageBitmap>} */ (snapshot(background));
  sizeOfPicture(background);
  return background;
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
