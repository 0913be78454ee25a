/** Which notes and chords there are, from the bottom of the picture to its top. Notes are numbered as in MIDI: 69 is the A of 440 Hz. */

/** @typedef {"major" | "minor"} Mode */
/** @typedef {{ name: string, notes: number[] }} Chord */

export const KEYS = ["C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** Any two notes of these scales sound well together. */
const PENTATONIC = { major: [0, 2, 4, 7, 9], minor: [0, 3, 5, 7, 10] };
const NOTES = 11; // two octaves, and the key's note once more

/** Triads by the semitones of their root over the key. @type {Record<Mode, { root: number, isMinor: boolean }[]>} */
const TRIADS = {
  major: [{ root: 0, isMinor: false }, { root: 9, isMinor: true }, { root: 5, isMinor: false }, { root: 7, isMinor: false }],
  minor: [{ root: 0, isMinor: true }, { root: 8, isMinor: false }, { root: 3, isMinor: false }, { root: 10, isMinor: false }],
};

/** @param {number} note @returns {number} hertz */
export const frequency = (note) => 440 * 2 ** ((note - 69) / 12);

/** @param {number} note */
export const nameOf = (note) => KEYS[note % 12];

/** @param {number} key of `KEYS` @returns {number} the key's note between G below the middle C and F sharp above it */
const tonic = (key) => 60 + key - (key > 6 ? 12 : 0);

/**
 * @param {number} key of `KEYS`
 * @param {Mode} mode
 * @returns {number[]} of the melody, from low to high
 */
export function melodyNotes(key, mode) {
  const steps = PENTATONIC[mode];
  return Array.from({ length: NOTES }, (_, k) => tonic(key) + 12 * Math.floor(k / steps.length) + steps[k % steps.length]);
}

/**
 * @param {number} key of `KEYS`
 * @param {Mode} mode
 * @returns {Chord[]} below the melody
 */
export function chords(key, mode) {
  return TRIADS[mode].map(({ root, isMinor }) => {
    const lowest = 43 + ((tonic(key) + root - 43) % 12);
    return { name: nameOf(lowest) + (isMinor ? "m" : ""), notes: [lowest, lowest + (isMinor ? 3 : 4), lowest + 7] };
  });
}

/** Parts of the picture's height at which the highest and the lowest step are. */
const TOP = 0.2;
const BOTTOM = 0.85;
/** By so much of a step a hand has to leave a step before another is taken, so that notes do not flutter. */
const HOLD = 0.65;

/** @param {number} step @param {number} count @returns {number} where it is, as a part of the picture's height */
export const heightOf = (step, count) => BOTTOM - (step / (count - 1)) * (BOTTOM - TOP);

/** Heights as steps of a scale. */
export class Ladder {
  /** @type {number | null} */
  #at = null;

  /**
   * @param {number} height as a part of the picture's, 0 at the top
   * @param {number} count of steps
   * @returns {number} in 0…count - 1
   */
  step(height, count) {
    const exact = ((BOTTOM - height) / (BOTTOM - TOP)) * (count - 1);
    if (this.#at === null || this.#at >= count || Math.abs(exact - this.#at) > HOLD) this.#at = Math.min(Math.max(Math.round(exact), 0), count - 1);
    return this.#at;
  }

  reset() {
    this.#at = null;
  }
}
