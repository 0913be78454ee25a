/** Voice activity: what `webkiln.tasks.Vad` says. */

import { Network, NetworkSpec } from "./network.js";
import { SPEECH_RULES, Speech } from "./speech.js";
import { Sound } from "./sounds.js";

/**
 * @typedef {object} VadResult
 * @property {number} timestamp milliseconds of sound up to the end of the frame
 * @property {number} probability of speech
 * @property {boolean} speaking does not flicker
 * @property {import("./speech.js").Segment[]} segments the latest pieces of speech, 32 at most
 * @property {Record<string, number>} milliseconds
 */

/** @type {import("./engine.js").Kind} */
export const vad = {
  options: { ...SPEECH_RULES },
  networks: () => ({ model: new NetworkSpec("silero_vad", "the model", ["presence"], "audio") }),
  create(networks, options) {
    const network = /** @type {Network} */ (networks.model);
    const { sample_rate: rate, frame_length: length, frame_step: step } = network.input;
    let speech = new Speech(options);
    let heard = new Float32Array(length);
    let frames = 0;
    network.reset();
    return {
      async detect(sound) {
        const { samples } = /** @type {Sound} */ (sound);
        heard = Float32Array.from({ length }, (_, k) => (k < length - step ? heard[k + step] : samples[k - length + step]));
        const [{ score: probability }] = (await network.see(new Sound(heard))).presence;
        const [start, end] = [frames, frames + 1].map((frame) => (frame * step * 1000) / rate);
        frames++;
        return { timestamp: end, probability, ...speech.hear(probability, start, end) };
      },
      reset() {
        network.reset();
        speech = new Speech(options);
        heard = new Float32Array(length);
        frames = 0;
      },
    };
  },
};
