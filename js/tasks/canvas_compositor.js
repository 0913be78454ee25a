/** Pictures before other backgrounds, with the drawing that every canvas has. The edges of the mask are as smooth as scaling makes them. */

import { sizeOfPicture } from "../pictures/sources.js";
import { HIGH, LOW } from "../generated/compositing.js";
import { covering, drawable, layer } from "./backgrounds.js";

/** @typedef {import("./backgrounds.js").Picture} Picture */
/** @typedef {import("./segmentation.js").SegmentationMask} SegmentationMask */

export class CanvasCompositor {
  /** @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context */
  constructor(context) {
    this.context = context;
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {number} radius
   */
  blur(picture, mask, radius) {
    const { width, height } = picture;
    this.#draw(picture, mask, (context, source) => {
      if ("filter" in context) {
        context.drawImage(source, 0, 0); // at its border the blurred picture lets some of this through
        context.filter = `blur(${radius / 2}px)`;
        context.drawImage(source, 0, 0);
        context.filter = "none";
      } else {
        // Without filters: smaller, and larger again.
        const small = layer(Math.max(1, Math.round(width / radius)), Math.max(1, Math.round(height / radius)));
        small.drawImage(source, 0, 0, small.canvas.width, small.canvas.height);
        /** @type {CanvasRenderingContext2D} */ (context).drawImage(small.canvas, 0, 0, width, height);
      }
    });
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {Exclude<import("./backgrounds.js").Background, Blob>} background
   */
  replace(picture, mask, background) {
    this.#draw(picture, mask, (context) => {
      if (typeof background === "string") {
        context.fillStyle = background;
        context.fillRect(0, 0, picture.width, picture.height);
      } else {
        const { x, y, width, height } = covering(sizeOfPicture(background), picture);
        context.drawImage(drawable(/** @type {any} */ (background)), x, y, width, height);
      }
    });
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {(context: CanvasRenderingContext2D, source: CanvasImageSource) => void} drawBackground
   */
  #draw(picture, mask, drawBackground) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.context);
    const { width, height } = picture;
    const source = drawable(picture);
    const front = layer(width, height);
    const { a, b, c, d, e, f } = mask.place;
    front.setTransform(a, b, c, d, e, f);
    front.imageSmoothingEnabled = true;
    front.drawImage(maskAsAlpha(mask), 0, 0);
    front.resetTransform();
    front.globalCompositeOperation = "source-in";
    front.drawImage(source, 0, 0);
    if (context.canvas.width !== width || context.canvas.height !== height) Object.assign(context.canvas, { width, height });
    context.resetTransform();
    context.clearRect(0, 0, width, height);
    drawBackground(context, source);
    context.drawImage(front.canvas, 0, 0);
  }
}

/**
 * @param {SegmentationMask} mask
 * @returns {HTMLCanvasElement | OffscreenCanvas}
 */
function maskAsAlpha({ values, width, height }) {
  const image = new ImageData(width, height);
  values.forEach((value, i) => {
    const t = Math.min(1, Math.max(0, (value - LOW) / (HIGH - LOW)));
    image.data[4 * i + 3] = 255 * t * t * (3 - 2 * t);
  });
  const context = layer(width, height);
  context.putImageData(image, 0, 0);
  return context.canvas;
}
