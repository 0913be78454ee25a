/** When someone speaks: what `webkiln.tasks.speech` says. */

import { InputError } from "../errors.js";

/** @typedef {{ start: number, end: number }} Segment a piece of speech, in milliseconds from the beginning of the sound */
/**
 * Speech begins at a probability of `threshold`; it ends when, after one below `release`, none has reached `threshold` for `minSilence`. What is not longer
 * than `minSpeech` is left out; `padding` is added on both sides. All three in milliseconds.
 * @typedef {{ threshold: number, release: number, minSpeech: number, minSilence: number, padding: number }} SpeechRules
 */

/** @type {SpeechRules} those that Silero VAD is published with */
export const SPEECH_RULES = { threshold: 0.5, release: 0.35, minSpeech: 250, minSilence: 100, padding: 30 };

/** The latest pieces of speech that are told of. */
const KEPT = 32;

export class Speech {
  /** @type {Segment[]} */
  #segments = [];
  /** @type {number | null} */
  #began = null;
  /** @type {number | null} */
  #quiet = null;

  /** @param {SpeechRules} rules */
  constructor(rules) {
    const { threshold, release } = rules;
    if (!(release >= 0 && release <= threshold && threshold <= 1)) throw new InputError(`speech begins at the probability threshold and ends below release, 0 ≤ release ≤ threshold ≤ 1; got the threshold ${threshold} and the release ${release}`);
    this.rules = rules;
  }

  /**
   * @param {number} probability of the next frame
   * @param {number} start of the frame, in milliseconds
   * @param {number} end
   * @returns {{ speaking: boolean, segments: Segment[] }} the last one ends with the frame while it goes on
   */
  hear(probability, start, end) {
    const { threshold, release, minSilence, padding } = this.rules;
    if (probability >= threshold) {
      this.#quiet = null;
      this.#began ??= start;
    } else if (probability < release && this.#began !== null) {
      this.#quiet ??= start;
      if (start - this.#quiet >= minSilence) {
        this.#segments = [...this.#segments, ...this.#piece(this.#quiet, padding)].slice(-KEPT);
        this.#began = this.#quiet = null;
      }
    }
    return { speaking: this.#began !== null, segments: [...this.#segments, ...this.#piece(this.#quiet ?? end, 0)].slice(-KEPT) };
  }

  /**
   * @param {number} end
   * @param {number} padding
   * @returns {Segment[]} what was said until then, if that is long enough
   */
  #piece(end, padding) {
    if (this.#began === null || end - this.#began <= this.rules.minSpeech) return [];
    return [{ start: Math.max(this.#began - this.rules.padding, 0), end: end + padding }];
  }
}
