/** Results that stay on the device, each in a texture of its own. */

import { sizeOf } from "../../dtypes.js";
import { ContextLostError, WebkilnError } from "../../errors.js";
import { createDraw, numbersOf } from "./draws.js";
import { readTensors } from "./readback.js";
import { floatsOf, LARGEST_SIDE, layoutOf, unpackBlocks } from "./storage.js";
import { createStorage } from "./weights.js";

/** @typedef {import("./backend.js").WebglBackend} WebglBackend */
/** @typedef {import("./weights.js").Storage} Storage */

/** No run can bring it back: it is the result of another one. */
function lost() {
  return new WebkilnError("the WebGL context was lost, and with it this result that was left on the device; run its model again");
}

export class HeldSurface {
  /**
   * Takes a result as it is now.
   * @param {WebglBackend} backend
   * @param {Storage} from
   */
  constructor(backend, { layout, home }) {
    this.backend = backend;
    this.storage = createStorage("fixed", layout);
    this.surface = this.storage.home.surface = backend.context.createSurface(layout.width, layout.height, layout.layers);
    backend.copySurface(/** @type {import("./context.js").Surface} */ (home.surface), this.surface);
  }

  /** @returns {Promise<ArrayLike<number>>} */
  async data() {
    const { backend: { context: { gl } }, storage: { layout } } = this;
    const pixels = /** @type {WebGLBuffer} */ (gl.createBuffer());
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, pixels);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, floatsOf(layout) * 4, gl.STREAM_READ);
    const results = await readTensors(this.backend.context, [{ name: "", layout, surface: this.surface, isBoolean: false }], pixels).catch((error) => {
      throw error instanceof ContextLostError ? lost() : error;
    });
    gl.deleteBuffer(pixels);
    return /** @type {{ data: ArrayLike<number> }} */ (results.get("")).data;
  }

  read() {
    const { backend: { context: { gl } }, surface, storage: { layout } } = this;
    const { width, height, layers } = layout;
    const texels = new Float32Array(floatsOf(layout));
    gl.bindFramebuffer(gl.FRAMEBUFFER, surface.framebuffer);
    for (let layer = 0; layer < layers; layer++) {
      gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, texels.subarray(width * height * 4 * layer));
    }
    if (gl.isContextLost()) throw lost();
    const data = new Float32Array(sizeOf(layout.shape));
    unpackBlocks(layout, texels, data);
    return data;
  }

  /**
   * @param {WebglBackend} backend
   * @param {Storage} input of the same shape
   * @returns {boolean} false when the input is another device's
   */
  copyTo(backend, { layout, home }) {
    if (backend.context !== this.backend.context || layout.layers !== this.storage.layout.layers) return false;
    backend.copySurface(this.surface, /** @type {import("./context.js").Surface} */ (home.surface));
    return true;
  }

  draw() {
    const { backend, storage } = this;
    const { gl, programs } = backend.context;
    const [height, width, channels] = storage.layout.shape.slice(-3);
    if (Math.max(height, width) > LARGEST_SIDE) return null;
    // Pixels are the texels of a tensor of four channels and one layer.
    const output = createStorage("fixed", layoutOf([height, width, 4], 1));
    const draw = createDraw({ skeleton: "canvas", output, inputs: [storage], fields: { height, channels }, operations: [] });
    const numbers = /** @type {WebGLBuffer} */ (gl.createBuffer());
    gl.bindBuffer(gl.UNIFORM_BUFFER, numbers);
    gl.bufferData(gl.UNIFORM_BUFFER, numbersOf(draw), gl.STATIC_DRAW);
    Object.assign(gl.canvas, { width, height });
    const surface = { ...this.surface, framebuffer: null }; // the canvas's own
    backend.drawStep({ program: programs.request(draw.recipe), surface, width, height, textures: [this.surface.texture], offset: 0, size: draw.numbers.byteLength }, numbers);
    gl.deleteBuffer(numbers);
    return gl.canvas;
  }

  release() {
    this.backend.context.deleteSurface(this.surface);
  }
}
