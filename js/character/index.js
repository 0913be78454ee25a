/** The public names of `webkiln.character`: a stage with a character that takes the poses of `webkiln.avatar`. */

export { boneOf } from "./bone_names.js";
export { Stage } from "./stage.js";
