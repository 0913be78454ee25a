/** Boxes around things, with what they are. */

import { COLORS, PALETTE, apart, placement } from "./look.js";

/** @typedef {import("./look.js").Context} Context */
/** @typedef {import("./look.js").Placing} Placing */
/** @typedef {{ x: number, y: number, width: number, height: number, rotation?: number }} Box its centre, its sides, and the angle it is turned by, clockwise in radians */
/** @typedef {{ box: Box, label?: string, score?: number, id?: number }} Thing */

/**
 * A box around each thing, turned as it is, with a tag of its label and score.
 * @param {Context} context
 * @param {readonly Thing[]} things
 * @param {Placing & { lineWidth?: number, color?: string, tags?: boolean }} [options] `lineWidth` in pixels of the canvas
 */
export function boxes(context, things, { lineWidth, color, tags = true, ...placing } = {}) {
  const { at, byX, byY, unit } = placement(context, placing);
  const width = lineWidth ?? Math.max(1, unit * 0.45);
  things.forEach(({ box, label, score, id }, k) => {
    const ink = color ?? PALETTE[(id ?? k) % PALETTE.length];
    apart(context, () => {
      const [cos, sin] = [Math.cos(box.rotation ?? 0), Math.sin(box.rotation ?? 0)];
      const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([across, down]) => {
        const [x, y] = [(across * box.width) / 2, (down * box.height) / 2];
        return at({ x: box.x + cos * x - sin * y, y: box.y + sin * x + cos * y });
      });
      context.beginPath();
      for (const { x, y } of corners) context.lineTo(x, y);
      context.closePath();
      context.lineWidth = width * 2;
      context.strokeStyle = COLORS.shade;
      context.stroke();
      context.lineWidth = width;
      context.strokeStyle = ink;
      context.stroke();
      const text = [label, score === undefined ? "" : `${Math.round(100 * score)} %`].filter(Boolean).join(" ");
      if (!tags || !text) return;
      const top = corners.reduce((one, other) => (other.y < one.y - 1 || (Math.abs(other.y - one.y) <= 1 && other.x < one.x) ? other : one));
      tag(context, text, top, { color: ink, size: Math.max(11, unit * 2.2) });
    });
  });
}

/**
 * A rounded label that stays inside of the canvas.
 * @param {Context} context
 * @param {string} text
 * @param {import("./look.js").Place} place of its lower left corner, in pixels of the canvas
 * @param {{ color: string, size: number }} look
 */
function tag(context, text, place, { color, size }) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  const [width, height] = [context.measureText(text).width + size, size * 1.5];
  const x = Math.max(0, Math.min(place.x, context.canvas.width - width));
  const y = Math.max(0, Math.min(place.y - height - size * 0.2, context.canvas.height - height));
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(x, y, width, height, size * 0.4);
  context.fill();
  context.fillStyle = "#111";
  context.textBaseline = "middle";
  context.fillText(text, x + size / 2, y + height / 2);
}
