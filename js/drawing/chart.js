/** Probabilities over time. */

import { PALETTE, apart } from "./look.js";

/** @typedef {import("./look.js").Context} Context */
/** @typedef {{ name: string, samples: readonly { timestamp: number, value: number }[], color?: string }} Series `timestamp` in milliseconds, which grows; `value` in 0…1 */

/**
 * A line for each series over the whole canvas, the latest sample at the right, with a name for each.
 * @param {Context} context
 * @param {readonly Series[]} series
 * @param {{ seconds?: number, threshold?: number, spans?: readonly { start: number, end: number }[], ink?: string }} [options] `seconds` that are shown; `threshold` is drawn as a dashed line; `spans` of time, in milliseconds, are shaded; `ink` of the axes and names, by default the canvas's text colour
 */
export function chart(context, series, { seconds = 10, threshold, spans = [], ink } = {}) {
  const { canvas } = context;
  const size = Math.max(11, Math.min(canvas.height / 18, canvas.width / 28));
  const [left, right, top, bottom] = [size * 3.2, canvas.width - size, size, canvas.height - size];
  const now = Math.max(...series.flatMap(({ samples }) => samples.at(-1)?.timestamp ?? []), 0);
  const x = (/** @type {number} */ timestamp) => right - ((now - timestamp) / (1000 * seconds)) * (right - left);
  const y = (/** @type {number} */ value) => bottom - Math.min(Math.max(value, 0), 1) * (bottom - top);
  apart(context, () => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.font = `${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.fillStyle = context.strokeStyle = ink ?? (typeof HTMLCanvasElement === "function" && canvas instanceof HTMLCanvasElement ? getComputedStyle(canvas).color : "#333");
    context.globalAlpha = 0.12;
    for (const { start, end } of spans) {
      const [from, to] = [Math.max(x(start), left), Math.min(x(end), right)];
      if (to > from) context.fillRect(from, top, to - from, bottom - top);
    }
    for (const value of [0, 0.5, 1]) {
      context.globalAlpha = 0.25;
      line(context, [[left, y(value)], [right, y(value)]], 1);
      context.globalAlpha = 0.8;
      context.fillText(`${100 * value} %`, 0, y(value));
    }
    if (threshold !== undefined) {
      context.setLineDash([size / 2, size / 2]);
      line(context, [[left, y(threshold)], [right, y(threshold)]], 1.5);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
    let at = left + size / 2;
    series.forEach(({ name, samples, color }, k) => {
      const shown = samples.filter(({ timestamp }) => timestamp >= now - 1000 * seconds);
      const places = shown.map(({ timestamp, value }) => /** @type {[number, number]} */ ([x(timestamp), y(value)]));
      context.fillStyle = context.strokeStyle = color ?? PALETTE[k % PALETTE.length];
      line(context, places, Math.max(2, canvas.height / 90));
      if (places.length) {
        context.globalAlpha = 0.18;
        context.beginPath();
        for (const place of [[places[0][0], bottom], ...places, [places[places.length - 1][0], bottom]]) context.lineTo(place[0], place[1]);
        context.fill();
        context.globalAlpha = 1;
      }
      context.fillText(name, at, top + size * 0.9);
      at += context.measureText(name).width + size;
    });
  });
}

/**
 * @param {Context} context
 * @param {[number, number][]} places
 * @param {number} width
 */
function line(context, places, width) {
  context.lineWidth = width;
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.stroke();
}
