/** The sample: two drawn hands that play. */

import { drawnSource, readPicture } from "../shell/sources.js";

/** @typedef {import("../shell/sources.js").Source} Source */

/** Of each picture in the file: from open to a pinch in the first row, from open to a fist in the second. */
const SIZE = { width: 240, height: 320 };
const STEPS = 4;
const MIDDLE = { x: 118, y: 165 };

const WIDTH = 640;
const HEIGHT = 480;
/** Seconds between two beats. */
const BEAT = 0.9;

/** Where the hand of the melody goes from beat to beat, as parts of the height; and whether it becomes a pinch or a fist at the end of each four. */
const MELODY = [0.72, 0.6, 0.47, 0.6, 0.4, 0.53, 0.66, 0.79];
/** Where that of the chords stays for four beats. */
const CHORDS = [0.8, 0.6, 0.4, 0.68];

/**
 * @param {Blob} file
 * @param {boolean} isStill one picture of it
 * @returns {Promise<Source>}
 */
export async function handsFilm(file, isStill) {
  const atlas = await readPicture(file);
  return drawnSource("the sample", { width: WIDTH, height: HEIGHT }, (context, seconds) => drawHands(context, atlas, isStill ? 0.2 : seconds), { isFilm: !isStill, isMirrored: true, stop: () => atlas.close() });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} atlas
 * @param {number} seconds
 */
function drawHands(context, atlas, seconds) {
  const sky = context.createLinearGradient(0, 0, WIDTH, HEIGHT);
  sky.addColorStop(0, "#465a6e");
  sky.addColorStop(1, "#6e5f6e");
  context.fillStyle = sky;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const beat = seconds / BEAT;
  const rest = beat % 4; // the last of four beats ends in a pinch or a fist
  const closed = rest < 3 ? 0 : Math.min(1, 1.5 * Math.sin((rest - 3) * Math.PI));
  drawHand(context, atlas, { x: 170, y: HEIGHT * glided(MELODY, beat, 0.35), isRight: true, row: Math.floor(beat / 4) % 2, step: Math.round(closed * (STEPS - 1)) });
  drawHand(context, atlas, { x: 470, y: HEIGHT * glided(CHORDS, beat / 4, 0.1), isRight: false, row: 0, step: 0 });
}

/**
 * @param {number[]} places that follow one another again and again
 * @param {number} at
 * @param {number} share of the time that is spent on the way
 */
function glided(places, at, share) {
  const [from, to] = [0, 1].map((next) => places[(Math.floor(at) + next) % places.length]);
  const way = Math.max(0, ((at % 1) - 1 + share) / share);
  return from + (to - from) * way * way * (3 - 2 * way);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} atlas
 * @param {{ x: number, y: number, isRight: boolean, row: number, step: number }} hand its middle; the pictures are of left ones
 */
function drawHand(context, atlas, { x, y, isRight, row, step }) {
  const { width, height } = SIZE;
  const [left, top] = [step * width, row * height];
  context.save();
  context.translate(x, y);
  if (isRight) context.scale(-1, 1);
  context.translate(-MIDDLE.x, -MIDDLE.y);
  context.drawImage(atlas, left, top + height - 2, width, 1, 0, height - 3, width, HEIGHT); // the forearm goes on to the picture's edge
  context.drawImage(atlas, left, top, width, height - 2, 0, 0, width, height - 2);
  context.restore();
}
