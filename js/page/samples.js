/** Samples for models that came without one: a drawn picture, a sound of two tones. */

/**
 * A landscape: edges, areas and colours enough for a model to have something to look at.
 * @returns {HTMLCanvasElement}
 */
export function drawnPicture(width = 640, height = 480) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#7db9e8");
  sky.addColorStop(1, "#fde7c9");
  fill(context, sky, [[0, 0], [width, 0], [width, height], [0, height]]);
  context.fillStyle = "#ffd54a";
  context.beginPath();
  context.arc(width * 0.76, height * 0.24, height * 0.09, 0, 2 * Math.PI);
  context.fill();
  fill(context, "#8a9bb5", [[0, height * 0.7], [width * 0.28, height * 0.3], [width * 0.56, height * 0.7]]);
  fill(context, "#6c7f9d", [[width * 0.3, height * 0.7], [width * 0.62, height * 0.38], [width, height * 0.72]]);
  fill(context, "#5d8a4b", [[0, height * 0.68], [width, height * 0.72], [width, height], [0, height]]);
  fill(context, "#c9653f", [[width * 0.42, height * 0.66], [width * 0.62, height * 0.66], [width * 0.62, height * 0.86], [width * 0.42, height * 0.86]]);
  fill(context, "#7b3322", [[width * 0.39, height * 0.66], [width * 0.52, height * 0.54], [width * 0.65, height * 0.66]]);
  fill(context, "#3f2a20", [[width * 0.49, height * 0.74], [width * 0.55, height * 0.74], [width * 0.55, height * 0.86], [width * 0.49, height * 0.86]]);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string | CanvasGradient} colour
 * @param {number[][]} corners
 */
function fill(context, colour, corners) {
  context.fillStyle = colour;
  context.beginPath();
  for (const [x, y] of corners) context.lineTo(x, y);
  context.fill();
}

/**
 * Silence, a chord that swells and fades, silence.
 * @param {number} rate samples a second
 * @returns {Float32Array<ArrayBuffer>}
 */
export function tones(rate, seconds = 3) {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, k) => {
    const time = k / rate;
    const swell = Math.max(0, Math.sin(Math.PI * (time / seconds) * 1.5 - Math.PI / 4)) ** 2;
    return 0.35 * swell * (Math.sin(2 * Math.PI * 220 * time) + Math.sin(2 * Math.PI * 330 * time) / 2);
  });
}
