/** An avatar that follows a person through a film, as `webkiln.tasks.avatar.follow` has it: smooth, and back at rest when the person is gone. */

import { InputError } from "../errors.js";
import { BONES, REST } from "./humanoid.js";
import { AXES, compose, fromVector, mirror, scale, slerp } from "./rotations.js";
import { mirroredPoints, readBody, readHand, solve } from "./solver.js";

/** @typedef {import("./rotations.js").Quaternion} Quaternion */
/** @typedef {import("./rotations.js").Vector} Vector */
/** @typedef {import("./solver.js").Person} Person */
/** @typedef {import("./solver.js").Hand} Hand */
/** @typedef {import("./solver.js").Body} Body */
/** @typedef {import("./solver.js").Point} Point */
/**
 * @typedef {object} Face what `webkiln.tasks.face` says of an expression
 * @property {{ yaw: number, pitch: number, roll: number }} [rotation] radians
 * @property {number} [mouth] how far it is open, as a part of its width
 * @property {{ left: number, right: number }} [eyes] the same of the eyes
 */
/**
 * @typedef {object} Seen what was found in a frame; what is missing is at rest
 * @property {Person | null} [person]
 * @property {Hand[]} [hands]
 * @property {Face | null} [face]
 * @property {number} [width] of the picture, in pixels
 */
/**
 * @typedef {object} AvatarPose
 * @property {Record<string, Quaternion>} rotations of each bone [x, y, z, w], relative to its parent and to the T-pose
 * @property {{ x: number, y: number }} position of the hips in lengths of a leg: to the left of the picture's middle, as the character has it, and above the lower ankle
 * @property {{ aa: number, blinkLeft: number, blinkRight: number }} expressions the mouth is open, an eye is shut: from 0 to 1
 */
/**
 * @typedef {object} AvatarOptions
 * @property {boolean} [mirrored] as a mirror shows the person
 * @property {number} [smoothing] the time constant in seconds with which bones follow
 * @property {number} [returning] and with which they go back to rest
 * @property {number} [visible] points of a lower visibility are not followed
 */

/** @type {[string, number][]} */
const SIDES = [["left", 15], ["right", 16]];
const NEAR = 0.5; // of the shoulders' distance: a hand farther from a wrist is not this wrist's

// Heights of the mouth's and the eyes' openings as parts of their widths, shut and open.
const MOUTH_OPEN = [0.05, 0.6];
const EYE_OPEN = [0.1, 0.25];

/** @type {Record<string, number>} */
const STILL = { x: 0, y: 1, aa: 0, blinkLeft: 0, blinkRight: 0 };

export class Avatar {
  #options;
  /** @type {number | null} */
  #time = null;
  /** @type {Record<string, Quaternion>} */
  #rotations = { ...REST };
  #numbers = { ...STILL };

  /** @param {AvatarOptions} [options] */
  constructor({ mirrored = false, smoothing = 0.08, returning = 0.6, visible = 0.5 } = {}) {
    for (const [name, value] of Object.entries({ smoothing, returning, visible }))
      if (!(Number.isFinite(value) && value >= 0)) throw new InputError(`${name} is a number that is not below 0, got ${String(value)}`);
    this.#options = { mirrored, smoothing, returning, visible };
  }

  /** Forgets what was followed: another film begins. */
  reset() {
    this.#time = null;
    this.#rotations = { ...REST };
    this.#numbers = { ...STILL };
  }

