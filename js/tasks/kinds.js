/** The tasks, by name. */

import { classify } from "./classification.js";
import { detect } from "./detection.js";
import { embed } from "./embedding.js";
import { face } from "./face.js";
import { hands } from "./hands.js";
import { pose } from "./pose.js";
import { read } from "./read.js";
import { segmentation } from "./segmentation.js";
import { vad } from "./vad.js";

/** @type {Record<string, import("./engine.js").Kind>} */
export const KINDS = { classify, detect, embed, face, hands, pose, read, segmentation, vad };
