/** A character built in code: a friendly clay figure, whose face moves. Metres, in the T-pose, on the floor. */

import { CapsuleGeometry, Color, Group, LatheGeometry, Mesh, MeshLambertMaterial, SphereGeometry, TorusGeometry, Vector2, Vector3 } from "three";
import { FINGER_BONES } from "../avatar/humanoid.js";
import { Rig } from "./rig.js";

/** @typedef {import("three").Object3D} Object3D */

const COLORS = { skin: "#f0c8a0", hair: "#5b3425", shirt: "#d9623b", collar: "#b94a27", trousers: "#2f6670", shoes: "#f4efe6", sole: "#c9bfae", eye: "#2b2320", white: "#fffdf8", mouth: "#7a2a24", tongue: "#d8796c", cheek: "#ec9f85" };
const paint = Object.fromEntries(Object.entries(COLORS).map(([name, color]) => [name, new MeshLambertMaterial({ color: new Color(color) })]));

/** Places of the joints in their parents; those of the right side are mirrored. @type {Record<string, [string | null, number, number, number]>} */
const TRUNK = { hips: [null, 0, 0.82, 0], spine: ["hips", 0, 0.09, 0], chest: ["spine", 0, 0.13, 0], neck: ["chest", 0, 0.23, 0], head: ["neck", 0, 0.06, 0.005] };
/** @type {Record<string, [string, number, number, number]>} */
const LIMBS = {
  Shoulder: ["chest", 0.05, 0.16, 0],
  UpperArm: ["Shoulder", 0.115, 0, 0],
  LowerArm: ["UpperArm", 0.235, 0, 0],
  Hand: ["LowerArm", 0.215, 0, 0],
  UpperLeg: ["hips", 0.095, -0.03, 0],
  LowerLeg: ["UpperLeg", 0, -0.36, 0],
  Foot: ["LowerLeg", 0, -0.36, 0],
};
const FINGER_LENGTHS = [0.03, 0.028, 0.026];
const HALF = Math.SQRT1_2;

/**
 * @returns {import("./loading.js").Character}
 */
export function buildClay() {
  const root = new Group();
  /** @type {Record<string, Object3D>} */
  const bones = {};
  const add = (/** @type {string} */ bone, /** @type {Object3D} */ parent, /** @type {number[]} */ [x, y, z]) => {
    bones[bone] = new Group();
    bones[bone].name = bone;
    bones[bone].position.set(x, y, z);
    parent.add(bones[bone]);
  };
  for (const [bone, [parent, ...place]] of Object.entries(TRUNK)) add(bone, parent ? bones[parent] : root, place);
  for (const [side, sign] of /** @type {[string, number][]} */ ([["left", 1], ["right", -1]])) {
    for (const [bone, [parent, x, y, z]] of Object.entries(LIMBS)) add(side + bone, bones[parent] ?? bones[side + parent], [sign * x, y, z]);
    dressLimbs(bones, side, sign);
    dressHand(bones, side, sign, add);
  }
  dressTrunk(bones);
  const express = dressHead(bones.head);
  root.traverse((node) => (node.castShadow = true));
  const rig = new Rig(bones, root);
  return {
    root,
    bones,
    height: 1.62,
    take(pose) {
      rig.apply(pose);
      express(pose.expressions);
    },
  };
}

/**
 * @param {import("three").BufferGeometry} geometry
 * @param {keyof typeof COLORS} color
 * @param {Object3D} parent
 * @param {number[]} place
 * @param {number[]} [size]
 */
function put(geometry, color, parent, [x, y, z], [width, height, depth] = [1, 1, 1]) {
  const mesh = new Mesh(geometry, paint[color]);
  mesh.position.set(x, y, z);
  mesh.scale.set(width, height, depth);
  parent.add(mesh);
  return mesh;
}

const BALL = new SphereGeometry(1, 24, 18);
const ball = (/** @type {keyof typeof COLORS} */ color, /** @type {Object3D} */ parent, /** @type {number[]} */ place, /** @type {number[]} */ size) => put(BALL, color, parent, place, size);

/**
 * A rounded tube from the joint along a direction.
 * @param {keyof typeof COLORS} color
 * @param {Object3D} parent
 * @param {number[]} to
 * @param {number} radius
 * @param {number} [from] the part of the way at which it begins
 */
function tube(color, parent, to, radius, from = 0) {
  const end = new Vector3().fromArray(to);
  const length = end.length() * (1 - from);
  const mesh = put(new CapsuleGeometry(radius, length, 5, 14), color, parent, end.clone().multiplyScalar((1 + from) / 2).toArray());
  mesh.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), end.normalize());
}

/** @param {Record<string, Object3D>} bones */
function dressTrunk(bones) {
  const profile = (/** @type {[number, number][]} */ points) => new LatheGeometry(points.map(([x, y]) => new Vector2(x, y)), 28);
  put(profile([[0, -0.085], [0.11, -0.075], [0.152, -0.04], [0.158, 0], [0.15, 0.06], [0, 0.07]]), "trousers", bones.hips, [0, 0, 0], [1, 1, 0.78]);
  put(profile([[0.155, -0.06], [0.16, -0.03], [0.15, 0.06], [0.15, 0.13], [0, 0.14]]), "shirt", bones.spine, [0, 0, 0], [1, 1, 0.78]);
  put(profile([[0.13, -0.08], [0.152, -0.03], [0.166, 0.06], [0.165, 0.13], [0.142, 0.185], [0.085, 0.222], [0, 0.23]]), "shirt", bones.chest, [0, 0, 0], [1.03, 1, 0.76]);
  const collar = put(new TorusGeometry(0.066, 0.022, 10, 24), "collar", bones.chest, [0, 0.215, 0.004], [1, 1, 0.9]);
  collar.rotation.x = Math.PI / 2;
  tube("skin", bones.neck, [0, 0.08, 0], 0.046);
}

