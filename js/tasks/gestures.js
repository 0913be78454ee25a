/** What a hand does, from its 21 points: what `webkiln.tasks.gestures` says. Angles are in degrees, lengths relative to the hand's. */

/** @typedef {import("../results/keypoints.js").Point} Point */
/** @typedef {"open_palm" | "fist" | "thumb_up" | "thumb_down" | "pointing_up" | "victory" | "pinch" | "none"} GestureName */
/** @typedef {{ name: GestureName, score: number }} Gesture */
/** @typedef {[number, number, number]} Vector */

export const WRIST = 0;

/** The first of the four points of a finger; the fourth is its tip. */
const THUMB = 1;
export const INDEX = 5;
export const MIDDLE = 9;
export const RING = 13;
const PINKY = 17;
const FINGERS = [INDEX, MIDDLE, RING, PINKY];

/** Directions in the picture. @type {Vector} */
const UP = [0, -1, 0];
/** @type {Vector} */
const DOWN = [0, 1, 0];

/** What is less sure than this is no gesture. */
const SURE = 0.5;

/**
 * @param {readonly Point[]} world of a hand, in metres, turned as the picture is
 * @returns {{ gesture: Gesture, pinch: number }} `pinch`: the distance between the tips of the thumb and the index finger, relative to that between the
 *   wrist and the knuckle of the middle finger
 */
export function readGesture(world) {
  const points = world.map(({ x, y, z = 0 }) => /** @type {Vector} */ ([x, y, z]));
  const between = (/** @type {number} */ from, /** @type {number} */ to) => minus(points[to], points[from]);
  const pinch = length(between(INDEX + 3, THUMB + 3)) / Math.max(length(between(WRIST, MIDDLE)), 1e-6);
  const bends = FINGERS.map((finger) => bend(points, finger));
  const straight = bends.map((angle) => grows(angle, 130, 70));
  const curled = bends.map((angle) => grows(angle, 110, 160));
  const out = grows(thumbReach(points), 0.1, 0.4);
  const [thumb, index, middle] = [between(THUMB + 1, THUMB + 3), between(INDEX, INDEX + 3), between(MIDDLE, MIDDLE + 3)];
  /** @type {[GestureName, number][]} a gesture is as sure as the least of its conditions */
  const sure = [
    ["open_palm", Math.min(...straight, out)],
    ["fist", Math.min(...curled, 1 - out)],
    ["thumb_up", Math.min(...curled, out, pointsTo(thumb, UP))],
    ["thumb_down", Math.min(...curled, out, pointsTo(thumb, DOWN))],
    ["pointing_up", Math.min(straight[0], ...curled.slice(1), pointsTo(index, UP))],
    ["victory", Math.min(...straight.slice(0, 2), ...curled.slice(2), grows(angleBetween(index, middle), 4, 12))],
    ["pinch", Math.min(grows(pinch, 0.45, 0.25), 1 - curled[0])],
  ];
  const [name, score] = sure.reduce((best, one) => (one[1] > best[1] ? one : best));
  return { gesture: score >= SURE ? { name, score } : { name: "none", score: 1 - score }, pinch };
}

/**
 * @param {readonly Vector[]} points
 * @param {number} finger
 * @returns {number} by how much it is bent from the wrist to its tip: the sum of its three joints' angles
 */
function bend(points, finger) {
  const chain = [WRIST, finger, finger + 1, finger + 2, finger + 3].map((k) => points[k]);
  const bones = chain.slice(1).map((point, k) => minus(point, chain[k]));
  return bones.slice(1).reduce((sum, bone, k) => sum + angleBetween(bones[k], bone), 0);
}

/**
 * @param {readonly Vector[]} points
 * @returns {number} 1 when the thumb points away from the hand, negative when it lies across the palm
 */
function thumbReach(points) {
  const [knuckle, joint, tip] = points.slice(THUMB + 1, THUMB + 4);
  const farther = length(minus(tip, points[PINKY])) - length(minus(knuckle, points[PINKY]));
  return farther / Math.max(length(minus(joint, knuckle)) + length(minus(tip, joint)), 1e-6);
}

/** @param {Vector} one @param {Vector} other @returns {number} in 0…180 */
function angleBetween([a, b, c], [x, y, z]) {
  return (Math.atan2(length([b * z - c * y, c * x - a * z, a * y - b * x]), a * x + b * y + c * z) * 180) / Math.PI;
}

/** @param {Vector} direction @param {Vector} wanted */
function pointsTo(direction, wanted) {
  return grows(angleBetween(direction, wanted), 60, 30);
}

/** @param {number} value @param {number} none @param {number} all @returns {number} 0 at `none`, 1 at `all`, evenly between them */
function grows(value, none, all) {
  return Math.min(Math.max((value - none) / (all - none), 0), 1);
}

/** @param {Vector} one @param {Vector} other @returns {Vector} */
function minus(one, other) {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}

/** @param {Vector} vector */
function length([x, y, z]) {
  return Math.sqrt(x * x + y * y + z * z);
}
