/**
 * From points to the rotations of bones, as `webkiln.tasks.avatar.solver` has it. What the points don't tell is left out; nothing here remembers anything.
 *
 * Directions of limbs are followed exactly, within the limits. How a limb is turned about itself shows in the bend of its elbow or knee, and in the hand or foot
 * at its end. Hips carry the trunk's whole bow; sideways bend and twist of the trunk are shared by spine and chest.
 */

import { FINGER_BONES, LIMITS } from "./humanoid.js";
import { AXES, IDENTITY, between, compose, cross, direction, fromAxes, fromVector, inverse, lengthOf, minus, mirror, plus, scale, slerp, toVector, turn, twistOf } from "./rotations.js";

/** @typedef {import("./rotations.js").Vector} Vector */
/** @typedef {import("./rotations.js").Quaternion} Quaternion */
/** @typedef {Record<string, Quaternion>} Rotations */
/** @typedef {{ x: number, y: number, z?: number, visibility?: number }} Point */
/** @typedef {{ world: Point[], landmarks?: Point[] }} Person what `webkiln.tasks.pose` found */
/** @typedef {{ world?: Point[], landmarks: Point[], handedness?: { label: string } }} Hand what `webkiln.tasks.hands` found */

// Points of BlazePose, those of the left side where there are two; the right one's number is looked up in OTHER_SIDE.
const [EYE, EAR, MOUTH, SHOULDER, ELBOW, WRIST, LITTLE, INDEX] = [2, 7, 9, 11, 13, 15, 17, 19];
const [HIP, KNEE, ANKLE, HEEL, TOE] = [23, 25, 27, 29, 31];
const OTHER_SIDE = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, ...Array.from({ length: 22 }, (_, k) => 11 + (k % 2 ? k - 1 : k + 1))];

/** Sines of the bend from which on it tells how the limb is turned, a little and wholly. */
const ELBOW_BENT = [0.1, 0.25];
const KNEE_BENT = [0.2, 0.4];
/** By which BlazePose's mouths lie behind its eyes when someone looks straight ahead. */
const LEAN = (12 * Math.PI) / 180;
const THUMB = [Math.SQRT1_2, 0, Math.SQRT1_2];

/** 33 points with x to the person's left, y up and z forward, and which of them are seen. */
export class Body {
  /**
   * @param {Vector[]} points
   * @param {boolean[]} seen
   */
  constructor(points, seen) {
    this.points = points;
    this.seen = seen;
  }

  mirrored() {
    return new Body(mirroredPoints(OTHER_SIDE.map((k) => this.points[k])), OTHER_SIDE.map((k) => this.seen[k]));
  }

  /**
   * @param {number[]} numbers
   * @returns {Vector | null} the middle of points, if all of them are seen
   */
  at(...numbers) {
    return numbers.every((k) => this.seen[k]) ? middle(numbers.map((k) => this.points[k])) : null;
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Vector | null} the direction from one point to another
   */
  line(start, end) {
    return this.seen[start] && this.seen[end] ? direction(minus(this.points[end], this.points[start])) : null;
  }
}

/** @param {Vector[]} points */
export const mirroredPoints = (points) => points.map(([x, y, z]) => [-x, y, z]);

/** @param {Vector[]} points */
function middle(points) {
  return scale(points.reduce(plus), 1 / points.length);
}

/**
 * @param {Person | null | undefined} person
 * @param {number} visible a point counts where its `visibility` is at least this
 * @returns {Body | null}
 */
export function readBody(person, visible) {
  if (!person) return null;
  const { world, landmarks = world } = person;
  const points = upright(world);
  const seen = points.map((point, k) => point.every(Number.isFinite) && (world[k].visibility ?? landmarks[k].visibility ?? 1) >= visible);
  return new Body(points.map((point, k) => (seen[k] ? point : [0, 0, 0])), seen);
}

/**
 * @param {Hand | undefined} hand
 * @returns {Vector[] | null} 21 points, axes as in `Body`
 */
export function readHand(hand) {
  if (!hand) return null;
  const points = upright(hand.world ?? hand.landmarks);
  return points.flat().every(Number.isFinite) ? points : null;
}

/** From x right, y down, z away from the camera. @param {Point[]} points */
function upright(points) {
  return points.map(({ x, y, z = 0 }) => [x, -y, -z]);
}

/**
 * The rotation of each bone relative to its parent that the points tell.
 * @param {Body | null} body
 * @param {Record<string, Vector[] | null>} [hands] points of the left and of the right one
 * @param {Quaternion | null} [face] how the head is turned, where a face told it
 * @returns {Rotations}
 */
