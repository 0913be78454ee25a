/** Smoothing of points over time: the one-euro filter, as `webkiln.tasks.smoothing` has it. */

/**
 * How much is smoothed, in hertz: what moves slowly passes a low-pass filter of `minCutoff`, which grows by `beta` times the speed. Speeds are in sizes of
 * the thing a second, so that near and far are smoothed alike; `derivativeCutoff` smooths the speed itself.
 * @typedef {{ minCutoff: number, beta: number, derivativeCutoff: number }} Smoothing
 */

/** @type {Smoothing} */
export const DEFAULT_SMOOTHING = { minCutoff: 0.05, beta: 80, derivativeCutoff: 1 };

export class OneEuro {
  #time = -Infinity;
  /** @type {number[]} */
  #raw = [];
  /** @type {number[]} */
  #values = [];
  /** @type {number[]} */
  #speeds = [];

  /** @param {Smoothing} smoothing */
  constructor(smoothing) {
    this.smoothing = smoothing;
  }

  /**
   * @param {number[]} values always as many
   * @param {number} timestamp milliseconds
   * @param {number} size of the thing, in the unit of the values
   * @returns {number[]} smoothed
   */
  filter(values, timestamp, size) {
    const { minCutoff, beta, derivativeCutoff } = this.smoothing;
    const seconds = (timestamp - this.#time) / 1000;
    if (!this.#values.length) {
      this.#values = values;
      this.#speeds = values.map(() => 0);
    } else if (seconds > 0) {
      const scale = Math.max(size, 1e-6) * seconds;
      this.#speeds = this.#speeds.map((speed, k) => speed + share(derivativeCutoff, seconds) * ((values[k] - this.#raw[k]) / scale - speed));
      this.#values = this.#values.map((value, k) => value + share(minCutoff + beta * Math.abs(this.#speeds[k]), seconds) * (values[k] - value));
    }
    this.#raw = values;
    this.#time = timestamp;
    return this.#values;
  }
}

/**
 * @param {number} cutoff hertz
 * @param {number} seconds
 * @returns {number} of the difference that is taken in this time: 1 / (1 + τ / seconds), with τ = 1 / (2π cutoff)
 */
function share(cutoff, seconds) {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * seconds));
}
