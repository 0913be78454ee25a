/** Characters from files: VRM, and glTF with a humanoid skeleton. */

import { VRMLoaderPlugin } from "@pixiv/three-vrm";
import { Box3, Group, LoadingManager, TextureLoader, Vector3 } from "three";
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
/** Addresses of what is in the file itself. */
const INSIDE = /^data:/;

/**
 * @param {ArrayBuffer} data of a .vrm, .glb or .gltf file that holds all that it needs
 * @param {string} name of the file
 * @returns {Promise<Character>}
 * @throws {InputError}
 */
export async function readCharacter(data, name) {
  const loader = new GLTFLoader(onlyInside()).register(withImages).register((parser) => new VRMLoaderPlugin(parser));
  let gltf;
  try {
    const described = describedIn(data);
    const outside = [...(described.buffers ?? []), ...(described.images ?? [])].find(({ uri }) => uri && !INSIDE.test(uri));
    if (outside) throw new Error(`${outside.uri} is another file; save it as one .glb file`);
    gltf = await loader.parseAsync(isBinary(data) ? data : packed(described), "");
  } catch (error) {
    throw new InputError(`${name} is not a glTF or VRM file that holds all that it needs: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { vrm } = gltf.userData;
  return vrm ? fromVrm(vrm, name) : fromScene(gltf.scene, name);
}

/**
 * Pictures come as image elements: others are fetched, which the policy of a page may forbid.
 * @param {import("three/examples/jsm/loaders/GLTFLoader.js").GLTFParser} parser
 */
function withImages(parser) {
  /** @type {any} */ (parser).textureLoader = new TextureLoader(parser.options.manager);
  return { name: "images" };
}

/** Whatever a file names, nothing is asked of any server. Pictures of a .glb file are blobs to the loader. */
function onlyInside() {
  return new LoadingManager().setURLModifier((address) => {
    if (!/^(data|blob):/.test(address)) throw new Error(`${address} is outside of the file`);
    return address;
  });
}

/** @param {ArrayBuffer} data */
const isBinary = (data) => new TextDecoder().decode(data.slice(0, 4)) === "glTF";

/**
 * The JSON in a file: all of a .gltf file, or the first chunk of a .glb file.
 * @param {ArrayBuffer} data
 */
function describedIn(data) {
  const text = isBinary(data) ? data.slice(20, 20 + new DataView(data).getUint32(12, true)) : data;
  return JSON.parse(new TextDecoder().decode(text));
}

/**
 * A .gltf file with its buffer inside as a .glb file: nothing of it has to be fetched.
 * @param {any} json of the file
 * @returns {ArrayBuffer}
 */
function packed(json) {
  const buffers = (json.buffers ?? []).map((/** @type {{ uri?: string }} */ { uri = "" }) => Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)));
  // All buffers become one; a view's place moves by what comes before its buffer.
  const starts = buffers.map((/** @type {Uint8Array} */ _, /** @type {number} */ k) => buffers.slice(0, k).reduce((/** @type {number} */ sum, /** @type {Uint8Array} */ one) => sum + padded(one.length), 0));
  const length = buffers.reduce((/** @type {number} */ sum, /** @type {Uint8Array} */ one) => sum + padded(one.length), 0);
  for (const view of json.bufferViews ?? []) Object.assign(view, { byteOffset: (view.byteOffset ?? 0) + starts[view.buffer], buffer: 0 });
  json.buffers = length ? [{ byteLength: length }] : [];
  const text = new TextEncoder().encode(JSON.stringify(json));
  const file = new Uint8Array(20 + padded(text.length) + (length ? 8 + length : 0)).fill(0x20);
  const view = new DataView(file.buffer);
  [0x46546c67, 2, file.length, padded(text.length), 0x4e4f534a].forEach((word, k) => view.setUint32(4 * k, word, true));
  file.set(text, 20);
  if (length) {
    const at = 20 + padded(text.length);
    view.setUint32(at, length, true);
    view.setUint32(at + 4, 0x004e4942, true);
    buffers.forEach((/** @type {Uint8Array} */ one, /** @type {number} */ k) => file.set(one, at + 8 + starts[k]));
  }
  return file.buffer;
}

/** @param {number} length */
const padded = (length) => Math.ceil(length / 4) * 4;

/**
 * @param {any} vrm a VRM of three-vrm, whose types TypeScript does not find
 * @param {string} name of the file
 * @returns {Character}
 */
function fromVrm(vrm, name) {
  const isOld = vrm.meta.metaVersion === "0"; // it looks the other way
  if (isOld) vrm.scene.rotation.y = Math.PI;
  const names = Object.keys(vrm.humanoid.humanBones);
  const bones = Object.fromEntries(names.map((bone) => [bone, vrm.humanoid.getRawBoneNode(bone)]));
  const joints = Object.fromEntries(names.map((bone) => [bone, vrm.humanoid.getNormalizedBoneNode(bone)]));
  const hips = vrm.humanoid.normalizedRestPose.hips?.position ?? [0, 1, 0];
  const { root, height } = onFloor(vrm.scene, name);
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
  const { root, height } = onFloor(scene, name);
  const rig = new Rig(bones, root);
  return { root, bones, height, take: (pose) => rig.apply(pose) };
}

/**
 * As tall as the others, on the floor, in the middle.
 * @param {import("three").Object3D} scene
 * @param {string} name of the file
 */
function onFloor(scene, name) {
  const root = new Group();
  root.add(scene);
  const box = new Box3().setFromObject(root);
  if (!(box.max.y > box.min.y)) throw new InputError(`${name} has a skeleton, but nothing that could be seen`);
  const size = box.getSize(new Vector3());
  const scale = HEIGHT / size.y;
  const middle = box.getCenter(new Vector3());
  scene.scale.multiplyScalar(scale);
  scene.position.multiplyScalar(scale).sub(new Vector3(middle.x * scale, box.min.y * scale, middle.z * scale));
  scene.traverse((node) => (node.frustumCulled = false)); // bones move it out of its box
  return { root, height: HEIGHT };
}
