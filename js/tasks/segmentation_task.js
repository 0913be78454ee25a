/** The task of segmentation, which also draws. */

import { InputError } from "../errors.js";
import { readyBackground } from "./backgrounds.js";
import { compositorOf } from "./compositors.js";
import { snapshot } from "./frames.js";
import { Task } from "./task.js";

/** @typedef {import("./segmentation.js").SegmentationResult} SegmentationResult */
/** @typedef {import("./compositors.js").Canvas} Canvas */
/** @typedef {import("./frames.js").PictureSource} PictureSource */

/** @extends {Task<SegmentationResult>} */
export class SegmentationTask extends Task {
  /**
   * Draws a picture on a canvas, which takes its size, with all but the person blurred: on the graphics card where the canvas has WebGL2 (or no context yet).
   * @param {Canvas} canvas
   * @param {PictureSource} image
   * @param {{ radius?: number, timestamp?: number | null }} [options] `radius` in pixels of the picture; `timestamp` is the time of the call for a video
   * @returns {Promise<SegmentationResult>}
   */
  async blur(canvas, image, { radius = 16, timestamp } = {}) {
    if (!(radius > 0 && radius <= 512)) throw new InputError(`the radius of blurring is above 0 and at most 512 pixels, got ${String(radius)}`);
    return this.#composite(canvas, image, timestamp, (compositor, picture, { mask }) => compositor.blur(picture, mask, radius));
  }

  /**
   * Draws a picture on a canvas, which takes its size, with something else behind the person.
   * @param {Canvas} canvas
   * @param {PictureSource} image
   * @param {import("./backgrounds.js").Background} background a color as in CSS ("transparent" too), or a picture or video, which covers the canvas
   * @param {{ timestamp?: number | null }} [options] `timestamp` is the time of the call for a video
   * @returns {Promise<SegmentationResult>}
   */
  async replace(canvas, image, background, { timestamp } = {}) {
    const preparing = readyBackground(background);
    preparing.catch(() => undefined); // it is met when the mask is there
    try {
      return await this.#composite(canvas, image, timestamp, async (compositor, picture, { mask }) => compositor.replace(picture, mask, await preparing));
    } finally {
      if (background instanceof Blob) preparing.then((ready) => "close" in Object(ready) && /** @type {ImageBitmap} */ (ready).close(), () => undefined);
    }
  }

  /**
   * @param {Canvas} canvas
   * @param {PictureSource} image
   * @param {number | null | undefined} timestamp
   * @param {(compositor: import("./compositors.js").Compositor, picture: import("./backgrounds.js").Picture, result: SegmentationResult) => void | Promise<void>} draw
   * @returns {Promise<SegmentationResult>}
   */
  async #composite(canvas, image, timestamp = "videoWidth" in Object(image) ? performance.now() : null, draw) {
    const compositor = compositorOf(canvas);
    const picture = await snapshot(image); // what the mask is of is what is drawn
    try {
      const result = await this.detect(picture, { timestamp });
      await draw(compositor, picture, result);
      return result;
    } finally {
      if ("close" in picture) picture.close();
    }
  }
}