export function solve(body, hands = {}, face = null) {
  /** @type {Rotations} */
  const found = {};
  const chest = body ? solveTrunk(body, found) : IDENTITY;
  const head = face ?? (body && solveHead(body));
  if (head) share(compose(inverse(chest), head), ["neck", "head"], found);
  const hips = found.hips ?? IDENTITY;
  for (const side of ["left", "right"]) {
    const isRight = side === "right";
    const one = body && isRight ? body.mirrored() : body;
    const hand = hands[side];
    const points = hand && isRight ? mirroredPoints(hand) : hand;
    /** @type {Rotations} */
    const limb = {};
    if (one) {
      solveArm(one, isRight ? mirror(chest) : chest, points, limb);
      solveLeg(one, isRight ? mirror(hips) : hips, limb);
    }
    if (points) solveFingers(points, limb);
    for (const [bone, q] of Object.entries(limb)) found[side + bone] = isRight ? mirror(q) : q;
  }
  return found;
}

/**
 * @param {string} bone
 * @param {Quaternion} q
 * @returns {Quaternion} the rotation, no farther than the bone turns
 */
export function within(bone, q) {
  const [axis, ranges] = LIMITS[bone];
  const clamped = (/** @type {Vector} */ vector) => vector.map((value, k) => Math.min(Math.max(value, (ranges[k][0] * Math.PI) / 180), (ranges[k][1] * Math.PI) / 180));
  const twist = twistOf(q, axis);
  const swing = clamped(toVector(compose(q, inverse(twist))));
  const turned = clamped(toVector(twist))[axis];
  swing[axis] = 0;
  return compose(fromVector(swing), fromVector(scale(AXES[axis], turned)));
}

/**
 * The turn to two axes; the first one is exact, the second is made perpendicular to it.
 * @param {Vector | null} x
 * @param {Vector | null} y
 * @returns {Quaternion | null}
 */
function frame(x, y) {
  const z = x && y && direction(cross(x, y));
  return x && z && fromAxes(x, cross(z, x), z);
}

/**
 * Gives each of two bones half of a turn.
 * @param {Quaternion} q
 * @param {[string, string]} bones
 * @param {Rotations} found
 * @returns {Quaternion} what came of both
 */
function share(q, bones, found) {
  const half = slerp(IDENTITY, q, 0.5);
  for (const bone of bones) found[bone] = within(bone, half);
  return compose(found[bones[0]], found[bones[1]]);
}

/**
 * @param {Body} body
 * @param {Rotations} found
 * @returns {Quaternion} how the chest is turned
 */
function solveTrunk(body, found) {
  const low = body.at(HIP, HIP + 1);
  const high = body.at(SHOULDER, SHOULDER + 1);
  const up = low && high && direction(minus(high, low));
  const hips = frame(body.line(HIP + 1, HIP), up);
  if (hips) found.hips = hips;
  const chest = frame(body.line(SHOULDER + 1, SHOULDER), up ?? AXES[1]);
  if (!chest) return hips ?? IDENTITY;
  if (!hips) found.hips = chest;
  return compose(found.hips, share(compose(inverse(found.hips), chest), ["spine", "chest"], found));
}

/**
 * How the head is turned: from right to left, and from the mouth to the eyes.
 * @param {Body} body
 */
function solveHead(body) {
  const eyes = body.at(EYE, OTHER_SIDE[EYE]);
  const mouth = body.at(MOUTH, MOUTH + 1);
  if (!eyes || !mouth || !body.at(EAR, EAR + 1)) return null;
  const across = [EYE, EAR, MOUTH].map((k) => minus(body.points[k], body.points[OTHER_SIDE[k]])).reduce(plus);
  const turned = frame(direction(across), direction(minus(eyes, mouth)));
  return turned && compose(turned, fromVector(scale(AXES[0], -LEAN)));
}

/**
 * @param {number} value
 * @param {number[]} ends
 * @returns {number} from 0 to 1 between the ends, smoothly
 */
function ramp(value, [low, high]) {
  const part = Math.min(Math.max((value - low) / (high - low), 0), 1);
  return part * part * (3 - 2 * part);
}

/**
 * A bone that points along a direction, and twisted so that its hinge comes to lie there.
 * @param {string} bone
 * @param {Quaternion} parent
 * @param {Vector} rest
 * @param {Vector | null} along
 * @param {Rotations} found
 * @param {{ hinge: Vector | null, weight: number }} [twist]
 * @returns {Quaternion | null} what it comes to, in the world
 */
