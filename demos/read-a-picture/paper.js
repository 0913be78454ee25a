/** The sample: a receipt that turns slowly on a table. */

import { drawnSource } from "../shell/sources.js";

const SIZE = { width: 560, height: 400 };

/** The largest angle, in radians. */
const SWING = 0.12;

/** @type {[string, number, number, string][]} text, its place on the paper, and its font */
const LINES = [
  ["CORNER BAKERY", 24, 52, "bold 30px Arial, sans-serif"],
  ["Two loaves of bread", 24, 112, "22px Arial, sans-serif"],
  ["7.80", 300, 112, "22px Arial, sans-serif"],
  ["Coffee", 24, 150, "22px Arial, sans-serif"],
  ["2.50", 300, 150, "22px Arial, sans-serif"],
  ["Total", 24, 208, "bold 24px Arial, sans-serif"],
  ["10.30", 288, 208, "bold 24px Arial, sans-serif"],
  ["Thank you, come again!", 24, 264, "22px Arial, sans-serif"],
];

/**
 * @param {boolean} isStill
 * @returns {import("../shell/sources.js").Source}
 */
export function paperSource(isStill) {
  return drawnSource("the sample", SIZE, (context, seconds) => drawPaper(context, isStill ? SWING / 2 : SWING * Math.sin(seconds / 2)), { isFilm: !isStill });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} angle radians, clockwise
 */
function drawPaper(context, angle) {
  context.fillStyle = "#5b4636";
  context.fillRect(0, 0, SIZE.width, SIZE.height);
  context.save();
  context.translate(SIZE.width / 2, SIZE.height / 2);
  context.rotate(angle);
  context.translate(-190, -150);
  context.fillStyle = "#fdfbf5";
  context.fillRect(0, 0, 380, 300);
  context.fillStyle = "#26221e";
  for (const [text, x, y, font] of LINES) {
    context.font = font;
    context.fillText(text, x, y);
  }
  context.restore();
}
