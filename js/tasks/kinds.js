/** The tasks, by name. */

import { pose } from "./pose.js";

/** @type {Record<string, import("./engine.js").Kind>} */
export const KINDS = { pose };
