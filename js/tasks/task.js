/** A task: what looks at pictures and films, wherever its models are. */

import { InputError, WebkilnError } from "../errors.js";
import { Queue } from "../backends/mixed/queue.js";
import { snapshot } from "./frames.js";

/** @typedef {import("./frames.js").PictureSource} PictureSource */
/** @typedef {import("./frames.js").Pixels} Pixels */
/** @typedef {{ skeleton: [number, number][], contours: Record<string, [number, number][]> }} Lines pairs of points; of parts of the whole by their names */
/**
 * Where the models are.
 * @typedef {object} Host
 * @property {Record<string, string>} backends of each model, by its role
 * @property {Record<string, Lines>} lines between the points of each model that has points, by its role
 * @property {(picture: ImageBitmap | Pixels, timestamp: number | null) => Promise<any>} detect takes the picture over
 * @property {() => void | Promise<void>} reset
 * @property {() => void} dispose
 */

/** @template Result */
export class Task {
  /** @type {Host | null} */
  #host;
  #queue = new Queue();

  #take;

  /**
   * @param {Host} host
   * @param {(source: any) => Promise<any>} [take] of what is given to `detect`, what it is now
   */
  constructor(host, take = snapshot) {
    this.#host = host;
    this.#take = take;
  }

  get #open() {
    if (!this.#host) throw new WebkilnError("the task was disposed; make another one");
    return this.#host;
  }

  /** The backend of each model, by its role. */
  get backends() {
    return this.#open.backends;
  }

  /** The lines to draw between the points of each model that has points, by its role: `task.lines.landmarks.skeleton`. */
  get lines() {
    return this.#open.lines;
  }

  /**
   * What is in a picture. Calls are answered one after another; the picture is taken as it is at the call.
   * @param {PictureSource} image
   * @param {{ timestamp?: number | null }} [options] with a timestamp, in milliseconds, it is the next frame of a film: what it shows is followed from frame to frame
   * @returns {Promise<Result>}
   */
  async detect(image, { timestamp = null } = {}) {
    if (timestamp !== null && !Number.isFinite(timestamp)) throw new InputError(`a timestamp is a finite number of milliseconds, got ${String(timestamp)}`);
    const host = this.#open;
    const taken = this.#take(image);
    taken.catch(() => undefined); // it is met in turn
    return this.#queue.add(async () => host.detect(await taken, timestamp));
  }

  /**
   * The results of a film's frames, each when it is there; frames that come in the meantime are left out.
   * @param {HTMLVideoElement | AsyncIterable<PictureSource>} video an element that plays, or pictures as they come
   * @param {{ signal?: AbortSignal }} [options] ends the stream
   * @returns {AsyncGenerator<Result, void, void>}
   */
  async *stream(video, { signal } = {}) {
    let latest = -Infinity; // clocks may be coarse, and timestamps have to grow
    for await (const frame of Symbol.asyncIterator in video ? video : framesOf(video, signal)) {
      if (signal?.aborted) return;
      latest = Math.max(performance.now(), latest + 0.01);
      const result = await this.detect(frame, { timestamp: latest });
      if (signal?.aborted) return;
      yield result;
    }
  }

  /** Forgets what was followed: another film begins. */
  async reset() {
    const host = this.#open;
    await this.#queue.add(async () => host.reset());
  }

  /** Lets the models go. Any further use is an error. */
  dispose() {
    this.#host?.dispose();
    this.#host = null;
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<HTMLVideoElement, void, void>} the element, each time that it has another frame, until it ends
 */
async function* framesOf(video, signal) {
  while (!signal?.aborted && !video.ended) {
    await nextFrame(video, signal);
    if (!signal?.aborted && video.readyState >= 2 && video.videoWidth) yield video;
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} when there is another frame, the film has ended, or nothing is wanted any more
 */
function nextFrame(video, signal) {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const done = () => {
      stop.abort();
      resolve();
    };
    video.addEventListener("ended", done, { signal: stop.signal });
    video.addEventListener("emptied", done, { signal: stop.signal });
    signal?.addEventListener("abort", done, { signal: stop.signal });
    if ("requestVideoFrameCallback" in video) {
      const asked = video.requestVideoFrameCallback(done);
      stop.signal.addEventListener("abort", () => video.cancelVideoFrameCallback(asked));
    } else requestAnimationFrame(done);
  });
}
