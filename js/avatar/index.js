/** The public names of `webkiln.avatar`: from bodies, hands and faces to the bones of a humanoid. */

export { Avatar } from "./follow.js";
export { BONES, LIMITS, PARENTS, REST } from "./humanoid.js";
/** @typedef {import("./follow.js").AvatarOptions} AvatarOptions */
/** @typedef {import("./follow.js").AvatarPose} AvatarPose */
/** @typedef {import("./follow.js").Seen} Seen */