/**
 * @param {Record<string, Object3D>} bones
 * @param {string} side
 * @param {number} sign
 */
function dressLimbs(bones, side, sign) {
  const upper = bones[`${side}UpperArm`];
  tube("shirt", upper, [sign * 0.235, 0, 0], 0.054);
  ball("shirt", upper, [sign * -0.016, -0.004, 0], [0.062, 0.057, 0.06]);
  tube("skin", bones[`${side}LowerArm`], [sign * 0.215, 0, 0], 0.04);
  tube("shirt", bones[`${side}LowerArm`], [sign * 0.075, 0, 0], 0.052);
  tube("trousers", bones[`${side}UpperLeg`], [0, -0.36, 0], 0.074);
  ball("trousers", bones[`${side}UpperLeg`], [sign * -0.012, 0, 0], [0.082, 0.09, 0.085]);
  tube("trousers", bones[`${side}LowerLeg`], [0, -0.33, 0], 0.064);
  const foot = bones[`${side}Foot`];
  ball("shoes", foot, [0, -0.014, 0.045], [0.062, 0.05, 0.115]);
  ball("sole", foot, [0, -0.042, 0.045], [0.066, 0.03, 0.122]);
}

/**
 * @param {Record<string, Object3D>} bones
 * @param {string} side
 * @param {number} sign
 * @param {(bone: string, parent: Object3D, place: number[]) => void} add
 */
function dressHand(bones, side, sign, add) {
  const hand = bones[`${side}Hand`];
  ball("skin", hand, [sign * 0.05, 0, 0.002], [0.056, 0.027, 0.046]);
  FINGER_BONES.forEach((chain, finger) => {
    const along = finger ? [sign, 0, 0] : [sign * HALF, 0, HALF];
    const radius = finger ? 0.0145 : 0.017;
    let place = finger ? [sign * (0.094 - 0.003 * Math.abs(finger - 2)), 0, 0.0345 - 0.0235 * (finger - 1)] : [sign * 0.022, -0.004, 0.03];
    let parent = hand;
    chain.forEach((bone, k) => {
      const length = FINGER_LENGTHS[k] * (finger === 4 ? 0.8 : finger === 2 ? 1.08 : 1);
      add(side + bone, parent, place);
      parent = bones[side + bone];
      place = along.map((part) => part * length);
      tube("skin", parent, place, radius - 0.0012 * k);
    });
  });
}

/**
 * @param {Object3D} head
 * @returns {(expressions: import("../avatar/follow.js").AvatarPose["expressions"]) => void}
 */
function dressHead(head) {
  const middle = new Group();
  middle.position.set(0, 0.135, 0.01);
  head.add(middle);
  ball("skin", middle, [0, 0, 0], [0.152, 0.162, 0.148]);
  const hair = put(new SphereGeometry(1, 28, 18, 0, 2 * Math.PI, 0, Math.PI * 0.52), "hair", middle, [0, 0.012, -0.014], [0.164, 0.172, 0.16]);
  hair.rotation.x = -0.42;
  for (const [x, y, z, size] of [[0.055, 0.148, 0.055, 0.048], [-0.005, 0.16, 0.06, 0.052], [-0.065, 0.145, 0.05, 0.044]]) ball("hair", middle, [x, y, z], [size * 1.25, size * 0.8, size]);
  for (const sign of [1, -1]) {
    ball("skin", middle, [sign * 0.15, -0.01, -0.005], [0.022, 0.036, 0.028]);
    ball("cheek", middle, [sign * 0.082, -0.052, 0.113], [0.024, 0.016, 0.012]);
    const brow = put(new CapsuleGeometry(0.0065, 0.03, 4, 8), "hair", middle, [sign * 0.054, 0.066, 0.139]);
    brow.rotation.set(0, sign * 0.3, Math.PI / 2 - sign * 0.12);
  }
  ball("skin", middle, [0, -0.026, 0.15], [0.021, 0.018, 0.02]);
  const eyes = [1, -1].map((sign) => {
    const eye = new Group();
    eye.position.set(sign * 0.053, 0.016, 0.136);
    eye.rotation.y = sign * 0.3;
    middle.add(eye);
    ball("eye", eye, [0, 0, 0], [0.0175, 0.025, 0.011]);
    ball("white", eye, [0.0055, 0.009, 0.0085], [0.0052, 0.0062, 0.004]);
    return eye;
  });
  const smile = put(new TorusGeometry(0.034, 0.0052, 8, 20, Math.PI * 0.72), "mouth", middle, [0, -0.05, 0.133], [1, 0.9, 1]);
  smile.rotation.set(0.3, 0, -Math.PI * 0.86);
  const mouth = new Group();
  mouth.position.set(0, -0.082, 0.124);
  mouth.rotation.x = 0.35;
  middle.add(mouth);
  ball("mouth", mouth, [0, 0, 0], [0.033, 0.03, 0.013]);
  ball("tongue", mouth, [0, -0.013, 0.006], [0.02, 0.012, 0.0085]);
  return ({ aa, blinkLeft, blinkRight }) => {
    [blinkLeft, blinkRight].forEach((blink, k) => (eyes[k].scale.y = 1 - 0.9 * blink));
    smile.visible = aa < 0.12;
    mouth.visible = !smile.visible;
    mouth.scale.set(1 - 0.2 * aa, 0.25 + 0.75 * aa, 1);
  };
}
