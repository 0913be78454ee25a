/** Faces: what `webkiln.tasks.Face` says. */

import { InputError } from "../errors.js";
import { EYES, readExpression } from "./expressions.js";
import { Network, NetworkSpec } from "./network.js";
import { aroundPoints, LEVEL, square, turn } from "./regions.js";
import { described, Tracker } from "./tracking.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("../results/keypoints.js").Point} Point */
/** @typedef {import("../results/boxes.js").Detection} Detection */
/**
 * @typedef {object} FaceParts
 * @property {number} id stays the same from frame to frame
 * @property {number} score
 * @property {Region} box
 * @property {Point[]} landmarks in pixels of the picture: the 468 points of the mesh and, with the option `iris`, five of the right and five of the left iris,
 *   as the person says: centre, then four around it
 * @property {Point[]} normalized the same as parts of the picture's width and height
 */
/** @typedef {FaceParts & import("./expressions.js").Expression} FaceFound */
/** @typedef {{ timestamp: number | null, width: number, height: number, faces: FaceFound[], milliseconds: Record<string, number> }} FaceResult */

/** Of the region to the box of a face, and to the corners of an eye. */
const SCALE = 1.5;
const EYE_SCALE = 2.3;

/** Of the mesh: the outer corners of the eyes. */
const LINE = [33, 263];

/** Of the points around an eye the first ones are its contour. */
const CONTOUR = 16;

/** Points of an iris in the order that they have in a picture that is not mirrored. */
const IRIS_ORDER = { right: [0, 1, 2, 3, 4], left: [0, 3, 2, 1, 4] };
const PRESENT = 0.5;

/** @type {import("./engine.js").Kind} */
export const face = {
  counted: "numFaces",
  options: { iris: true },
  networks: ({ iris }) => ({
    detector: new NetworkSpec("face_detection_short_range", "the detector", ["boxes"]),
    landmarks: new NetworkSpec("face_landmark", "the landmarks", ["landmarks", "presence"]),
    ...(iris && { iris: new NetworkSpec("iris_landmark", "the irises", ["eye", "iris"]) }),
  }),
  create({ detector, landmarks, iris }, { most, smoothing }) {
    const tracker = new Tracker({ most, smoothing, find: (frame) => find(detector, frame), look: (frame, region) => look(landmarks, iris, frame, region) });
    return {
      async detect(frame, timestamp) {
        const followed = await tracker.follow(frame, timestamp);
        return { faces: followed.map((one) => ({ ...one, ...described(one.landmarks, frame), ...readExpression(one.landmarks) })) };
      },
      reset: () => tracker.reset(),
    };
  },
};

/**
 * @param {Network} detector
 * @param {Frame} frame
 * @returns {Promise<Region[]>}
 */
async function find(detector, frame) {
  const { boxes } = await detector.see(frame);
  return boxes.map(aroundFace);
}

/**
 * @param {Network} network
 * @param {Network | undefined} iris
 * @param {Frame} frame
 * @param {Region} region
 * @returns {Promise<import("./tracking.js").Look | null>}
 */
async function look(network, iris, frame, region) {
  const { landmarks: { points: mesh }, presence: [{ score }] } = await network.see(frame, region);
  if (!(score > PRESENT)) return null;
  const [start, end] = LINE.map((k) => mesh[k]);
  const next = square({ ...aroundPoints(mesh), rotation: turn(start, end, LEVEL) }, SCALE);
  return { thing: { score, landmarks: iris ? await withIrises(mesh, iris, frame) : mesh }, next };
}

/**
 * @param {Detection} found
 * @returns {Region} of the face: its eyes are level in it
 */
function aroundFace({ box, points }) {
  const named = Object.fromEntries(points.map((point) => [point.name, point]));
  return square({ ...box, rotation: turn(named.right_eye, named.left_eye, LEVEL) }, SCALE);
}

/**
 * @param {(Point & { z: number })[]} mesh
 * @param {Network} network
 * @param {Frame} frame
 * @returns {Promise<Point[]>} the mesh with the eyes as the network sees them, and the irises after it. Of points around an eye z stays; an iris has the mean of its contour's
 * @throws {InputError}
 */
async function withIrises(mesh, network, frame) {
  const points = [...mesh];
  /** @type {Point[]} */
  const irises = [];
  for (const side of /** @type {const} */ (["right", "left"])) {
    const rows = /** @type {number[] | undefined} */ (network.spec("eye").mesh[`${side}_eye`]);
    if (!rows || rows.length < CONTOUR || !rows.every((row) => row in mesh)) {
      throw new InputError(`the model given for the irises does not say which points of the mesh those around the ${side} eye are (mesh, docs/format.md)`);
    }
    const { eye, iris } = await network.see(frame, aroundEye(mesh, side));
    rows.forEach((row, k) => (points[row] = { x: eye.points[k].x, y: eye.points[k].y, z: mesh[row].z }));
    const z = rows.slice(0, CONTOUR).reduce((sum, row) => sum + mesh[row].z, 0) / CONTOUR;
    irises.push(...IRIS_ORDER[side].map((k) => ({ x: iris.points[k].x, y: iris.points[k].y, z })));
  }
  return [...points, ...irises];
}

/**
 * @param {Point[]} mesh
 * @param {"left" | "right"} side
 * @returns {Region} of an eye, whose corners are level in it; the network knows right ones, and sees left ones mirrored
 */
function aroundEye(mesh, side) {
  const [outer, inner] = EYES[side].map((k) => mesh[k]);
  const [left, right] = side === "right" ? [outer, inner] : [inner, outer];
  return { ...square(aroundPoints([left, right], turn(left, right, LEVEL)), EYE_SCALE), mirrored: side === "left" };
}
