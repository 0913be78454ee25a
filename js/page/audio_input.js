/** An input that is sound: from a file, dropped, the sample, or the microphone; cut into the frames that the model takes. */

import { symbolsOf } from "../dims.js";
import { button, fileChooser, make, shapeText } from "./elements.js";
import { readSample } from "./files.js";
import { tones } from "./samples.js";
import { shapeOf } from "./sizes.js";

const LONGEST = 30; // seconds
const RECORDED = 4; // seconds

/** What makes calls clear changes what a model hears. */
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @type {Record<string, (position: number, length: number) => number>} periodic windows */
const WINDOWS = {
  hann: (k, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / n),
  hamming: (k, n) => 0.54 - 0.46 * Math.cos((2 * Math.PI * k) / n),
};

export class AudioInput {
  /** @type {Float32Array<ArrayBuffer>} */
  #samples = new Float32Array();
  #hint = make("p", { class: "hint", "aria-live": "polite" });
  #recording = button(`Record ${RECORDED} seconds`, () => this.#record().then(this.context.onChange, this.context.onProblem));

  /**
   * @param {import("./numbers_input.js").Context} context
   * @param {any} spec of model.json
   */
  constructor(context, spec) {
    this.context = context;
    this.rate = spec.sample_rate ?? 16000;
    this.spec = spec;
    const id = `audio-${context.position}`;
    const chooser = fileChooser({ id, accept: "audio/*", text: "Choose a sound", kind: "primary" }, (file) => this.take(file).then(context.onChange, context.onProblem));
    this.element = make("div", { class: "input" },
      make("span", { class: "name" }, context.argument.name), this.#hint,
      make("div", { class: "actions" }, ...chooser,
        button("Sample", () => this.showSample().then(context.onChange, context.onProblem)),
        this.#recording));
  }

  /** @param {File} file */
  accepts(file) {
    return file.type.startsWith("audio/");
  }

  /** @param {Blob} file */
  async take(file) {
    // An offline context decodes to its own rate, and needs no permission to play.
    const context = new OfflineAudioContext(1, 1, this.rate);
    const decoded = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
      throw new Error("this file is not a sound that the browser can read; try a WAV or MP3 file");
    });
    const channels = Array.from({ length: decoded.numberOfChannels }, (_, k) => decoded.getChannelData(k));
    const length = Math.min(decoded.length, LONGEST * this.rate);
    this.#samples = Float32Array.from({ length }, (_, k) => channels.reduce((sum, channel) => sum + channel[k], 0) / channels.length);
  }

  async showSample() {
    const sample = await readSample();
    if (sample) return this.take(sample);
    this.#samples = tones(this.rate);
  }

  /** Seconds between the beginnings of two frames; 0 where the model takes the sound as a whole. */
  get seconds() {
    return this.#isWhole ? 0 : this.#step / this.rate;
  }

  get #isWhole() {
    return this.context.argument.shape.some((dim) => typeof dim === "string" && dim === this.context.argument.shape[this.context.argument.shape.length - 1]);
  }

  get #size() {
    return shapeOf(this.context.argument, this.context.sizes).reduce((a, b) => a * b, 1);
  }

  get #step() {
    const step = this.spec.frame_step ?? 0;
    return step > 0 && step <= this.#size ? step : this.#size;
  }

  /** The frames, in order: one or more. @returns {{ data: Float32Array, shape: number[] }[]} */
  frames() {
    const { argument, sizes } = this.context;
    for (const symbol of argument.shape.slice(0, -1).flatMap((dim) => [...symbolsOf(dim)])) sizes.set(symbol, 1);
    const samples = this.#samples;
    if (this.#isWhole) sizes.set(String(argument.shape[argument.shape.length - 1]), Math.max(1, samples.length));
    const [size, step] = [this.#size, this.#step];
    const count = this.#isWhole ? 1 : Math.max(1, Math.ceil(samples.length / step));
    const before = this.#isWhole ? 0 : size - step; // the last `step` samples of a frame are new; silence was before the first
    const shape = shapeOf(argument, sizes);
    const weight = this.#isWhole ? undefined : WINDOWS[this.spec.window];
    const scale = this.spec.scale ?? 1;
    this.#hint.textContent = `${(samples.length / this.rate).toFixed(2)} s at ${this.rate} Hz, as ${count} × ${argument.dtype} ${shapeText(shape)}`;
    return Array.from({ length: count }, (_, frame) => {
      const data = Float32Array.from({ length: size }, (_, k) => (samples[frame * step + k - before] ?? 0) * scale * (weight?.(k, size) ?? 1));
      return { data, shape };
    });
  }

  async #record() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("this page has no microphone: it needs a browser that gives one, and an address that starts with https (or this machine's own)");
    this.#recording.disabled = true;
    /** @type {MediaStream | undefined} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: RAW }).catch((error) => {
        throw new Error(`the microphone could not be used: ${error.message}`);
      });
      this.#hint.textContent = "Recording…";
      const recorder = new MediaRecorder(stream);
      /** @type {Blob[]} */
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const ended = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.start();
      setTimeout(() => recorder.stop(), RECORDED * 1000);
      await ended;
      await this.take(new Blob(parts, { type: recorder.mimeType }));
    } finally {
      for (const track of stream?.getTracks() ?? []) track.stop();
      this.#recording.disabled = false;
    }
  }
}
