/** Unit quaternions [x, y, z, w] and vectors [x, y, z], as `webkiln.tasks.avatar.rotations` has them. `compose(a, b)` turns by b first, then by a. */

/** @typedef {number[]} Vector */
/** @typedef {number[]} Quaternion */

/** @type {Quaternion} */
export const IDENTITY = [0, 0, 0, 1];
/** @type {Vector[]} */
export const AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
const TINY = 1e-6; // shorter vectors have no direction

export const dot = (/** @type {Vector} */ a, /** @type {Vector} */ b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const scale = (/** @type {Vector} */ a, /** @type {number} */ by) => [a[0] * by, a[1] * by, a[2] * by];
export const plus = (/** @type {Vector} */ a, /** @type {Vector} */ b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const minus = (/** @type {Vector} */ a, /** @type {Vector} */ b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const cross = (/** @type {Vector} */ a, /** @type {Vector} */ b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const lengthOf = (/** @type {Vector} */ a) => Math.sqrt(dot(a, a));

/**
 * @param {Vector} vector
 * @returns {Vector | null} of length 1; null where there is none
 */
export function direction(vector) {
  const length = lengthOf(vector);
  return length > TINY ? scale(vector, 1 / length) : null;
}

/**
 * @param {Quaternion} a
 * @param {Quaternion} b
 * @returns {Quaternion}
 */
export function compose(a, b) {
  return [...plus(plus(scale(b, a[3]), scale(a, b[3])), cross(a, b)), a[3] * b[3] - dot(a, b)];
}

export const inverse = (/** @type {Quaternion} */ q) => [-q[0], -q[1], -q[2], q[3]];

/**
 * @param {Quaternion} q
 * @param {Vector} vector
 * @returns {Vector} the vector, turned by q
 */
export function turn(q, vector) {
  const twice = scale(cross(q, vector), 2);
  return plus(plus(vector, scale(twice, q[3])), cross(q, twice));
}

/** The same turn as a mirror shows it that swaps left (+x) and right. */
export const mirror = (/** @type {Quaternion} */ q) => [q[0], -q[1], -q[2], q[3]];

/**
 * @param {Vector} vector its direction is the axis, its length the angle in radians
 * @returns {Quaternion}
 */
export function fromVector(vector) {
  const angle = lengthOf(vector);
  return [...scale(vector, angle > 1e-9 ? Math.sin(angle / 2) / angle : 0.5), Math.cos(angle / 2)];
}

/**
 * @param {Quaternion} q
 * @returns {Vector} the rotation vector, no longer than π
 */
export function toVector(q) {
  const sign = q[3] < 0 ? -1 : 1;
  const sine = lengthOf(q);
  return scale(q, sign * (sine > 1e-9 ? (2 * Math.atan2(sine, sign * q[3])) / sine : 2));
}

/**
 * The shortest way from one direction to another.
 * @param {Vector} a
 * @param {Vector} b
 * @returns {Quaternion | null} null where they are opposite, and every way is as short
 */
export function between(a, b) {
  const w = 1 + dot(a, b);
  return w < TINY ? null : unit([...cross(a, b), w]);
}

/**
 * The turn that brings the axes to these three, which are perpendicular to each other (Shepperd, 1978).
 * @param {Vector} x
 * @param {Vector} y
 * @param {Vector} z
 * @returns {Quaternion}
 */
export function fromAxes(x, y, z) {
  const trace = x[0] + y[1] + z[2];
  const four = [x[0], y[1], z[2], trace];
  const most = four.indexOf(Math.max(...four));
  if (most === 3) return unit([y[2] - z[1], z[0] - x[2], x[1] - y[0], 1 + trace]);
  if (most === 0) return unit([1 + 2 * x[0] - trace, x[1] + y[0], z[0] + x[2], y[2] - z[1]]);
  if (most === 1) return unit([x[1] + y[0], 1 + 2 * y[1] - trace, y[2] + z[1], z[0] - x[2]]);
  return unit([z[0] + x[2], y[2] + z[1], 1 + 2 * z[2] - trace, x[1] - y[0]]);
}

/** @param {Quaternion} q */
function unit(q) {
  const length = Math.sqrt(dot(q, q) + q[3] * q[3]);
  return q.map((value) => value / length);
}

/**
 * @param {Quaternion} a
 * @param {Quaternion} b
 * @param {number} part
 * @returns {Quaternion} the turn that lies this part of the shorter way from a to b
 */
export function slerp(a, b, part) {
  return compose(a, fromVector(scale(toVector(compose(inverse(a), b)), part)));
}

/**
 * @param {Quaternion} q
 * @param {number} axis
 * @returns {Quaternion} the part of q that turns about an axis: q is a swing after it, or another swing before it
 */
export function twistOf(q, axis) {
  const length = Math.hypot(q[axis], q[3]);
  if (length < TINY) return IDENTITY;
  return [...scale(AXES[axis], q[axis] / length), q[3] / length];
}
