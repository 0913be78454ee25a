/** The public names of `webkiln.tasks`. */

import { openTask } from "./open.js";

/** @typedef {import("./open.js").TaskOptions} TaskOptions */
/** @typedef {import("./pose.js").PoseResult} PoseResult */
/** @typedef {import("./pose.js").Person} Person */
/** @template Result @typedef {import("./task.js").Task<Result>} Task */

/**
 * Bodies: 33 points each, in the picture and in metres. Models: `detector` (pose_detection), `landmarks` (pose_landmark_lite or pose_landmark_full).
 * @param {TaskOptions & { numPeople?: number, masks?: boolean }} options
 * @returns {Promise<Task<PoseResult>>}
 */
export const pose = (options) => openTask("pose", options);
