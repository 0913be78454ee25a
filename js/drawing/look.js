/** How things are placed and how they look: sizes follow the canvas, so that a drawing reads the same at any. */

/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */
/** @typedef {{ x: number, y: number }} Place */
/**
 * What every drawing takes.
 * @typedef {object} Placing
 * @property {{ width: number, height: number }} [picture] in whose pixels the coordinates are (a task's result says so); by default those of the canvas
 * @property {boolean} [mirrored] left and right are exchanged, as a mirror shows people
 */

/** Colours of sides are those of the person, whether mirrored or not. */
export const COLORS = { left: "#ff7a3d", right: "#35a7ff", centre: "#3ddc97", line: "#ffffff", shade: "rgb(0 0 0 / 0.4)" };

/** For things that are told apart by their number. */
export const PALETTE = ["#ff7a3d", "#35a7ff", "#3ddc97", "#ffd166", "#c792ff", "#ff6b9a", "#5ee7df", "#b8e986"];

/** Below this the models take a point to be hidden. */
export const VISIBLE = 0.5;
export const FAINT = 0.25;

/**
 * @param {Context} context
 * @param {Placing} placing
 */
export function placement({ canvas }, { picture = canvas, mirrored = false }) {
  const [byX, byY] = [canvas.width / picture.width, canvas.height / picture.height];
  return {
    byX,
    byY,
    /** A hundredth of the longer side. */
    unit: Math.max(canvas.width, canvas.height) / 100,
    /**
     * @param {Place} place in pixels of the picture
     * @returns {Place} of the canvas
     */
    at: ({ x, y }) => ({ x: mirrored ? canvas.width - x * byX : x * byX, y: y * byY }),
  };
}

/**
 * @param {string | undefined} name of a point, as published skeletons have it: "left_wrist"
 * @returns {"left" | "right" | "centre"}
 */
export function sideOf(name = "") {
  const [side] = /(?<=^|_)(left|right)(?=_|$)/.exec(name) ?? ["centre"];
  return /** @type {"left" | "right" | "centre"} */ (side);
}

/** @param {{ visibility?: number, score?: number }} point */
export const isFaint = ({ visibility, score }) => (visibility ?? score ?? 1) < VISIBLE;

/**
 * Draws with a state of its own.
 * @param {Context} context
 * @param {() => void} draw
 */
export function apart(context, draw) {
  context.save();
  context.lineCap = context.lineJoin = "round";
  draw();
  context.restore();
}
