/** Bodies: what `webkiln.tasks.Pose` says. */

import { Network, NetworkSpec } from "./network.js";
import { aroundLine } from "./regions.js";
import { sized } from "./segmentation.js";
import { described, Tracker } from "./tracking.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("../results/keypoints.js").Point} Point */
/**
 * @typedef {object} Person
 * @property {number} id stays the same from frame to frame
 * @property {number} score
 * @property {Region} box
 * @property {Point[]} landmarks 33 points in pixels of the picture
 * @property {Point[]} normalized the same as parts of the picture's width and height
 * @property {Point[]} world in metres about the hips
 * @property {import("./segmentation.js").SegmentationMask} [mask] with the option `masks`
 */
/** @typedef {{ timestamp: number | null, width: number, height: number, people: Person[], milliseconds: Record<string, number> }} PoseResult */

/** Those after them only serve to find the body in the next frame. */
const BODY_POINTS = 33;

/** Of the region to the circle around the body. */
const SCALE = 1.25;
const PRESENT = 0.5;

/** @type {import("./engine.js").Kind} */
export const pose = {
  counted: "numPeople",
  options: { masks: false },
  networks: ({ masks }) => ({
    detector: new NetworkSpec("pose_detection", "the detector", ["boxes"]),
    landmarks: new NetworkSpec("pose_landmark_lite", "the landmarks", ["landmarks", "world", "presence", ...(masks ? ["mask"] : [])]),
  }),
  create({ detector, landmarks }, { most, smoothing }) {
    const tracker = new Tracker({ most, smoothing, find: (frame) => find(detector, frame), look: (frame, region) => look(landmarks, frame, region) });
    return {
      detect: async (frame, timestamp) => ({ people: (await tracker.follow(frame, timestamp)).map((person) => ({ ...person, ...described(person.landmarks, frame) })) }),
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
  return boxes.map((/** @type {import("../results/boxes.js").Detection} */ { points }) => {
    const named = Object.fromEntries(points.map((point) => [point.name, point]));
    return aroundLine(named.hip_center, named.full_body, SCALE);
  });
}

/**
 * @param {Network} network
 * @param {Frame} frame
 * @param {Region} region
 * @returns {Promise<import("./tracking.js").Look | null>}
 */
async function look(network, frame, region) {
  const { landmarks, world, presence, mask } = await network.see(frame, region);
  const [{ score }] = presence;
  if (!(score > PRESENT)) return null;
  const [centre, circle] = landmarks.points.slice(BODY_POINTS);
  const thing = { score, landmarks: landmarks.points.slice(0, BODY_POINTS), world: world.points.slice(0, BODY_POINTS), ...(mask && { mask: sized(mask) }) };
  return { thing, next: aroundLine(centre, circle, SCALE) };
}
