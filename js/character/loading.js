/** Characters from files: VRM, and glTF with a humanoid skeleton. */

import { VRMLoaderPlugin } from "@pixiv/three-vrm";
import { Box3, Group, Vector3 } from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { InputError } from "../errors.js";
import { findBones } from "./bone_names.js";
import { Rig } from "./rig.js";

/** @typedef {import("../avatar/follow.js").AvatarPose} AvatarPose */
/**
 * @typedef {object} Character
 * @property {import("three").Object3D} root stands on the floor in the middle, looks along +z
 * @property {Record<string, import("three").Object3D>} bones by their names in the VRM humanoid
 * @property {number} height in metres
 * @property {(pose: AvatarPose, seconds: number) => void} take takes a pose; so much time has passed since the last one
 */

/** Without these a skeleton is no humanoid. */
const NEEDED = ["hips", "head", "leftUpperArm", "leftLowerArm", "rightUpperArm", "rightLowerArm"];
const HEIGHT = 1.6;

/**
 * @param {ArrayBuffer} data of a .vrm, .glb or .gltf file that holds all that it needs
 * @param {string} name of the file
 * @returns {Promise<Character>}
 * @throws {InputError}
 */
export async function readCharacter(data, name) {
  const loader = new GLTFLoader().register((parser) => new VRMLoaderPlugin(parser));
  const gltf = await loader.parseAsync(data, "").catch((error) => {
    throw new InputError(`${name} is not a glTF or VRM file that holds all that it needs: ${error.message}`);
  });
  const { vrm } = gltf.userData;
  return vrm ? fromVrm(vrm) : fromScene(gltf.scene, name);
}

/**
 * @param {any} vrm a VRM of three-vrm, whose types TypeScript does not find
 * @returns {Character}
 */
function fromVrm(vrm) {
  const isOld = vrm.meta.metaVersion === "0"; // it looks the other way
  if (isOld) vrm.scene.rotation.y = Math.PI;
  const names = Object.keys(vrm.humanoid.humanBones);
  const bones = Object.fromEntries(names.map((bone) => [bone, vrm.humanoid.getRawBoneNode(bone)]));
  const joints = Object.fromEntries(names.map((bone) => [bone, vrm.humanoid.getNormalizedBoneNode(bone)]));
  const hips = vrm.humanoid.normalizedRestPose.hips?.position ?? [0, 1, 0];
  const { root, height } = onFloor(vrm.scene);
  return {
    root,
    bones,
    height,
    take({ rotations, position, expressions }, seconds) {
      for (const [bone, [x, y, z, w]] of Object.entries(rotations)) joints[bone]?.quaternion.set(isOld ? -x : x, y, isOld ? -z : z, w);
      const side = Math.min(Math.max(position.x, -1), 1) * hips[1];
      joints.hips?.position.set(hips[0] + (isOld ? -side : side), hips[1] * Math.min(Math.max(position.y, 0.2), 1.1), hips[2]);
      for (const [expression, value] of Object.entries(expressions)) vrm.expressionManager?.setValue(expression, value);
      vrm.update(seconds);
    },
  };
}

/**
 * @param {import("three").Group} scene
 * @param {string} name
 * @returns {Character}
 */
function fromScene(scene, name) {
  const bones = findBones(scene);
  const missing = NEEDED.filter((bone) => !bones[bone]);
  if (missing.length) throw new InputError(`${name} has no bones that are known as ${missing.join(", ")}; they go by the names of VRM, Mixamo, Blender or Unreal`);
  const { root, height } = onFloor(scene);
  const rig = new Rig(bones, root);
  return { root, bones, height, take: (pose) => rig.apply(pose) };
}

/**
 * As tall as the others, on the floor, in the middle.
 * @param {import("three").Object3D} scene
 */
function onFloor(scene) {
  const root = new Group();
  root.add(scene);
  const box = new Box3().setFromObject(root);
  const size = box.getSize(new Vector3());
  const scale = HEIGHT / (size.y || HEIGHT);
  const middle = box.getCenter(new Vector3());
  scene.scale.multiplyScalar(scale);
  scene.position.multiplyScalar(scale).sub(new Vector3(middle.x * scale, box.min.y * scale, middle.z * scale));
  scene.traverse((node) => (node.frustumCulled = false)); // bones move it out of its box
  return { root, height: HEIGHT };
}
