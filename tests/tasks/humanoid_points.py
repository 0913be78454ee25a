"""A skeleton of known joint angles, and the points that tasks would find on it: forward kinematics with matrices, apart from the solver's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# Each joint's place in its parent's axes at the T-pose, in metres; those of the right side are mirrored.
TRUNK = {
    "hips": (None, (0, 0, 0)),
    "spine": ("hips", (0, 0.1, 0)),
    "chest": ("spine", (0, 0.15, 0)),
    "neck": ("chest", (0, 0.25, 0)),
    "head": ("neck", (0, 0.1, 0)),
}
LIMBS = {
    "UpperArm": ("chest", (0.18, 0.22, 0)),
    "LowerArm": ("UpperArm", (0.28, 0, 0)),
    "Hand": ("LowerArm", (0.25, 0, 0)),
    "UpperLeg": ("hips", (0.1, 0, 0)),
    "LowerLeg": ("UpperLeg", (0, -0.42, 0)),
    "Foot": ("LowerLeg", (0, -0.4, 0)),
}
# Of a head that is upright the mouth lies 12 degrees behind the eyes, as the models have it.
MARKS = {
    "head": {"nose": (0, 0.05, 0.11), "mouth": (0.03, 0, 0.073), "eye": (0.03, 0.08, 0.09), "ear": (0.08, 0.06, 0)},
    "Hand": {"little": (0.08, 0, -0.03), "index": (0.08, 0, 0.03), "thumb": (0.05, 0, 0.06)},
    "Foot": {"heel": (0, -0.05, -0.05), "toe": (0, -0.05, 0.15)},
}
THUMB = np.array([1, 0, 1]) / np.sqrt(2)
FINGERS = {"Thumb": ("Metacarpal", "Proximal", "Distal"), **dict.fromkeys(("Index", "Middle", "Ring", "Little"), ("Proximal", "Intermediate", "Distal"))}
KNUCKLES = {"Thumb": (0.02, 0, 0.02), "Index": (0.09, 0, 0.03), "Middle": (0.09, 0, 0.01), "Ring": (0.088, 0, -0.01), "Little": (0.085, 0, -0.03)}
BONE = 0.03  # of a finger, in metres


def matrix(degrees: tuple[float, float, float]) -> np.ndarray:
    """Of a rotation vector (Rodrigues' formula)."""
    vector = np.radians(np.array(degrees, float))
    angle = np.linalg.norm(vector)
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


MIRROR = np.diag([-1.0, 1, 1])


def of_quaternion(q: Any) -> np.ndarray:
    x, y, z, w = q
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between two rotations."""
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))


def joints(pose: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Where each joint is, and how its bone is turned in the world. `pose`: matrices by bone; those that are missing don't turn."""
    places: dict[str, np.ndarray] = {}
    turned: dict[str, np.ndarray] = {}

    def add(bone: str, parent: str | None, offset: np.ndarray) -> None:
        own = pose.get(bone, np.eye(3))
        places[bone] = places[parent] + turned[parent] @ offset if parent else offset
        turned[bone] = turned[parent] @ own if parent else own

    for bone, (parent, offset) in TRUNK.items():
        add(bone, parent, np.array(offset, float))
    for side, flip in (("left", np.eye(3)), ("right", MIRROR)):
        for bone, (parent, offset) in LIMBS.items():
            add(side + bone, parent if parent in TRUNK else side + parent, flip @ np.array(offset, float))
        for finger, parts in FINGERS.items():
            parent, offset = "Hand", np.array(KNUCKLES[finger], float)
            for part in (*parts, "Tip"):
                add(side + finger + part, side + parent, flip @ offset)
                parent, offset = finger + part, BONE * (THUMB if finger == "Thumb" else np.array([1.0, 0, 0]))
    return places, turned


def person(pose: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The 33 points of a body, in metres about the hips and in the camera's axes: x right, y down, z away; and as a camera without perspective sees them."""
    places, turned = joints(pose)

    def mark(bone: str, name: str, side: str) -> np.ndarray:
        key = bone if bone in TRUNK else side + bone
        return places[key] + turned[key] @ ((MIRROR if side == "right" else np.eye(3)) @ np.array(MARKS[bone][name], float))

    both = ("left", "right")
    points = [mark("head", "nose", "left"), *(mark("head", "eye", side) for side in both for _ in range(3))]
    points += [mark("head", name, side) for name in ("ear", "mouth") for side in both]
    points += [places[side + bone] for bone in ("UpperArm", "LowerArm", "Hand") for side in both]
    points += [mark("Hand", name, side) for name in ("little", "index", "thumb") for side in both]
    points += [places[side + bone] for bone in ("UpperLeg", "LowerLeg", "Foot") for side in both]
    points += [mark("Foot", name, side) for name in ("heel", "toe") for side in both]
    world = [{"x": float(x), "y": float(-y), "z": float(-z), "visibility": 1.0} for x, y, z in points]
    landmarks = [{"x": 320 + 200 * p["x"], "y": 240 + 200 * p["y"], "z": 200 * p["z"], "visibility": 1.0} for p in world]
    return {"world": world, "landmarks": landmarks}


def hand(pose: Mapping[str, np.ndarray], side: str) -> dict[str, Any]:
    """The 21 points of a hand, as `person` has those of the body."""
    places, _ = joints(pose)
    points = [places[side + "Hand"], *(places[side + finger + part] for finger, parts in FINGERS.items() for part in (*parts, "Tip"))]
    world = [{"x": float(x), "y": float(-y), "z": float(-z)} for x, y, z in points]
    return {"world": world, "landmarks": [{"x": 320 + 200 * p["x"], "y": 240 + 200 * p["y"], "z": 200 * p["z"]} for p in world], "handedness": {"label": side, "score": 1.0}}
