/** The public names of `webkiln.drawing`: what tasks find, drawn on a canvas. */

export { boxes } from "./boxes.js";
export { chart } from "./chart.js";
export { COLORS as colors } from "./look.js";
export { mask } from "./masks.js";
export { landmarks, mesh, skeleton } from "./points.js";

/** @typedef {import("./look.js").Context} Context */
/** @typedef {import("./look.js").Placing} Placing */
