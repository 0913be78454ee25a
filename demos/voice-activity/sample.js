/** The sample: a voice made by code that babbles, with pauses, a hiss and a melody between: sounds that are no speech. */

export const RATE = 16000;

/**
 * Resonances of the mouth, in hertz, for some vowels of a man's voice.
 * Peterson and Barney, "Control methods used in a study of the vowels", 1952, table II.
 * @type {Record<string, [number, number, number]>}
 */
const VOWELS = { a: [730, 1090, 2440], e: [530, 1840, 2480], i: [270, 2290, 3010], o: [570, 840, 2410], u: [300, 870, 2240] };
const WIDTHS = [80, 100, 140];

/** What is heard, in order: babble of consonants and vowels, or so many seconds of something else. */
const SCORE = ["", 1.2, "ha lo wi ge te si", 0.8, "da na mo se ti ka ra lo", "hiss", "wa su ne to", 0.6, "me li fa so ra du ki te no", "melody", "ta da bi no", 1];
const SYLLABLE = 0.19;
const HISS = 1.4;
const MELODY = [440, 554, 659, 880, 659, 554, 440];

/** @typedef {() => number} Noise evenly in -1…1 */

/** @returns {Float32Array<ArrayBuffer>} at 16 kHz, in -1…1; always the same */
export function sample() {
  const noise = noiseFrom(20);
  const parts = SCORE.map((part) => {
    if (typeof part === "number") return new Float32Array(part * RATE);
    if (part === "hiss") return Float32Array.from({ length: HISS * RATE }, (_, k) => 0.05 * noise() * Math.sin((Math.PI * k) / (HISS * RATE)));
    if (part === "melody") return Float32Array.from({ length: MELODY.length * 0.3 * RATE }, (_, k) => tone(k / RATE));
    return babble(part.split(" ").filter(Boolean), noise);
  });
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.map((value) => value + 0.0008 * noise());
}

/** @param {number} time seconds @returns {number} */
function tone(time) {
  const since = time % 0.3;
  return 0.12 * Math.exp(-7 * since) * Math.min(1, since * 200) * Math.sin(2 * Math.PI * MELODY[Math.floor(time / 0.3)] * time);
}

/**
 * Pulses of the voice and noise of the breath, through the resonances of the mouth, which glide from vowel to vowel.
 * @param {string[]} syllables a consonant and a vowel each
 * @param {Noise} noise
 * @returns {Float32Array<ArrayBuffer>}
 */
function babble(syllables, noise) {
  const length = Math.round(syllables.length * SYLLABLE * RATE);
  const resonators = WIDTHS.map((width) => new Resonator(width));
  const mouth = [...VOWELS.a];
  const hiss = new Resonator(1200);
  let phase = 0;
  let glottis = 0;
  const sound = Float32Array.from({ length }, (_, k) => {
    const time = k / RATE / SYLLABLE;
    const [consonant, vowel] = syllables[Math.min(Math.floor(time), syllables.length - 1)];
    const within = time % 1;
    const whole = k / length;
    const pitch = 128 - 30 * whole + 14 * Math.sin(2 * Math.PI * 1.3 * whole * syllables.length * SYLLABLE) + 2 * noise();
    phase += pitch / RATE;
    const pulse = phase >= 1 ? 1 : 0;
    phase %= 1;
    glottis = 0.93 * glottis + pulse + 0.015 * noise(); // a pulse falls off by 12 dB an octave, the lips give back 6
    VOWELS[vowel].forEach((formant, f) => (mouth[f] += (formant - mouth[f]) * 0.0018));
    const isVoiced = "nmldwrgb".includes(consonant);
    const open = within < 0.3 ? (isVoiced ? 0.35 : 0) : Math.sin((Math.PI * (within - 0.3)) / 0.7) ** 0.6;
    const breath = within < 0.3 && !isVoiced ? Math.sin((Math.PI * within) / 0.3) : 0;
    const voice = resonators.reduce((sum, resonator, f) => sum + resonator.next(glottis, mouth[f]) / (1 + f), 0);
    return open * voice + 0.5 * breath * hiss.next(noise(), "stk".includes(consonant) ? 5200 : 1800);
  });
  const loudest = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return sound.map((value) => (0.5 * value) / loudest);
}

/** Two poles, with a gain of one where nothing resonates: Klatt, "Software for a cascade/parallel formant synthesizer", 1980. */
class Resonator {
  #last = 0;
  #beforeLast = 0;

  /** @param {number} width in hertz */
  constructor(width) {
    this.width = width;
  }

  /** @param {number} value @param {number} frequency in hertz @returns {number} */
  next(value, frequency) {
    const c = -Math.exp((-2 * Math.PI * this.width) / RATE);
    const b = 2 * Math.exp((-Math.PI * this.width) / RATE) * Math.cos((2 * Math.PI * frequency) / RATE);
    const out = (1 - b - c) * value + b * this.#last + c * this.#beforeLast;
    [this.#beforeLast, this.#last] = [this.#last, out];
    return out;
  }
}

/**
 * A linear congruential generator (Numerical Recipes), so that the sample is the same each time.
 * @param {number} seed
 * @returns {Noise}
 */
function noiseFrom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
