/** The task that listens. */

import { InputError } from "../errors.js";
import { samplesOf } from "./microphone.js";
import { Task } from "./task.js";

/** @typedef {import("./vad.js").VadResult} VadResult */

/** Samples of a frame, and of a second. */
const FRAME = 512;
const RATE = 16000;

export class VadTask {
  /** @type {Task<VadResult>} */
  #task;

  /** @param {import("./task.js").Host} host */
  constructor(host) {
    this.#task = new Task(host, async (samples) => samples.slice());
  }

  /** The backend of each model, by its role. */
  get backends() {
    return this.#task.backends;
  }

  /**
   * What is heard in the next 32 ms of a sound.
   * @param {Float32Array} samples 512 at 16 kHz, −1…1
   * @returns {Promise<VadResult>}
   */
  async detect(samples) {
    if (!(samples instanceof Float32Array) || samples.length !== FRAME) throw new InputError(`a frame is a Float32Array of ${FRAME} samples at ${RATE} Hz, got ${describe(samples)}; stream() takes any lengths`);
    return this.#task.detect(/** @type {any} */ (samples));
  }

  /**
   * What is heard in each frame, all of them in turn.
   * @param {MediaStream | AsyncIterable<Float32Array>} source a microphone, which is resampled, or samples at 16 kHz in pieces of any lengths; silence fills the last frame
   * @param {{ signal?: AbortSignal }} [options] ends the stream
   * @returns {AsyncGenerator<VadResult, void, void>}
   */
  async *stream(source, { signal } = {}) {
    const given = /** @type {any} */ (source);
    const isIterable = typeof given?.[Symbol.asyncIterator] === "function";
    if (!isIterable && typeof given?.getAudioTracks !== "function") throw new InputError(`a sound is a MediaStream or an AsyncIterable of Float32Array, got ${describe(source)}`);
    const frame = new Float32Array(FRAME);
    let count = 0;
    for await (const samples of isIterable ? given : samplesOf(given, RATE, signal)) {
      if (!(samples instanceof Float32Array)) throw new InputError(`the pieces of a sound are Float32Array, got ${describe(samples)}`);
      for (let at = 0; at < samples.length; ) {
        const piece = samples.subarray(at, at + FRAME - count);
        frame.set(piece, count);
        at += piece.length;
        count += piece.length;
        if (count < FRAME) break;
        if (signal?.aborted) return;
        const result = await this.detect(frame);
        if (signal?.aborted) return;
        yield result;
        count = 0;
      }
    }
    if (count && !signal?.aborted) yield this.detect(frame.fill(0, count));
  }

  /** Forgets what was heard: another sound begins. */
  reset() {
    return this.#task.reset();
  }

  /** Lets the model go. Any further use is an error. */
  dispose() {
    this.#task.dispose();
  }
}

/** @param {unknown} value */
function describe(value) {
  return value instanceof Float32Array ? `${value.length} samples` : Object.prototype.toString.call(value).slice(8, -1);
}
