/** What a face does, from the points of its mesh: what `webkiln.tasks.expressions` says. */

/** @typedef {import("../results/keypoints.js").Point} Point */
/** @typedef {[number, number, number]} Vector */
/**
 * @typedef {object} Expression
 * @property {{ yaw: number, pitch: number, roll: number }} rotation of a head that first nods by `pitch`, then turns by `yaw`, then tilts by `roll`, in radians:
 *   downward, to the person's left (the right of a picture that is not mirrored), towards the left shoulder (clockwise in the picture); all 0 for one that looks into the camera
 * @property {number} mouth height of what is open as a part of its width
 * @property {{ left: number, right: number }} eyes the same of each
 */

/** Points of the mesh, right and left as the person says: the outer and the inner corner of each eye, the middle of its upper and of its lower lid. */
export const EYES = { right: [33, 133], left: [263, 362] };
const LIDS = { right: [159, 145], left: [386, 374] };

/** Before the right and the left ear; the top of the forehead and the chin; corners of the inner lips; their middles. */
const SIDES = [234, 454];
const HEIGHT = [10, 152];
const MOUTH = [78, 308];
const LIPS = [13, 14];

/**
 * Lengths are measured in space, so that they stay when the head turns.
 * @param {Point[]} mesh
 * @returns {Expression}
 */
export function readExpression(mesh) {
  /** @type {(pair: number[]) => Vector} */
  const between = ([from, to]) => [mesh[to].x - mesh[from].x, mesh[to].y - mesh[from].y, (mesh[to].z ?? 0) - (mesh[from].z ?? 0)];
  const ratio = (/** @type {number[]} */ height, /** @type {number[]} */ width) => {
    const length = Math.hypot(...between(width));
    return length > 0 ? Math.hypot(...between(height)) / length : 0;
  };
  const across = between(SIDES);
  const inward = cross(across, between(HEIGHT));
  return {
    rotation: anglesOf(across, cross(inward, across), inward),
    mouth: ratio(LIPS, MOUTH),
    eyes: { left: ratio(LIDS.left, EYES.left), right: ratio(LIDS.right, EYES.right) },
  };
}

/**
 * @param {Vector} x
 * @param {Vector} y
 * @param {Vector} z
 * @returns {Expression["rotation"]} which takes the picture's axes (right, down, into it) to these, at right angles to each other, of any lengths
 */
function anglesOf(x, y, z) {
  return {
    yaw: Math.atan2(x[2], Math.hypot(x[0], x[1])),
    pitch: Math.atan2(y[2] / (Math.hypot(...y) || 1), z[2] / (Math.hypot(...z) || 1)),
    roll: Math.atan2(x[1], x[0]),
  };
}

/**
 * @param {Vector} a
 * @param {Vector} b
 * @returns {Vector}
 */
function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
