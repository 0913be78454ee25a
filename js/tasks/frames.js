/** A picture that a task looks at: taken once, for all its models. */

import { InputError } from "../errors.js";
import { isPixels, pictureIn, pixelsOf, sizeOfPicture } from "../pictures/sources.js";

/** @typedef {import("../pictures/sources.js").PictureSource} PictureSource */
/** @typedef {import("../pictures/sampling.js").Pixels} Pixels */

export class Frame {
  /** @type {Pixels | null} */
  #pixels = null;

  /** @param {ImageBitmap | Pixels} picture */
  constructor(picture) {
    this.picture = picture;
    const { width, height } = sizeOfPicture(picture);
    this.width = width;
    this.height = height;
  }

  /**
   * What a model on this backend takes: the graphics card the bitmap, the processor its pixels, which are read once.
   * @param {string} backend
   * @returns {ImageBitmap | Pixels}
   */
  for(backend) {
    return backend === "webgl" ? this.picture : (this.#pixels ??= pixelsOf(this.picture));
  }

  close() {
    if ("close" in this.picture) this.picture.close();
  }
}

/**
 * The picture as it is now, which a later frame of a video does not change.
 * @param {PictureSource} source
 * @param {PremultiplyAlpha} [premultiplyAlpha]
 * @returns {Promise<ImageBitmap | Pixels>}
 * @throws {InputError}
 */
export async function snapshot(source, premultiplyAlpha = "none") {
  const { picture } = /** @type {{ picture: any }} */ (pictureIn({ picture: source }));
  if (isPixels(picture)) return { data: picture.data.slice(), width: picture.width, height: picture.height };
  if (!("size" in picture)) sizeOfPicture(picture);
  try {
    return await createImageBitmap(picture, { colorSpaceConversion: "none", premultiplyAlpha });
  } catch (error) {
    throw new InputError(`this is not a picture that can be read here: ${/** @type {Error} */ (error).message}`);
  }
}
