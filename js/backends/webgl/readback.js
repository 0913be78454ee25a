/** Results: from textures through a pixel-pack buffer, without blocking the thread. */

import { sizeOf } from "../../dtypes.js";
import { WebkilnError } from "../../errors.js";
import { floatsOf, unpackBlocks } from "./storage.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Surface} Surface */
/** @typedef {import("./storage.js").Layout} Layout */
/** @typedef {{ name: string, layout: Layout, surface: Surface, isBoolean: boolean }} Wanted */

/**
 * @param {Context} context
 * @param {Wanted[]} wanted
 * @param {WebGLBuffer} pixels with room for all of them
 * @returns {Promise<Map<string, { data: ArrayLike<number>, shape: number[] }>>}
 */
export async function readTensors({ gl }, wanted, pixels) {
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, pixels);
  let offset = 0;
  for (const { layout, surface } of wanted) {
    const { width, height, layers, texels } = layout;
    if (!texels) continue;
    gl.bindFramebuffer(gl.FRAMEBUFFER, surface.framebuffer);
    for (let layer = 0; layer < layers; layer++) {
      gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, offset);
      offset += width * height * 16;
    }
  }
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  await fence(gl);

  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, pixels);
  offset = 0;
  const results = wanted.map(({ name, layout, isBoolean }) => {
    const data = new (isBoolean ? Uint8Array : Float32Array)(sizeOf(layout.shape));
    if (layout.texels) {
      const texels = new Float32Array(floatsOf(layout));
      gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, offset, texels);
      offset += texels.byteLength;
      unpackBlocks(layout, texels, data);
    }
    return /** @type {[string, { data: ArrayLike<number>, shape: number[] }]} */ ([name, { data, shape: [...layout.shape] }]);
  });
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  return new Map(results);
}

/**
 * Waits until the device has done everything that it was told.
 * @param {WebGL2RenderingContext} gl
 * @throws {WebkilnError} when the context is lost meanwhile
 */
async function fence(gl) {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  for (let tries = 0; ; tries++) {
    const status = sync && !gl.isContextLost() ? gl.clientWaitSync(sync, 0, 0) : gl.WAIT_FAILED;
    if (status === gl.ALREADY_SIGNALED || status === gl.CONDITION_SATISFIED) break;
    if (status === gl.WAIT_FAILED) throw new WebkilnError("the WebGL context was lost during a run; load the model again");
    await nextTask(tries);
  }
  gl.deleteSync(sync);
}

/** Tasks that are asked for at once; after that, a timer, which does not keep the processor busy. */
const EAGER_TASKS = 20;

/** @param {number} tries */
function nextTask(tries) {
  return new Promise((resolve) => {
    if (tries >= EAGER_TASKS) setTimeout(resolve, 1);
    else {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve(undefined);
      };
      port2.postMessage(null);
    }
  });
}
