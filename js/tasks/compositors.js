/** Pictures before other backgrounds: on the graphics card where a canvas has WebGL2, else with the canvas's own drawing. */

import { InputError } from "../errors.js";
import { CanvasCompositor } from "./canvas_compositor.js";
import { WebglCompositor } from "./webgl_compositor.js";

/** @typedef {import("./backgrounds.js").Picture} Picture */
/** @typedef {import("./backgrounds.js").Background} Background */
/** @typedef {import("./segmentation.js").SegmentationMask} SegmentationMask */
/** @typedef {HTMLCanvasElement | OffscreenCanvas} Canvas */
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
