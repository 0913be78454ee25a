/**
 * The bones of a humanoid, as VRM 1.0 names them, how far each can turn, and how they hang at rest: as `webkiln.tasks.avatar.humanoid` has them.
 *
 * Rotations are relative to the T-pose: up is +y, the person looks along +z, the left arm points along +x, palms down, thumbs half forward. Where there are two
 * of a bone, numbers are of the left one.
 */

import { compose, fromVector, IDENTITY, mirror } from "./rotations.js";

/** @typedef {import("./rotations.js").Quaternion} Quaternion */
/** @typedef {[number, number]} Range degrees */
/** @typedef {[axis: number, ranges: [Range, Range, Range]]} Limit */

const FINGERS = ["Index", "Middle", "Ring", "Little"];

/** Of each finger from the hand on, without its side. */
export const FINGER_BONES = [
  ["ThumbMetacarpal", "ThumbProximal", "ThumbDistal"],
  ...FINGERS.map((finger) => [`${finger}Proximal`, `${finger}Intermediate`, `${finger}Distal`]),
];

/** @type {Record<string, string | null>} */
const TRUNK = { hips: null, spine: "hips", chest: "spine", neck: "chest", head: "neck" };
/** @type {Record<string, string>} */
const LIMBS = {
  Shoulder: "chest",
  UpperArm: "Shoulder",
  LowerArm: "UpperArm",
  Hand: "LowerArm",
  ...Object.fromEntries(FINGER_BONES.flatMap((chain) => chain.map((bone, k) => [bone, k ? chain[k - 1] : "Hand"]))),
  UpperLeg: "hips",
  LowerLeg: "UpperLeg",
  Foot: "LowerLeg",
};
const SIDES = ["left", "right"];

/** The parent of each bone; parents come first. @type {Record<string, string | null>} */
export const PARENTS = {
  ...TRUNK,
  ...Object.fromEntries(SIDES.flatMap((side) => Object.entries(LIMBS).map(([bone, parent]) => [side + bone, parent in TRUNK ? parent : side + parent]))),
};

export const BONES = Object.keys(PARENTS);

/** @type {Record<string, Limit>} */
const FINGER = {
  Proximal: [0, [[0, 0], [-25, 25], [-90, 45]]],
  Intermediate: [0, [[0, 0], [0, 0], [-100, 5]]],
  Distal: [0, [[0, 0], [0, 0], [-90, 10]]],
};

/**
 * How far bones turn: the axis along the bone (0 x, 1 y), about which it twists, and degrees about x, y and z: of the twist, and of the swing that follows it.
 * Where the numbers are from is said in `webkiln.tasks.avatar.humanoid`.
 * @type {Record<string, Limit>}
 */
export const LIMITS = {
  spine: [1, [[-15, 40], [-25, 25], [-20, 20]]],
  chest: [1, [[-15, 40], [-25, 25], [-20, 20]]],
  neck: [1, [[-25, 25], [-40, 40], [-25, 25]]],
  head: [1, [[-25, 25], [-40, 40], [-25, 25]]],
  UpperArm: [0, [[-135, 90], [-135, 60], [-120, 95]]],
  LowerArm: [0, [[-90, 90], [-150, 0], [-15, 15]]],
  Hand: [0, [[0, 0], [-20, 30], [-80, 70]]],
  UpperLeg: [1, [[-120, 30], [-45, 45], [-30, 50]]],
  LowerLeg: [1, [[0, 145], [-10, 10], [-5, 5]]],
  Foot: [1, [[-20, 50], [-20, 20], [-20, 35]]],
  ThumbMetacarpal: [0, [[-45, 45], [-45, 60], [-60, 45]]],
  ThumbProximal: [0, [[-30, 30], [-60, 60], [-60, 30]]],
  ThumbDistal: [0, [[-30, 30], [-80, 80], [-80, 30]]],
  ...Object.fromEntries(FINGERS.flatMap((finger) => Object.entries(FINGER).map(([part, limit]) => [finger + part, limit]))),
};

const degrees = (/** @type {number[]} */ ...angles) => fromVector(angles.map((angle) => (angle * Math.PI) / 180));

/** @type {Record<string, Quaternion>} */
const HANGING = { UpperArm: compose(degrees(0, 0, -72), degrees(0, -8, 0)), LowerArm: degrees(0, -14, 0) };
for (const finger of FINGERS) [16, 24, 18].forEach((angle, k) => (HANGING[`${finger}${Object.keys(FINGER)[k]}`] = degrees(0, 0, -angle)));

/** The pose of someone who just stands there: arms hang down, fingers are a little bent. @type {Record<string, Quaternion>} */
export const REST = {
  ...Object.fromEntries(BONES.map((bone) => [bone, IDENTITY])),
  ...Object.fromEntries(Object.entries(HANGING).flatMap(([bone, q]) => [[`left${bone}`, q], [`right${bone}`, mirror(q)]])),
};
