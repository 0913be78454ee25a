/** Points, and the lines between them. */

import { COLORS, FAINT, apart, isFaint, placement, sideOf } from "./look.js";

/** @typedef {import("./look.js").Context} Context */
/** @typedef {import("./look.js").Placing} Placing */
/** @typedef {{ x: number, y: number, name?: string, visibility?: number, score?: number }} Point */
/** @typedef {readonly (readonly [number, number])[]} Lines pairs of points, by their numbers */

/** These points lie close together. */
const SMALL = /nose|eye|ear|mouth/;

/**
 * A dot for each point, in the colour of its side; faint where it is not visible.
 * @param {Context} context
 * @param {readonly Point[]} points
 * @param {Placing & { radius?: number, color?: string, outline?: string }} [options] `radius` in pixels of the canvas
 */
export function landmarks(context, points, { radius, color, outline = COLORS.line, ...placing } = {}) {
  const { at, unit } = placement(context, placing);
  apart(context, () => {
    context.strokeStyle = outline;
    for (const point of points) {
      const { x, y } = at(point);
      const size = radius ?? unit * (SMALL.test(point.name ?? "") ? 0.45 : 0.75);
      context.globalAlpha = isFaint(point) ? FAINT : 1;
      context.fillStyle = color ?? COLORS[sideOf(point.name)];
      context.lineWidth = size * 0.4;
      context.beginPath();
      context.arc(x, y, size, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  });
}

/**
 * Lines between points, each in the colour of its side, with a dark edge that shows it on any picture.
 * @param {Context} context
 * @param {readonly Point[]} points
 * @param {Lines} lines
 * @param {Placing & { lineWidth?: number, color?: string }} [options] `lineWidth` in pixels of the canvas
 */
export function skeleton(context, points, lines, { lineWidth, color, ...placing } = {}) {
  const { at, unit } = placement(context, placing);
  const width = lineWidth ?? unit * 0.7;
  apart(context, () => {
    for (const [edge, isEdge] of /** @type {const} */ ([[width * 1.8, true], [width, false]])) {
      context.lineWidth = edge;
      for (const [a, b] of lines) {
        const sides = [sideOf(points[a].name), sideOf(points[b].name)];
        context.strokeStyle = isEdge ? COLORS.shade : (color ?? (sides[0] === sides[1] && sides[0] !== "centre" ? COLORS[sides[0]] : COLORS.line));
        context.globalAlpha = isFaint(points[a]) || isFaint(points[b]) ? FAINT : 1;
        context.beginPath();
        for (const end of [a, b]) {
          const { x, y } = at(points[end]);
          context.lineTo(x, y);
        }
        context.stroke();
      }
    }
  });
}

/**
 * Many thin lines at once: the net over a face.
 * @param {Context} context
 * @param {readonly Point[]} points
 * @param {Lines} lines
 * @param {Placing & { lineWidth?: number, color?: string }} [options] `lineWidth` in pixels of the canvas
 */
export function mesh(context, points, lines, { lineWidth, color = "rgb(255 255 255 / 0.55)", ...placing } = {}) {
  const { at, unit } = placement(context, placing);
  const places = points.map(at);
  apart(context, () => {
    context.lineWidth = lineWidth ?? unit * 0.12;
    context.strokeStyle = color;
    context.beginPath();
    for (const [a, b] of lines) {
      context.moveTo(places[a].x, places[a].y);
      context.lineTo(places[b].x, places[b].y);
    }
    context.stroke();
  });
}
