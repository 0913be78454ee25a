/** Hands: what `webkiln.tasks.Hands` says. */

import { INDEX, MIDDLE, readGesture, RING, WRIST } from "./gestures.js";
import { Network, NetworkSpec } from "./network.js";
import { aroundPoints, square, turn, UPRIGHT } from "./regions.js";
import { described, Tracker } from "./tracking.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("../results/keypoints.js").Point} Point */
/** @typedef {import("../results/boxes.js").Detection} Detection */
/**
 * @typedef {object} Hand
 * @property {number} id stays the same from frame to frame
 * @property {number} score
 * @property {{ label: "left" | "right", score: number }} handedness as the person would say when the picture is not mirrored, as a camera gives it; in a
 *   mirrored picture it is the other hand
 * @property {Region} box
 * @property {Point[]} landmarks 21 points in pixels of the picture
 * @property {Point[]} normalized the same as parts of the picture's width and height
 * @property {Point[]} world in metres about the hand's middle
 * @property {import("./gestures.js").Gesture} gesture
 * @property {number} pinch distance between the tips of the thumb and the index finger, relative to that between the wrist and the knuckle of the middle finger
 */
/** @typedef {{ timestamp: number | null, width: number, height: number, hands: Hand[], milliseconds: Record<string, number> }} HandsResult */

/** Of the region to the palm's box, and to the box of the points that move least. */
const PALM = { scale: 2.6, up: 0.5 };
const HAND = { scale: 2, up: 0.1 };
const STEADY = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18];

/** The model's z, where x has 1. */
const DEPTH = 0.4;
const PRESENT = 0.5;

/** @type {import("./engine.js").Kind} */
export const hands = {
  counted: "numHands",
  options: { numHands: 2 },
  networks: () => ({
    detector: new NetworkSpec("palm_detection_lite", "the detector", ["boxes"]),
    landmarks: new NetworkSpec("hand_landmark_lite", "the landmarks", ["landmarks", "world", "presence", "handedness"]),
  }),
  create({ detector, landmarks }, { most, smoothing }) {
    const tracker = new Tracker({ most, smoothing, find: (frame) => find(detector, frame), look: (frame, region) => look(landmarks, frame, region) });
    return {
      async detect(frame, timestamp) {
        const followed = await tracker.follow(frame, timestamp);
        return { hands: followed.map((hand) => ({ ...hand, ...described(hand.landmarks, frame), ...readGesture(hand.world) })) };
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
  return boxes.map(aroundPalm);
}

/**
 * @param {Network} network
 * @param {Frame} frame
 * @param {Region} region
 * @returns {Promise<import("./tracking.js").Look | null>}
 */
async function look(network, frame, region) {
  const { landmarks, world, presence, handedness } = await network.see(frame, region);
  const [{ score }] = presence;
  if (!(score > PRESENT)) return null;
  const points = landmarks.points.map((/** @type {Point & { z: number }} */ point) => ({ ...point, z: point.z / DEPTH }));
  const right = handedness[0].score;
  const hand = right > 0.5 ? { label: "right", score: right } : { label: "left", score: 1 - right };
  return { thing: { score, handedness: hand, landmarks: points, world: world.points }, next: aroundHand(points) };
}

/**
 * @param {Detection} palm
 * @returns {Region} of its hand: the line from the wrist to the knuckle of the middle finger goes up in it
 */
function aroundPalm({ box, points }) {
  const named = Object.fromEntries(points.map((point) => [point.name, point]));
  return square({ ...box, rotation: turn(named.wrist, named.middle_mcp, UPRIGHT) }, PALM.scale, PALM.up);
}

/**
 * @param {Point[]} points of a hand
 * @returns {Region} in which it is looked for next
 */
function aroundHand(points) {
  const middle = (/** @type {"x" | "y"} */ axis) => (points[INDEX][axis] + 2 * points[MIDDLE][axis] + points[RING][axis]) / 4;
  const rotation = turn(points[WRIST], { x: middle("x"), y: middle("y") }, UPRIGHT);
  return square(aroundPoints(STEADY.map((k) => points[k]), rotation), HAND.scale, HAND.up);
}
