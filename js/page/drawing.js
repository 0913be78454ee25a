/** Draws what was found over the picture that it was found in. */

const HUE = [28, 205, 140, 275, 330, 55];
const SURE = 0.5;

/** @param {number} index */
export const colourOf = (index, alpha = 1) => `hsl(${HUE[index % HUE.length]} 85% 55% / ${alpha})`;

/**
 * A canvas that shows a picture, `factor` of its pixels to one of the picture's.
 * @typedef {{ canvas: HTMLCanvasElement, factor: number }} Surface
 */

/**
 * @param {Surface} surface
 * @param {{ points: any[], skeleton: [number, number][] }} keypoints
 */
export function drawKeypoints({ canvas, factor }, { points, skeleton }) {
  const context = contextOf(canvas, factor);
  const unit = unitOf(canvas, factor);
  const radius = unit * (points.length > 100 ? 0.6 : 2);
  context.lineWidth = unit;
  context.lineCap = "round";
  const isFaint = (/** @type {any} */ point) => (point.visibility ?? point.score ?? 1) < SURE;
  for (const [from, to] of skeleton) {
    const [a, b] = [points[from], points[to]];
    context.strokeStyle = `rgb(255 255 255 / ${isFaint(a) || isFaint(b) ? 0.3 : 0.9})`;
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.stroke();
  }
  for (const point of points) {
    const side = /left/i.test(point.name ?? "") ? 0 : /right/i.test(point.name ?? "") ? 1 : 2;
    context.fillStyle = colourOf(side, isFaint(point) ? 0.35 : 1);
    context.beginPath();
    context.arc(point.x, point.y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/**
 * @param {Surface} surface
 * @param {import("../results/boxes.js").Detection[]} found
 */
export function drawBoxes({ canvas, factor }, found) {
  const context = contextOf(canvas, factor);
  const unit = unitOf(canvas, factor);
  context.lineWidth = unit;
  context.font = `600 ${unit * 7}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  for (const { label, index, score, box, points } of found) {
    context.save();
    context.translate(box.x, box.y);
    context.rotate(box.rotation);
    context.strokeStyle = context.fillStyle = colourOf(index);
    context.strokeRect(-box.width / 2, -box.height / 2, box.width, box.height);
    const text = `${label} ${Math.round(score * 100)} %`;
    const width = context.measureText(text).width + unit * 3;
    context.fillRect(-box.width / 2, -box.height / 2 - unit * 9, width, unit * 9);
    context.fillStyle = "#111";
    context.fillText(text, -box.width / 2 + unit * 1.5, -box.height / 2 - unit);
    context.restore();
    context.fillStyle = colourOf(index);
    for (const { x, y } of points) {
      context.beginPath();
      context.arc(x, y, unit * 1.4, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/**
 * @param {Surface} surface
 * @param {import("../results/masks.js").Mask} mask
 */
export function drawMask({ canvas, factor }, { values, place: { a, b, c, d, e, f } }) {
  const [height, width] = values.shape;
  const pixels = new ImageData(width, height);
  for (let k = 0; k < values.length; k++) pixels.data.set([40, 130, 255, 120 * Math.min(1, Math.max(0, values[k]))], 4 * k);
  const small = document.createElement("canvas");
  Object.assign(small, { width, height });
  small.getContext("2d")?.putImageData(pixels, 0, 0);
  const context = contextOf(canvas, factor);
  context.transform(a, b, c, d, e, f);
  context.drawImage(small, 0, 0);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} factor
 */
function contextOf(canvas, factor) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(factor, 0, 0, factor, 0, 0);
  return context;
}

/**
 * A length that looks the same on every picture, in its pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} factor
 */
function unitOf(canvas, factor) {
  return Math.max(canvas.width, canvas.height) / factor / 320;
}
