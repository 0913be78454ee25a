/** Characters of any make: names of bones, and rotations that come to the same whatever way bones lie at rest. */

import assert from "node:assert/strict";
import test from "node:test";
import { Bone, Euler, Object3D, Quaternion, Vector3 } from "three";
import { Avatar, BONES, PARENTS } from "../../js/avatar/index.js";
import { boneOf, findBones } from "../../js/character/bone_names.js";
import { Rig } from "../../js/character/rig.js";

test("bones are known by their names", () => {
  const names = {
    hips: ["hips", "mixamorig:Hips", "mixamorigHips", "Hips", "pelvis", "J_Bip_C_Hips", "Bip01_Pelvis", "DEF-pelvis"],
    chest: ["chest", "mixamorig:Spine1", "J_Bip_C_Chest", "spine_02"],
    head: ["Head", "mixamorigHead", "Bip01_Head", "head"],
    leftUpperArm: ["leftUpperArm", "mixamorig:LeftArm", "upper_arm.L", "UpperArm_L", "upperarm_l", "J_Bip_L_UpperArm", "UpperArmL", "LeftArm", "Bip01_L_UpperArm", "DEF-upper_arm.L", "mixamorigLeftArm", "upper_armL"],
    rightLowerArm: ["rightLowerArm", "mixamorig9:RightForeArm", "forearm.R", "lowerarm_r", "LowerArm.R", "RightForeArm", "Bip01_R_Forearm"],
    leftUpperLeg: ["mixamorig:LeftUpLeg", "thigh.L", "thigh_l", "J_Bip_L_UpperLeg", "UpperLegL"],
    rightLowerLeg: ["mixamorig:RightLeg", "shin.R", "calf_r", "LowerLeg.R"],
    rightIndexProximal: ["rightIndexProximal", "mixamorig:RightHandIndex1", "index_01_r", "f_index.01.R"],
    leftLittleDistal: ["leftLittleDistal", "mixamorig:LeftHandPinky3", "pinky_03_l"],
  };
  for (const [bone, all] of Object.entries(names)) for (const name of all) assert.equal(boneOf(name), bone, name);
  for (const name of ["Camera", "Light", "mesh", "leftEye", "Armature", "", "helper_l", "Table", "Bell", "mixamorig:HeadTop_End"]) assert.equal(boneOf(name), null, name);
  for (const bone of BONES) assert.equal(boneOf(bone), bone);
});

/** Places of joints in the T-pose. */
const PLACES = { hips: [0, 0.9, 0], spine: [0, 1, 0], chest: [0, 1.15, 0], neck: [0, 1.4, 0], head: [0, 1.5, 0] };
for (const [side, x] of [["left", 1], ["right", -1]])
  Object.assign(PLACES, {
    [`${side}Shoulder`]: [0.05 * x, 1.38, 0],
    [`${side}UpperArm`]: [0.18 * x, 1.38, 0],
    [`${side}LowerArm`]: [0.45 * x, 1.38, 0],
    [`${side}Hand`]: [0.7 * x, 1.38, 0],
    [`${side}MiddleProximal`]: [0.8 * x, 1.38, 0],
    [`${side}UpperLeg`]: [0.1 * x, 0.88, 0],
    [`${side}LowerLeg`]: [0.1 * x, 0.48, 0],
    [`${side}Foot`]: [0.1 * x, 0.08, 0],
  });

/**
 * A skeleton whose arms hang by an angle, and whose bones' own axes lie as it happens.
 * @param {number} lowered degrees
 * @param {boolean} turned
 * @param {string[]} [without]
 */
function skeleton(lowered, turned, without = []) {
  const root = new Object3D();
  const bones = {};
  Object.keys(PLACES).forEach((bone, k) => {
    if (without.includes(bone)) return;
    const place = new Vector3(...PLACES[bone]);
    const side = bone.startsWith("left") ? 1 : -1;
    const shoulder = new Vector3(...PLACES.leftUpperArm).multiply(new Vector3(side, 1, 1));
    const down = new Quaternion().setFromAxisAngle(new Vector3(0, 0, 1), (-side * lowered * Math.PI) / 180);
    if (/LowerArm|Hand|Middle/.test(bone)) place.sub(shoulder).applyQuaternion(down).add(shoulder);
    let parent = PARENTS[bone];
    while (parent && without.includes(parent)) parent = PARENTS[parent];
    const node = (bones[bone] = new Object3D());
    const above = parent ? bones[parent] : root;
    root.updateWorldMatrix(true, true);
    if (turned) node.quaternion.setFromEuler(new Euler(k, 2 * k, 3 * k));
    node.position.copy(above.worldToLocal(place));
    above.add(node);
  });
  return { root, bones };
}

const placesOf = ({ root, bones }) => {
  root.updateWorldMatrix(true, true);
  return Object.fromEntries(Object.entries(bones).map(([bone, node]) => [bone, root.worldToLocal(node.getWorldPosition(new Vector3()))]));
};

/** A pose with everything turned a little. */
function somePose() {
  const pose = new Avatar().update();
  BONES.forEach((bone, k) => (pose.rotations[bone] = new Quaternion().setFromEuler(new Euler(0.3 * Math.sin(k), 0.4 * Math.cos(2 * k), 0.5 * Math.sin(3 * k))).toArray()));
  return { ...pose, position: { x: 0.1, y: 0.9 } };
}

for (const [name, lowered, turned] of [["in the T-pose", 0, false], ["with arms that hang", 50, false], ["with axes that lie anyhow, and arms that hang", 40, true]])
  test(`a skeleton ${name} takes a pose`, () => {
    const plain = skeleton(0, false);
    const pose = somePose();
    for (const [bone, node] of Object.entries(plain.bones)) node.quaternion.fromArray(pose.rotations[bone]); // what the rotations mean
    plain.bones.hips.position.set(0.09, 0.81, 0);
    const expected = placesOf(plain);
    const given = skeleton(lowered, turned);
    given.root.position.set(3, 0, 1);
    given.root.rotation.y = 1;
    given.root.updateWorldMatrix(true, true);
    new Rig(given.bones, given.root).apply(pose);
    for (const [bone, place] of Object.entries(placesOf(given))) assert.ok(place.distanceTo(expected[bone]) < 1e-6, `${bone}: ${place.toArray()} and not ${expected[bone].toArray()}`);
  });

test("what a skeleton lacks is turned by the next bone", () => {
  const given = skeleton(0, true, ["spine", "neck", "leftShoulder"]);
  const pose = somePose();
  new Rig(given.bones, given.root).apply(pose);
  const chest = new Quaternion();
  for (const bone of ["hips", "spine", "chest"]) chest.multiply(new Quaternion().fromArray(pose.rotations[bone]));
  const arm = chest.clone();
  for (const bone of ["leftShoulder", "leftUpperArm"]) arm.multiply(new Quaternion().fromArray(pose.rotations[bone]));
  const { leftUpperArm, leftLowerArm } = placesOf(given);
  const along = leftLowerArm.clone().sub(leftUpperArm).normalize();
  assert.ok(along.distanceTo(new Vector3(1, 0, 0).applyQuaternion(arm)) < 1e-6);
});

test("the first bone of a name is taken, and bones before meshes of that name", () => {
  const root = new Object3D();
  const first = Object.assign(new Object3D(), { name: "mixamorig:Hips" });
  first.add(Object.assign(new Object3D(), { name: "Hips" }));
  root.add(first);
  assert.equal(findBones(root).hips, first);
  const ofSkin = Object.assign(new Bone(), { name: "Hips" });
  first.add(ofSkin);
  assert.equal(findBones(root).hips, ofSkin);
});
