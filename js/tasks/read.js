/** Text in pictures: what `webkiln.tasks.Read` says. */

import { InputError } from "../errors.js";
import { NetworkSpec } from "./network.js";
import { readingOrder } from "./reading_order.js";
import { findLines } from "./text_lines.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./network.js").Network} Network */
/** @typedef {import("./regions.js").Region} Region */
/**
 * @typedef {object} TextLine
 * @property {string} text
 * @property {number} score the mean of its characters
 * @property {Region} region in which the text is upright, in pixels of the picture
 * @property {{ x: number, y: number }[]} corners of the region: the upper left one of the text, and on clockwise
 */
/** @typedef {{ timestamp: number | null, width: number, height: number, lines: TextLine[], text: string, milliseconds: Record<string, number> }} ReadResult lines in reading order, and all of them as one text */

/** Width and height of the detector's input are multiples of it. */
const DETECTOR_STEP = 32;

/** Of the recognizer's input. */
const LINE_HEIGHT = 48;

/** Widths of the recognizer's input are multiples of the first, from `WIDE` on of the second, so that few plans are made. */
const LINE_STEP = 32;
const WIDE_LINE_STEP = 64;
const WIDE = 640;

/** The recognizer's input is at most as wide; longer lines are squeezed. */
const LONGEST = 3200;

/** Proportions of the orientation's input. It sees at most as much of a line, from its middle: of a longer one that is squeezed it is often wrong. */
const SQUARES = 4;

/** A line whose score for it is above this is turned. */
const UPSIDE_DOWN = 0.9;

/** @type {import("./engine.js").Kind} */
export const read = {
  options: { limit: 960, leastScore: 0.5 },
  networks: () => ({
    detector: new NetworkSpec("ppocr_detection", "the detector", ["mask"]),
    orientation: new NetworkSpec("ppocr_orientation", "the orientation", ["labels"]),
    recognizer: new NetworkSpec("ppocr_recognition", "the recognizer", ["text"]),
  }),
  create(networks, { limit, leastScore }) {
    if (!(limit >= DETECTOR_STEP)) throw new InputError(`limit is the side of the largest square that the detector sees, at least ${DETECTOR_STEP} pixels; got ${String(limit)}`);
    if (!(leastScore >= 0 && leastScore <= 1)) throw new InputError(`leastScore is a score in 0…1, got ${String(leastScore)}`);
    return {
      async detect(frame) {
        const { values, place } = (await networks.detector.see(frame, undefined, detectorSize(frame.width, frame.height, limit))).mask;
        const [height, width] = values.shape;
        /** @type {TextLine[]} */
        const lines = [];
        for (const region of findLines({ values, width, height }, place)) {
          const line = await readLine(frame, region, networks, leastScore);
          if (line) lines.push(line);
        }
        const rows = readingOrder(lines.map(({ region }) => region));
        return { lines: rows.flat().map((k) => lines[k]), text: rows.map((row) => row.map((k) => lines[k].text).join(" ")).join("\n") };
      },
      reset: () => undefined,
    };
  },
};

/**
 * @param {Frame} frame
 * @param {Region} found
 * @param {Record<string, Network>} networks
 * @param {number} leastScore
 * @returns {Promise<TextLine | null>} null when it is nothing, or not sure enough
 */
async function readLine(frame, found, { orientation, recognizer }, leastScore) {
  const middle = { ...found, width: Math.min(found.width, SQUARES * found.height) };
  const { label, score } = (await orientation.see(frame, middle)).labels[0];
  let region = label === "upside down" && score > UPSIDE_DOWN ? turned(found) : found;
  const readIn = async () => (await recognizer.see(frame, region, { width: lineWidth(region) })).text;
  let line = await readIn();
  if (line.score < leastScore && score <= UPSIDE_DOWN) { // it may be the other way up
    region = turned(region);
    line = await readIn();
  }
  const text = line.text.trim();
  return text && line.score >= leastScore ? { text, score: line.score, region, corners: cornersOf(region) } : null;
}

/**
 * @param {Region} region
 * @returns {Region} turned by half a circle
 */
function turned(region) {
  return { ...region, rotation: region.rotation + (region.rotation <= 0 ? Math.PI : -Math.PI) };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} limit
 * @returns {{ width: number, height: number }} a picture of this size, made so small that it has at most `limit` times `limit` pixels, and its sides rounded up to multiples of the step
 */
function detectorSize(width, height, limit) {
  const scale = Math.min(1, limit / Math.sqrt(width * height), (limit * limit) / (DETECTOR_STEP * Math.max(width, height)));
  const stepped = (/** @type {number} */ size) => DETECTOR_STEP * Math.ceil((size * scale) / DETECTOR_STEP);
  return { width: stepped(width), height: stepped(height) };
}

/**
 * @param {Region} region
 * @returns {number} the width that the recognizer's input has for it: its proportions, rounded up to a step
 */
function lineWidth({ width, height }) {
  const wanted = (LINE_HEIGHT * width) / height;
  const step = wanted <= WIDE ? LINE_STEP : WIDE_LINE_STEP;
  return Math.min(LONGEST, step * Math.ceil(wanted / step));
}

/**
 * @param {Region} region
 * @returns {{ x: number, y: number }[]} its own upper left corner, and on clockwise
 */
function cornersOf({ x, y, width, height, rotation }) {
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([right, down]) => {
    const [across, along] = [(right * width) / 2, (down * height) / 2];
    return { x: x + cos * across - sin * along, y: y + sin * across + cos * along };
  });
}
