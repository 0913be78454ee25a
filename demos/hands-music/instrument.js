/** The sound: a voice for the melody and three for a chord, through a light reverb. All of it is made here. */

import { frequency } from "./scale.js";

/** @typedef {{ notes: number[], loudness: number }} Sound `loudness` in 0…1 */

/** Seconds after which a voice falls silent when nothing more is said: the film is paused, or slow. */
const FORGET = 1.2;
const RELEASE = 0.12;
/** Seconds of the room's echo, and how loud that is. */
const ROOM = 1.8;
const WET = 0.3;

/** @typedef {{ types: OscillatorType[], detune: number, level: number, attack: number, glide: number, accent: number }} Timbre times in seconds, `detune` in cents */
/** @type {Record<"melody" | "chord", Timbre>} */
const TIMBRES = {
  melody: { types: ["triangle", "sawtooth"], detune: 6, level: 0.32, attack: 0.015, glide: 0.012, accent: 1.7 },
  chord: { types: ["triangle", "sine"], detune: 9, level: 0.11, attack: 0.12, glide: 0.03, accent: 1 },
};

class Voice {
  /** @type {OscillatorNode[]} */
  #oscillators;
  #note = 0;

  /**
   * @param {AudioContext} context
   * @param {AudioNode} out
   * @param {Timbre} timbre
   */
  constructor(context, out, timbre) {
    this.context = context;
    this.timbre = timbre;
    this.gain = new GainNode(context, { gain: 0 });
    this.filter = new BiquadFilterNode(context, { type: "lowpass", frequency: 800, Q: 1.5 });
    this.#oscillators = timbre.types.map((type, k) => new OscillatorNode(context, { type, detune: (k - 0.5) * 2 * timbre.detune }));
    for (const oscillator of this.#oscillators) {
      oscillator.connect(this.filter);
      oscillator.start();
    }
    this.filter.connect(this.gain).connect(out);
  }

  /**
   * @param {number} note
   * @param {number} loudness
   */
  play(note, loudness) {
    const now = this.context.currentTime;
    const { level, attack, glide, accent } = this.timbre;
    const isNew = note !== this.#note;
    const pitch = frequency(note);
    if (isNew) for (const oscillator of this.#oscillators) oscillator.frequency.setTargetAtTime(pitch, now, this.#note ? glide : 0.001);
    this.#note = note;
    this.filter.frequency.setTargetAtTime(Math.min(pitch * (1.5 + 6 * loudness), 9000), now, isNew ? 0.01 : 0.08);
    this.gain.gain.cancelScheduledValues(now);
    this.gain.gain.setTargetAtTime(level * loudness * (isNew ? accent : 1), now, isNew ? attack : 0.15);
    this.gain.gain.setTargetAtTime(0, now + FORGET, RELEASE);
  }

  silence() {
    const now = this.context.currentTime;
    this.#note = 0;
    this.gain.gain.cancelScheduledValues(now);
    this.gain.gain.setTargetAtTime(0, now, RELEASE);
  }

  stop() {
    for (const oscillator of this.#oscillators) oscillator.stop();
  }
}

export class Instrument {
  #context = new AudioContext();
  #volume = new GainNode(this.#context);
  #meter = new AnalyserNode(this.#context, { fftSize: 1024 });
  #wave = new Float32Array(this.#meter.fftSize);
  #melody;
  /** @type {Voice[]} */
  #chord;

  /** @param {number} volume in 0…1 */
  constructor(volume) {
    const context = this.#context;
    const limiter = new DynamicsCompressorNode(context, { threshold: -12, ratio: 8 });
    const room = new ConvolverNode(context, { buffer: echo(context) });
    const mixed = new GainNode(context);
    mixed.connect(this.#volume);
    mixed.connect(room).connect(new GainNode(context, { gain: WET })).connect(this.#volume);
    this.#volume.connect(limiter).connect(this.#meter).connect(context.destination);
    this.#melody = new Voice(context, mixed, TIMBRES.melody);
    this.#chord = [0, 1, 2].map(() => new Voice(context, mixed, TIMBRES.chord));
    this.volume = volume;
  }

  /** Browsers let pages sound only after a click or a key. @returns {Promise<void>} */
  start() {
    return this.#context.resume();
  }

  /** @param {number} volume in 0…1 */
  set volume(volume) {
    this.#volume.gain.setTargetAtTime(volume ** 2, this.#context.currentTime, 0.03);
  }

  /** How loud it is now: the root of the mean square, in 0…1. */
  get level() {
    this.#meter.getFloatTimeDomainData(this.#wave);
    return Math.sqrt(this.#wave.reduce((sum, value) => sum + value * value, 0) / this.#wave.length);
  }

  /**
   * To be called again and again for as long as it sounds.
   * @param {Sound | null} melody one note
   * @param {Sound | null} chord three notes
   */
  play(melody, chord) {
    if (melody && melody.loudness > 0) this.#melody.play(melody.notes[0], melody.loudness);
    else this.#melody.silence();
    this.#chord.forEach((voice, k) => (chord && chord.loudness > 0 ? voice.play(chord.notes[k], chord.loudness) : voice.silence()));
  }

  /** For good. */
  stop() {
    for (const voice of [this.#melody, ...this.#chord]) voice.stop();
    return this.#context.close();
  }
}

/**
 * @param {AudioContext} context
 * @returns {AudioBuffer} what a room answers to a click: noise that fades
 */
function echo(context) {
  const length = Math.round(ROOM * context.sampleRate);
  const buffer = context.createBuffer(2, length, context.sampleRate);
  for (const channel of [0, 1]) buffer.copyToChannel(Float32Array.from({ length }, (_, k) => (2 * Math.random() - 1) * (1 - k / length) ** 4), channel);
  return buffer;
}
