"""Small characters as files: a tetrahedron on each bone of a humanoid skeleton."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np

# Each bone's parent and place in it, in metres, arms sideways.
SKELETON: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "hips": (None, (0, 0.9, 0)),
    "spine": ("hips", (0, 0.1, 0)),
    "chest": ("spine", (0, 0.15, 0)),
    "neck": ("chest", (0, 0.25, 0)),
    "head": ("neck", (0, 0.1, 0)),
}
for side, x in (("left", 1), ("right", -1)):
    SKELETON[f"{side}UpperArm"] = ("chest", (0.18 * x, 0.2, 0))
    SKELETON[f"{side}LowerArm"] = (f"{side}UpperArm", (0.27 * x, 0, 0))
    SKELETON[f"{side}Hand"] = (f"{side}LowerArm", (0.25 * x, 0, 0))
    SKELETON[f"{side}UpperLeg"] = ("hips", (0.1 * x, 0, 0))
    SKELETON[f"{side}LowerLeg"] = (f"{side}UpperLeg", (0, -0.4, 0))
    SKELETON[f"{side}Foot"] = (f"{side}LowerLeg", (0, -0.4, 0))

_MIXAMO = {"hips": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head"}
_MIXAMO_LIMBS = {"UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand", "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot"}


def mixamo(bone: str) -> str:
    limb = next((part for part in _MIXAMO_LIMBS if bone.endswith(part)), None)
    return "mixamorig:" + (_MIXAMO[bone] if limb is None else bone.removesuffix(limb).title() + _MIXAMO_LIMBS[limb])


def gltf(names: dict[str, str]) -> tuple[dict[str, Any], bytes]:
    """glTF's JSON and buffer: the bones under these names, dots of 1 cm on them."""
    corners = np.array([[0, 0.01, 0], [0.01, -0.01, 0], [-0.01, -0.01, 0.01], [-0.01, -0.01, -0.01]], np.float32)
    faces = np.array([0, 1, 2, 0, 2, 3, 0, 3, 1, 1, 3, 2], np.uint16)
    buffer = corners.tobytes() + faces.tobytes()
    bones = list(SKELETON)
    nodes = [
        {
            "name": names[bone],
            "translation": list(SKELETON[bone][1]),
            "mesh": 0,
            "children": [bones.index(child) for child, (parent, _) in SKELETON.items() if parent == bone],
        }
        for bone in bones
    ]
    described = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{key: value for key, value in node.items() if value != []} for node in nodes],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": corners.min(axis=0).tolist(), "max": corners.max(axis=0).tolist()},
            {"bufferView": 1, "componentType": 5123, "count": len(faces), "type": "SCALAR"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": corners.nbytes}, {"buffer": 0, "byteOffset": corners.nbytes, "byteLength": faces.nbytes}],
        "buffers": [{"byteLength": len(buffer)}],
    }
    return described, buffer


def as_text(described: dict[str, Any], buffer: bytes) -> bytes:
    """A .gltf file."""
    inside = {"byteLength": len(buffer), "uri": f"data:application/octet-stream;base64,{base64.b64encode(buffer).decode()}"}
    return json.dumps({**described, "buffers": [inside]}).encode()


def as_binary(described: dict[str, Any], buffer: bytes) -> bytes:
    """A .glb file."""
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    buffer += b"\0" * (-len(buffer) % 4)
    length = 12 + 8 + len(text) + 8 + len(buffer)
    return struct.pack("<4sII", b"glTF", 2, length) + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(buffer), b"BIN\0") + buffer


def vrm() -> bytes:
    """A .vrm file (VRM 1.0)."""
    described, buffer = gltf({bone: f"bone {k}" for k, bone in enumerate(SKELETON)})
    humanoid = {"humanBones": {bone: {"node": k} for k, bone in enumerate(SKELETON)}}
    meta = {"name": "dots", "authors": ["a test"], "licenseUrl": "https://vrm.dev/licenses/1.0/"}
    extended = {**described, "extensionsUsed": ["VRMC_vrm"], "extensions": {"VRMC_vrm": {"specVersion": "1.0", "meta": meta, "humanoid": humanoid}}}
    return as_binary(extended, buffer)


def mixamo_text() -> bytes:
    """A .gltf file with Mixamo's names."""
    return as_text(*gltf({bone: mixamo(bone) for bone in SKELETON}))


def skinned() -> bytes:
    """A .glb file that has a dot on a skin, too, which bones move."""
    described, buffer = gltf({bone: bone for bone in SKELETON})
    joints = np.tile(np.array([0, 1, 0, 0], np.uint8), (4, 1)).tobytes()
    weights = np.tile(np.array([0.5, 0.5, 0, 0], np.float32), (4, 1)).tobytes()
    buffer += b"\0" * (-len(buffer) % 4)
    described["bufferViews"] += [
        {"buffer": 0, "byteOffset": len(buffer), "byteLength": len(joints)},
        {"buffer": 0, "byteOffset": len(buffer) + len(joints), "byteLength": len(weights)},
    ]
    described["accessors"] += [
        {"bufferView": 2, "componentType": 5121, "count": 4, "type": "VEC4"},
        {"bufferView": 3, "componentType": 5126, "count": 4, "type": "VEC4"},
    ]
    described["meshes"].append({"primitives": [{"attributes": {"POSITION": 0, "JOINTS_0": 2, "WEIGHTS_0": 3}, "indices": 1}]})
    described["skins"] = [{"joints": list(range(len(SKELETON)))}]
    described["scenes"][0]["nodes"].append(len(described["nodes"]))
    described["nodes"].append({"name": "skin", "mesh": 1, "skin": 0})
    buffer += joints + weights
    described["buffers"][0]["byteLength"] = len(buffer)
    return as_binary(described, buffer)
