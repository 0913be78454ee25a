/** Which bones of a file are which of the VRM humanoid, by their names: VRM's own, Mixamo's, and what modelling programs and game engines call them. */

/** What is left of a name without its side, prefix and punctuation, by bone. @type {Record<string, string[]>} */
const NAMES = {
  hips: ["hips", "hip", "pelvis", "root1"],
  spine: ["spine", "spine0", "spine01", "abdomen", "waist"],
  chest: ["chest", "spine1", "spine02", "spine2", "upperchest", "thorax", "torso"],
  neck: ["neck", "neck1", "neck01"],
  head: ["head"],
  Shoulder: ["shoulder", "clavicle", "collar"],
  UpperArm: ["upperarm", "arm", "uparm", "bicep", "armupper"],
  LowerArm: ["lowerarm", "forearm", "elbow", "armlower"],
  Hand: ["hand", "wrist", "palm"],
  UpperLeg: ["upperleg", "upleg", "thigh", "legupper"],
  LowerLeg: ["lowerleg", "leg", "shin", "calf", "knee", "leglower"],
  Foot: ["foot", "ankle"],
};
const JOINTS = { Thumb: ["Metacarpal", "Proximal", "Distal"], Finger: ["Proximal", "Intermediate", "Distal"] };
for (const finger of ["Thumb", "Index", "Middle", "Ring", "Little"]) {
  const joints = finger === "Thumb" ? JOINTS.Thumb : JOINTS.Finger;
  const others = finger === "Little" ? ["little", "pinky"] : [finger.toLowerCase()];
  joints.forEach((joint, k) => {
    const endings = [joint.toLowerCase(), `${k + 1}`, `0${k + 1}`];
    NAMES[finger + joint] = others.flatMap((name) => endings.flatMap((ending) => [name + ending, `hand${name}${ending}`, `f${name}${ending}`]));
  });
}

/** @type {Map<string, string>} */
const BONES = new Map(Object.entries(NAMES).flatMap(([bone, names]) => names.map((name) => /** @type {[string, string]} */ ([name, bone]))));
const PREFIXES = /^(mixamorig\d*[\s_:]*|(armature|bip\d*|def|org|cc_base|j_bip|valvebiped|rig|character\d*|bone)[\s_:.|-]+)/i;

/**
 * @param {string} name of a node
 * @returns {string | null} the bone's name in the VRM humanoid
 */
export function boneOf(name) {
  let rest = name;
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(PREFIXES, "");
  }
  const centre = BONES.get(rest.replace(/^[Cc]_|[\W_]+/g, "").toLowerCase());
  if (centre && /^[a-z]/.test(centre)) return centre;
  const sided =
    /^(?<side>left|right)[\W_]*(?<part>.+)$/i.exec(rest) ?? /^(?<part>.+?)[\W_]*(?<side>left|right)$/i.exec(rest) ??
    /^(?<side>[lr])[\W_]+(?<part>.+)$/i.exec(rest) ?? /^(?<part>.+)[\W_]+(?<side>[lr])(?:[\W_]*\d*)$/i.exec(rest) ??
    /^(?<part>.*[a-z\d])(?<side>[LR])$/.exec(rest) ?? /^(?<side>[LR])(?<part>[A-Z].*)$/.exec(rest);
  if (!sided?.groups) return null;
  const bone = BONES.get(sided.groups.part.replace(/[\W_]+/g, "").toLowerCase());
  if (!bone || /^[a-z]/.test(bone)) return null;
  return (/^l/i.test(sided.groups.side) ? "left" : "right") + bone;
}

/**
 * @param {import("three").Object3D} root
 * @returns {Record<string, import("three").Object3D>} nodes by bone: the first of each name from the root on, bones of a skin before anything else
 */
export function findBones(root) {
  /** @type {Record<string, import("three").Object3D>} */
  const found = {};
  for (const isBone of [true, false])
    root.traverse((node) => {
      const bone = boneOf(node.name);
      if (bone && Boolean(/** @type {any} */ (node).isBone) === isBone) found[bone] ??= node;
    });
  return found;
}
