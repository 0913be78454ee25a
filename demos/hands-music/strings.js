/** What is seen of the music: a string for each note, a field for each chord, a glow about each hand, and notes that rise. */

import { heightOf, nameOf } from "./scale.js";

/** @typedef {import("../shell/shell.js").View} View */
/** @typedef {{ x: number, y: number }} Place */
/** @typedef {{ step: number, loudness: number, place: Place, color: string }} Player what a hand does, and where that is on the canvas */

/** Seconds that strings swing and notes rise. */
const SWING = 0.9;
const RISE = 1.6;

/** @param {number} step @param {number} count @param {number} [light] percent */
const colorOf = (step, count, light = 66) => `hsl(${Math.round(20 + (300 * step) / count)} 90% ${light}%)`;

export class Strings {
  /** Seconds at which each string was struck last. @type {Map<number, number>} */
  #struck = new Map();
  /** @type {{ x: number, y: number, at: number, color: string }[]} */
  #notes = [];
  /** @type {number | null} */
  #last = null;

  /**
   * @param {View} view
   * @param {{ notes: number[], chords: import("./scale.js").Chord[], melody: Player | null, chord: Player | null, now: number }} music `now` in seconds
   */
  draw({ context, canvas, mirrored }, { notes, chords, melody, chord, now }) {
    const { width, height } = canvas;
    const size = Math.max(11, height / 32);
    const sounding = melody && melody.loudness > 0 ? melody : null;
    if (sounding && sounding.step !== this.#last) {
      this.#struck.set(sounding.step, now);
      this.#notes = [...this.#notes.slice(-20), { ...sounding.place, at: now, color: colorOf(sounding.step, notes.length) }];
    }
    this.#last = sounding && sounding.step;
    context.save();
    context.fillStyle = "rgb(12 8 24 / 0.5)";
    context.fillRect(0, 0, width, height);
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.lineCap = "round";
    this.#drawChords(context, chords, chord, mirrored, size);
    notes.forEach((note, step) => {
      const y = height * heightOf(step, notes.length);
      const swing = Math.max(0, 1 - (now - (this.#struck.get(step) ?? -SWING)) / SWING);
      const isHeld = sounding?.step === step;
      context.strokeStyle = context.fillStyle = colorOf(step, notes.length, isHeld ? 78 : 62);
      context.globalAlpha = isHeld ? 1 : 0.35 + 0.5 * swing;
      context.lineWidth = (isHeld ? 3 : 1.4) * (size / 15);
      drawString(context, width, y, swing * size * 0.5, now * 34 + step);
      context.textAlign = mirrored ? "right" : "left";
      context.fillText(nameOf(note), mirrored ? width - size * 0.5 : size * 0.5, y - size * 0.7);
    });
    for (const player of [melody, chord]) if (player && player.loudness > 0) drawGlow(context, player, height);
    this.#drawNotes(context, size, now);
    context.restore();
  }

  /**
   * On the side of the left hand.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./scale.js").Chord[]} chords
   * @param {Player | null} chord
   * @param {boolean} mirrored
   * @param {number} size
   */
  #drawChords(context, chords, chord, mirrored, size) {
    const { width, height } = context.canvas;
    const tall = height * (heightOf(0, chords.length) - heightOf(1, chords.length));
    chords.forEach(({ name }, step) => {
      const isHeld = chord !== null && chord.loudness > 0 && chord.step === step;
      const y = height * heightOf(step, chords.length);
      const x = mirrored ? size * 0.4 : width - size * 4.4;
      context.globalAlpha = isHeld ? 0.85 : 0.28;
      context.fillStyle = isHeld ? "#ffb45e" : "#ffffff";
      context.beginPath();
      context.roundRect(x, y - tall * 0.44, size * 4, tall * 0.88, size * 0.5);
      context.fill();
      context.globalAlpha = 1;
      context.fillStyle = isHeld ? "#2a1404" : "#ffffff";
      context.textAlign = "center";
      context.fillText(name, x + size * 2, y);
    });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} size
   * @param {number} now
   */
  #drawNotes(context, size, now) {
    this.#notes = this.#notes.filter(({ at }) => now - at < RISE);
    context.textAlign = "center";
    for (const { x, y, at, color } of this.#notes) {
      const age = (now - at) / RISE;
      context.globalAlpha = 1 - age;
      context.fillStyle = color;
      context.font = `${size * (1.6 + age)}px system-ui, sans-serif`;
      context.fillText("♪", x + Math.sin(age * 7) * size, y - size * (2 + 7 * age));
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} y
 * @param {number} swing pixels
 * @param {number} phase
 */
function drawString(context, width, y, swing, phase) {
  context.beginPath();
  context.moveTo(0, y);
  const parts = swing > 0.3 ? 48 : 1;
  for (let k = 1; k <= parts; k += 1) context.lineTo((width * k) / parts, y + swing * Math.sin((Math.PI * 3 * k) / parts) * Math.sin(phase));
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Player} player
 * @param {number} height
 */
function drawGlow(context, { place, loudness, color }, height) {
  const radius = height * (0.06 + 0.14 * loudness);
  const glow = context.createRadialGradient(place.x, place.y, 0, place.x, place.y, radius);
  glow.addColorStop(0, color);
  glow.addColorStop(1, "transparent");
  context.globalAlpha = 0.65;
  context.fillStyle = glow;
  context.beginPath();
  context.arc(place.x, place.y, radius, 0, 2 * Math.PI);
  context.fill();
}
