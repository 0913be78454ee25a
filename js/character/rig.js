/** A skeleton of any make under the names of the VRM humanoid: takes rotations that are relative to the T-pose, whatever way its bones lie at rest. */

import { Quaternion, Vector3 } from "three";
import { PARENTS } from "../avatar/humanoid.js";

/** @typedef {import("three").Object3D} Object3D */
/** @typedef {{ node: Object3D, before: Quaternion, after: Quaternion, skipped: string[] }} Joint a rotation comes between `before` and `after`, after those of parents that the skeleton lacks */

/** Where a bone points in the T-pose, and which bone it points to. The trunk is taken as it is: only limbs are posed otherwise at rest. @type {Record<string, [Vector3, string]>} */
const STRETCHED = {};
for (const [side, x] of /** @type {[string, number][]} */ ([["left", 1], ["right", -1]])) {
  for (const [bone, end] of [["UpperArm", "LowerArm"], ["LowerArm", "Hand"], ["Hand", "MiddleProximal"]]) STRETCHED[side + bone] = [new Vector3(x, 0, 0), side + end];
  for (const [bone, end] of [["UpperLeg", "LowerLeg"], ["LowerLeg", "Foot"]]) STRETCHED[side + bone] = [new Vector3(0, -1, 0), side + end];
}

/** Arms that were down at rest point sideways when they are stretched; legs that are nearly straight are left as they are. */
const STRAIGHT = Math.cos((12 * Math.PI) / 180);

export class Rig {
  /** @type {Map<string, Joint>} */
  #joints = new Map();
  #hips;
  #rest;
  #height;
  #up = new Vector3();
  #side = new Vector3();

  /**
   * @param {Record<string, Object3D>} bones by their names in the VRM humanoid; some may be missing, but not the hips
   * @param {Object3D} root of the character, which stands on the floor and looks along its +z
   */
  constructor(bones, root) {
    root.updateWorldMatrix(true, true);
    const upright = root.getWorldQuaternion(new Quaternion()).invert();
    const inRoot = (/** @type {Object3D} */ node) => upright.clone().multiply(node.getWorldQuaternion(new Quaternion()));
    const placeOf = (/** @type {Object3D} */ node) => root.worldToLocal(node.getWorldPosition(new Vector3()));
    /** How each bone is turned by the T-pose, from its rest. @type {Map<Object3D, Quaternion>} */
    const stretched = new Map();
    for (const bone of Object.keys(PARENTS)) {
      const node = bones[bone];
      if (!node) continue;
      const [goal, end] = STRETCHED[bone] ?? [];
      const along = end && bones[end] ? placeOf(bones[end]).sub(placeOf(node)).normalize() : null;
      const turned = new Quaternion();
      if (goal && along && along.dot(goal) < STRAIGHT) turned.setFromUnitVectors(along, goal);
      stretched.set(node, turned);
    }
    for (const [bone, parent] of Object.entries(PARENTS)) {
      const node = bones[bone];
      if (!node) continue;
      let above = node.parent;
      while (above && above !== root && !stretched.has(above)) above = above.parent;
      const turned = (above && stretched.get(above)) ?? new Quaternion();
      const before = (node.parent ? turned.clone().multiply(inRoot(node.parent)) : new Quaternion()).invert();
      const after = /** @type {Quaternion} */ (stretched.get(node)).clone().multiply(inRoot(node));
      const skipped = [];
      for (let one = parent; one && !bones[one]; one = PARENTS[one]) skipped.unshift(one);
      this.#joints.set(bone, { node, before, after, skipped });
    }
    const hips = bones.hips;
    this.#hips = hips;
    this.#rest = hips.position.clone();
    this.#height = placeOf(hips).y;
    // A step up and a step to the left of the root, as the parent of the hips sees them.
    const above = hips.parent ?? root;
    const origin = above.worldToLocal(root.localToWorld(new Vector3()));
    this.#up = above.worldToLocal(root.localToWorld(new Vector3(0, 1, 0))).sub(origin);
    this.#side = above.worldToLocal(root.localToWorld(new Vector3(1, 0, 0))).sub(origin);
  }

  /** The bones that there are. */
  get bones() {
    return [...this.#joints.keys()];
  }

  /** @param {import("../avatar/follow.js").AvatarPose} pose */
  apply({ rotations, position }) {
    const turned = new Quaternion();
    const own = new Quaternion();
    for (const [bone, { node, before, after, skipped }] of this.#joints) {
      turned.copy(before);
      for (const name of [...skipped, bone]) turned.multiply(own.fromArray(rotations[name]));
      node.quaternion.copy(turned.multiply(after));
    }
    this.#hips.position
      .copy(this.#rest)
      .addScaledVector(this.#up, (Math.min(Math.max(position.y, 0.2), 1.1) - 1) * this.#height)
      .addScaledVector(this.#side, Math.min(Math.max(position.x, -1), 1) * this.#height);
  }
}
