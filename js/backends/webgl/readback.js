/** Results: from textures through a pixel-pack buffer, without blocking the thread. */

import { sizeOf } from "../../dtypes.js";
import { ContextLostError } from "../../errors.js";
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
 * @throws {ContextLostError}
 */
export async function readTensors(context, wanted, pixels) {
  const { gl } = context;
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, pixels);
  let offset = 0;
  for (const { layout, surface } of wanted) {
    const { width, height, layers, texels } = layout;
    if (!texels) continue;
    context.eachLayer(surface, layers, () => {
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, offset);
      offset += width * height * 16;
    });
  }
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  await fence(context);

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
  if (gl.isContextLost()) throw new ContextLostError();
  return new Map(results);
}

/** A device that finishes nothing for this long, though it is often asked, is taken for lost. */
const PATIENCE_MILLISECONDS = 60_000;
const PATIENCE_QUESTIONS = 1000;

/**
 * Waits until the device has done everything that it was told.
 * @param {Context} context
 * @throws {ContextLostError} when the context is lost meanwhile
 */
async function fence(context) {
  const { gl } = context;
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  let { answers } = context;
  let since = performance.now();
  for (let tries = 0, asked = 0; ; tries++, asked++) {
    const status = sync && !gl.isContextLost() ? gl.clientWaitSync(sync, 0, 0) : gl.WAIT_FAILED;
    if (status === gl.ALREADY_SIGNALED || status === gl.CONDITION_SATISFIED) break;
    if (answers !== context.answers) {
      // It is busy with earlier runs.
      ({ answers } = context);
      since = performance.now();
      asked = 0;
    }
    const isStuck = asked > PATIENCE_QUESTIONS && performance.now() - since > PATIENCE_MILLISECONDS;
    if (isStuck) gl.getExtension("WEBGL_lose_context")?.loseContext();
    if (isStuck || status === gl.WAIT_FAILED) throw new ContextLostError();
    await nextTask(tries);
  }
  context.answers++;
  gl.deleteSync(sync);
}

/** Tasks that are asked for at once; after that, a timer, which does not keep the processor busy. */
const EAGER_TASKS = 20;

/** @param {number} tries */
export function nextTask(tries) {
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