  /**
   * The bones at a frame of a film, or of a single picture when there is no timestamp.
   * @param {Seen} [seen]
   * @param {number | null} [timestamp] milliseconds
   * @returns {AvatarPose}
   */
  update({ person = null, hands = [], face = null, width = 1 } = {}, timestamp = null) {
    const { mirrored, visible } = this.#options;
    let body = readBody(person, visible);
    let sides = sided(hands, person);
    let head = turned(face);
    let numbers = { ...positionOf(body, person, width), ...expressionsOf(face) };
    if (mirrored) {
      body = body && body.mirrored();
      sides = { left: sides.right && mirroredPoints(sides.right), right: sides.left && mirroredPoints(sides.left) };
      head = head && mirror(head);
      numbers = mirroredNumbers(numbers);
    }
    const target = solve(body, sides, head);
    const [follow, leave] = this.#parts(timestamp);
    for (const bone of BONES) {
      const [to, part] = target[bone] ? [target[bone], follow] : [REST[bone], leave];
      this.#rotations[bone] = part === 1 ? to : slerp(this.#rotations[bone], to, part);
    }
    for (const [name, rest] of Object.entries(STILL)) this.#numbers[name] += (name in numbers ? follow : leave) * ((numbers[name] ?? rest) - this.#numbers[name]);
    const { x, y, aa, blinkLeft, blinkRight } = this.#numbers;
    return { rotations: Object.fromEntries(BONES.map((bone) => [bone, [...this.#rotations[bone]]])), position: { x, y }, expressions: { aa, blinkLeft, blinkRight } };
  }

  /**
   * @param {number | null} timestamp
   * @returns {number[]} of the way that is gone in this time, to what is followed and to rest
   */
  #parts(timestamp) {
    if (timestamp === null) return [1, 1];
    if (!Number.isFinite(timestamp) || (this.#time !== null && timestamp < this.#time))
      throw new InputError(`the frame's timestamp is ${timestamp}, and that of the one before was ${this.#time}: it must not fall; reset() begins another film`);
    const seconds = this.#time === null ? Infinity : (timestamp - this.#time) / 1000;
    this.#time = timestamp;
    const { smoothing, returning } = this.#options;
    return [smoothing, returning].map((constant) => (constant === 0 ? 1 : 1 - Math.exp(-seconds / constant)));
  }
}

/**
 * The points of the left hand and of the right one: those at the person's wrists in the picture or else, without a person, as each hand is labelled.
 * @param {Hand[]} hands
 * @param {Person | null} person
 * @returns {Record<string, Vector[] | null>}
 */
function sided(hands, person) {
  /** @type {Record<string, Vector[] | null>} */
  const found = { left: null, right: null };
  const points = person?.landmarks;
  if (!points) {
    for (const hand of hands) {
      const side = hand.handedness?.label ?? "";
      if (found[side] === null) found[side] = readHand(hand);
    }
    return found;
  }
  const near = NEAR * distance(points[11], points[12]);
  const pairs = SIDES.flatMap(([side, wrist]) => hands.map((hand) => ({ side, hand, far: distance(hand.landmarks[0], points[wrist]) })));
  const taken = new Set();
  for (const { side, hand, far } of pairs.sort((a, b) => a.far - b.far)) {
    if (!(far <= near) || taken.has(side) || taken.has(hand)) continue;
    taken.add(side).add(hand);
    found[side] = readHand(hand);
  }
  return found;
}

const distance = (/** @type {Point} */ a, /** @type {Point} */ b) => Math.hypot(a.x - b.x, a.y - b.y);

/**
 * How a face is turned: it nods by pitch (downward), then turns by yaw (to the person's left), then tilts by roll (toward the left shoulder).
 * @param {Face | null} face
 * @returns {Quaternion | null}
 */
function turned(face) {
  if (!face?.rotation) return null;
  const { yaw, pitch, roll } = face.rotation;
  if (![yaw, pitch, roll].every(Number.isFinite)) return null;
  return compose(fromVector(scale(AXES[2], -roll)), compose(fromVector(scale(AXES[1], yaw)), fromVector(scale(AXES[0], pitch))));
}

/**
 * From how far mouth and eyes are open.
 * @param {Face | null} face
 * @returns {Record<string, number>}
 */
function expressionsOf(face) {
  if (face?.mouth === undefined || !face.eyes) return {};
  const numbers = { aa: ramp(face.mouth, MOUTH_OPEN), blinkLeft: 1 - ramp(face.eyes.left, EYE_OPEN), blinkRight: 1 - ramp(face.eyes.right, EYE_OPEN) };
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => Number.isFinite(value)));
}

/**
 * @param {number} value
 * @param {number[]} ends
 */
const ramp = (value, [low, high]) => Math.min(Math.max((value - low) / (high - low), 0), 1);

/**
 * Of the hips, in lengths of the longer leg. A weak perspective (so many pixels a metre) leads from the picture to metres.
 * @param {Body | null} body
 * @param {Person | null} person
 * @param {number} width of the picture
 * @returns {Record<string, number>}
 */
function positionOf(body, person, width) {
  if (!body || !person) return {};
  const legs = [body, body.mirrored()].map((one) => ({ ankle: one.points[27][1], length: legLength(one) })).filter(({ length }) => length > 0);
  const hips = body.at(23, 24);
  if (!hips || !legs.length) return {};
  const leg = Math.max(...legs.map(({ length }) => length));
  /** @type {Record<string, number>} */
  const numbers = { y: (hips[1] - Math.min(...legs.map(({ ankle }) => ankle))) / leg };
  const { landmarks } = person;
  if (landmarks) {
    const pairs = landmarks.flatMap(({ x, y }, k) => (body.seen[k] && Number.isFinite(x) && Number.isFinite(y) ? [{ flat: body.points[k], there: [x, -y] }] : []));
    const mean = (/** @type {(pair: { flat: number[], there: number[] }) => number} */ of) => pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
    const centre = [mean(({ flat }) => flat[0]), mean(({ flat }) => flat[1])];
    const shared = mean(({ flat, there }) => (flat[0] - centre[0]) * there[0] + (flat[1] - centre[1]) * there[1]);
    const spread = mean(({ flat }) => (flat[0] - centre[0]) ** 2 + (flat[1] - centre[1]) ** 2);
    const pixels = shared / Math.max(spread, 1e-9);
    const x = (landmarks[23].x + landmarks[24].x - width) / 2;
    if (pixels > 0 && Number.isFinite(x)) numbers.x = x / pixels / leg;
  }
  return numbers;
}

/** @param {Body} body */
function legLength({ points, seen }) {
  const [hip, knee, ankle] = [23, 25, 27];
  return seen[hip] && seen[knee] && seen[ankle] ? Math.hypot(...[0, 1, 2].map((k) => points[knee][k] - points[hip][k])) + Math.hypot(...[0, 1, 2].map((k) => points[ankle][k] - points[knee][k])) : 0;
}

/** @param {Record<string, number>} numbers */
function mirroredNumbers(numbers) {
  /** @type {Record<string, string>} */
  const swapped = { blinkLeft: "blinkRight", blinkRight: "blinkLeft" };
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [swapped[name] ?? name, name === "x" ? -value : value]));
}
