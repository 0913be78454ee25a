/** Results that stay where they were computed. */

import { sizeOf, SOURCE_DTYPES } from "./dtypes.js";
import { InputError, WebkilnError } from "./errors.js";

/** @typedef {import("./dtypes.js").Tensor} Tensor */
/**
 * How a backend holds a result.
 * @typedef {object} Held
 * @property {() => Promise<ArrayLike<number>>} data
 * @property {() => ArrayLike<number>} read waits for the device
 * @property {() => CanvasImageSource | null} draw the result [height, width, channels] as a picture that lasts until this task ends; null where the device has none
 * @property {() => void} release
 */

/** Their memory on the device is given back when nobody has them any more: late, so `dispose` is better. @type {FinalizationRegistry<Held>} */
const forgotten = new FinalizationRegistry((held) => held.release());

/** A result of `run(inputs, { on: "device" })`: an input for other models, a picture for a canvas, or data when they are asked for. */
export class DeviceTensor {
  /** @type {Held | null} */
  #held;

  /**
   * @param {readonly number[]} shape
   * @param {string} dtype of the source
   * @param {Held} held
   */
  constructor(shape, dtype, held) {
    this.shape = [...shape];
    this.dtype = dtype;
    this.#held = held;
    forgotten.register(this, held, this);
  }

  /** @internal */
  get held() {
    if (!this.#held) throw new WebkilnError("this tensor was disposed");
    return this.#held;
  }

  /** @returns {Promise<Tensor>} as `run` gives it without `on` */
  async data() {
    const { shape, dtype } = this;
    const { result: Result } = /** @type {{ result: new (values: ArrayLike<number>) => import("./dtypes.js").TypedArray }} */ (SOURCE_DTYPES.get(dtype));
    return Object.assign(new Result(await this.held.data()), { shape: [...shape] });
  }

  /**
   * Waits for the device, which holds the page up; `data` does not.
   * @internal
   * @returns {ArrayLike<number>}
   */
  read() {
    return this.held.read();
  }

  /**
   * Draws a result [1, height, width, 1, 3 or 4] of values in 0…1, which is gray, RGB or RGBA, and gives the canvas its size.
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @throws {InputError} when the result is no picture
   */
  draw(canvas) {
    const { shape } = this;
    const [height, width, channels] = shape.slice(-3);
    if (shape.length < 3 || ![1, 3, 4].includes(channels) || sizeOf(shape) !== height * width * channels || !height || !width) {
      throw new InputError(`only [1, height, width, 1, 3 or 4] can be drawn, got [${shape.join(", ")}]`);
    }
    Object.assign(canvas, { width, height });
    const target = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const source = this.held.draw();
    if (source) return target.drawImage(source, 0, 0);
    const values = this.read();
    const pixels = new ImageData(width, height);
    for (let i = 0; i < 4 * width * height; i++) {
      const k = i & 3;
      pixels.data[i] = k === 3 && channels < 4 ? 255 : 255 * values[(i >> 2) * channels + (channels === 1 ? 0 : k)];
    }
    return target.putImageData(pixels, 0, 0);
  }

  /** Gives the memory back. Any further use is an error. */
  dispose() {
    this.#held?.release();
    this.#held = null;
    forgotten.unregister(this);
  }
}

/**
 * Results that are arrays, in the same clothes.
 * @param {Record<string, Tensor>} results
 * @param {readonly { name: string, dtype: string }[]} outputs
 * @returns {Record<string, DeviceTensor>}
 */
export function heldHere(results, outputs) {
  return Object.fromEntries(outputs.map(({ name, dtype }) => [name, new DeviceTensor(results[name].shape, dtype, { data: async () => results[name], read: () => results[name], draw: () => null, release: () => undefined })]));
}
