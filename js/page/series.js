/** Shows what a model gave for one frame of sound after another. */

import { colourOf } from "./drawing.js";
import { make, shown } from "./elements.js";

const [WIDTH, HEIGHT] = [600, 140];
/** More numbers a frame than these make no readable lines. */
const MOST_LINES = 8;

/**
 * Whether all outputs of a frame are few numbers, which can be lines over time.
 * @param {Record<string, any>} outputs of a frame
 */
export function isSeries(outputs) {
  return Object.values(outputs).every(({ length }) => length <= MOST_LINES);
}

/**
 * @param {Record<string, any>[]} frames the outputs of each
 * @param {number} seconds from one frame to the next
 * @returns {HTMLElement[]} a part for each output
 */
export function showSeries(frames, seconds) {
  return Object.keys(frames[0]).map((name) => {
    const values = frames.map((outputs) => Array.from(outputs[name], Number));
    const all = values.flat().filter(Number.isFinite);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const peak = values.findIndex((numbers) => numbers.includes(high));
    const text = `${frames.length} frames, ${shown(low)} to ${shown(high)}, the largest at ${(peak * seconds).toFixed(2)} s`;
    const bottom = low >= 0 && high <= 1 ? 0 : low;
    const top = low >= 0 && high <= 1 ? 1 : high === low ? low + 1 : high;
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text, class: "chart", preserveAspectRatio: "none" })) picture.setAttribute(key, value);
    for (let line = 0; line < values[0].length; line++) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      const points = values.map((numbers, k) => `${((k / Math.max(1, values.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 3 - ((numbers[line] - bottom) / (top - bottom)) * (HEIGHT - 6)).toFixed(1)}`);
      path.setAttribute("points", points.join(" "));
      path.setAttribute("stroke", colourOf(line));
      picture.append(path);
    }
    return make("section", { class: "output" }, make("h3", {}, name), picture, make("p", { class: "hint" }, text));
  });
}