function solveBone(bone, parent, rest, along, found, { hinge, weight } = { hinge: null, weight: 0 }) {
  let swing = along && between(rest, turn(inverse(parent), along));
  if (!swing) return null;
  if (hinge) {
    const [axis] = LIMITS[bone];
    const inside = turn(inverse(compose(parent, swing)), hinge);
    // A hinge lies along y for what points along x, along x for what points along y.
    const angle = axis === 0 ? Math.atan2(inside[2], inside[1]) : Math.atan2(-inside[2], inside[0]);
    swing = compose(swing, fromVector(scale(AXES[axis], angle * weight)));
  }
  found[bone] = within(bone, swing);
  return compose(parent, found[bone]);
}

/**
 * A left arm. The forearm turns about itself as far as the hand does; the hand has the rest.
 * @param {Body} body
 * @param {Quaternion} chest
 * @param {Vector[] | null | undefined} hand
 * @param {Rotations} found
 */
function solveArm(body, chest, hand, found) {
  const upper = body.line(SHOULDER, ELBOW);
  const lower = body.line(ELBOW, WRIST);
  const normal = upper && lower ? cross(lower, upper) : [0, 0, 0];
  const elbow = solveBone("UpperArm", chest, AXES[0], upper, found, { hinge: direction(normal), weight: ramp(lengthOf(normal), ELBOW_BENT) });
  const wrist = elbow && solveBone("LowerArm", elbow, AXES[0], lower, found);
  const palm = hand ? palmOf(hand) : palmOfBody(body);
  if (!elbow || !wrist || !palm) return;
  const twist = twistOf(compose(inverse(wrist), palm), 0);
  found.LowerArm = within("LowerArm", compose(found.LowerArm, twist));
  found.Hand = within("Hand", compose(inverse(compose(elbow, found.LowerArm)), palm));
}

/** @param {Body} body */
function palmOfBody(body) {
  const wrist = body.at(WRIST);
  const knuckles = body.at(INDEX, LITTLE);
  return wrist && knuckles && palmFrame(direction(minus(knuckles, wrist)), body.line(LITTLE, INDEX));
}

/** @param {Vector[]} hand */
function palmOf(hand) {
  return palmFrame(direction(minus(middle([hand[5], hand[9], hand[13], hand[17]]), hand[0])), direction(minus(hand[5], hand[17])));
}

/**
 * A left hand, from the wrist to the fingers, and from the little finger to the index finger.
 * @param {Vector | null} along
 * @param {Vector | null} forward
 */
function palmFrame(along, forward) {
  return frame(along, along && forward && direction(cross(forward, along)));
}

/**
 * Fingers of a left hand, which point along x at rest, the thumb half forward.
 * @param {Vector[]} hand
 * @param {Rotations} found
 */
function solveFingers(hand, found) {
  const palm = palmOf(hand);
  if (!palm) return;
  FINGER_BONES.forEach((bones, finger) => {
    /** @type {Quaternion | null} */
    let parent = palm;
    bones.forEach((bone, k) => {
      const joint = 1 + 4 * finger + k;
      parent = parent && solveBone(bone, parent, finger ? AXES[0] : THUMB, direction(minus(hand[joint + 1], hand[joint])), found);
    });
  });
}

/**
 * A left leg. A straight one is turned about itself as its foot is.
 * @param {Body} body
 * @param {Quaternion} hips
 * @param {Rotations} found
 */
function solveLeg(body, hips, found) {
  const thigh = body.line(HIP, KNEE);
  const shin = body.line(KNEE, ANKLE);
  const foot = footOf(body);
  const normal = thigh && shin ? cross(thigh, shin) : [0, 0, 0];
  let hinge = direction(normal);
  let weight = ramp(lengthOf(normal), KNEE_BENT);
  if (thigh && shin && foot) {
    hinge = direction(plus(scale(hinge ?? [0, 0, 0], weight), scale(turn(foot, AXES[0]), 1 - weight)));
    weight = 1;
  }
  const down = scale(AXES[1], -1);
  const knee = solveBone("UpperLeg", hips, down, thigh, found, { hinge, weight });
  const ankle = knee && solveBone("LowerLeg", knee, down, shin, found);
  if (ankle && foot) found.Foot = within("Foot", compose(inverse(ankle), foot));
}

/**
 * A foot points from the heel to the toes; the ankle is above.
 * @param {Body} body
 */
function footOf(body) {
  const forward = body.line(HEEL, TOE);
  const up = body.line(HEEL, ANKLE);
  const left = up && forward && direction(cross(up, forward));
  return forward && left && fromAxes(left, cross(forward, left), forward);
}
