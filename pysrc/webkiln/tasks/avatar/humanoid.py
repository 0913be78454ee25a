"""The bones of a humanoid, as VRM 1.0 names them, how far each can turn, and how they hang at rest.

Rotations are relative to the T-pose: up is +y, the person looks along +z, the left arm points along +x, palms down, thumbs half forward. Where there
are two of a bone, numbers are of the left one.
"""

from __future__ import annotations

import math

import numpy as np

from webkiln.tasks.avatar.rotations import IDENTITY, Floats, compose, from_vector, mirror

_FINGERS = ("Index", "Middle", "Ring", "Little")
FINGER_BONES = (
    ("ThumbMetacarpal", "ThumbProximal", "ThumbDistal"),
    *((f"{finger}Proximal", f"{finger}Intermediate", f"{finger}Distal") for finger in _FINGERS),
)
"""Of each finger from the hand on, without its side."""

TRUNK = {"hips": None, "spine": "hips", "chest": "spine", "neck": "chest", "head": "neck"}
_LIMBS = {
    "Shoulder": "chest",
    "UpperArm": "Shoulder",
    "LowerArm": "UpperArm",
    "Hand": "LowerArm",
    **{bone: parent for chain in FINGER_BONES for bone, parent in zip(chain, ("Hand", *chain), strict=False)},
    "UpperLeg": "hips",
    "LowerLeg": "UpperLeg",
    "Foot": "LowerLeg",
}

PARENTS: dict[str, str | None] = {
    **TRUNK,
    **{side + bone: parent if parent in TRUNK else side + parent for side in ("left", "right") for bone, parent in _LIMBS.items()},
}
"""The parent of each bone; parents come first."""

BONES = tuple(PARENTS)

Limit = tuple[int, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]]
_FINGER: dict[str, Limit] = {
    "Proximal": (0, ((0, 0), (-25, 25), (-90, 45))),
    "Intermediate": (0, ((0, 0), (0, 0), (-100, 5))),
    "Distal": (0, ((0, 0), (0, 0), (-90, 10))),
}

LIMITS: dict[str, Limit] = {
    "spine": (1, ((-15, 40), (-25, 25), (-20, 20))),
    "chest": (1, ((-15, 40), (-25, 25), (-20, 20))),
    "neck": (1, ((-25, 25), (-40, 40), (-25, 25))),
    "head": (1, ((-25, 25), (-40, 40), (-25, 25))),
    "UpperArm": (0, ((-135, 90), (-135, 60), (-120, 95))),
    "LowerArm": (0, ((-90, 90), (-150, 0), (-15, 15))),
    "Hand": (0, ((0, 0), (-20, 30), (-80, 70))),
    "UpperLeg": (1, ((-120, 30), (-45, 45), (-30, 50))),
    "LowerLeg": (1, ((0, 145), (-10, 10), (-5, 5))),
    "Foot": (1, ((-20, 50), (-20, 20), (-20, 35))),
    "ThumbMetacarpal": (0, ((-45, 45), (-45, 60), (-60, 45))),
    "ThumbProximal": (0, ((-30, 30), (-60, 60), (-60, 30))),
    "ThumbDistal": (0, ((-30, 30), (-80, 80), (-80, 30))),
    **{finger + part: limit for finger in _FINGERS for part, limit in _FINGER.items()},
}
"""How far bones turn: the axis along the bone (0 x, 1 y), about which it twists, and degrees about x, y and z: of the twist, and of the swing that follows it.

Ranges of motion of the American Academy of Orthopaedic Surgeons (Joint Motion, 1965). Spine and chest share those of the back, neck and head those
of the neck. The upper arm's twist has 45° more outward: the shortest way from the T-pose, of which it is counted, adds as much to a raised arm. The
forearm's 15° to the side are the carrying angle. Bones that are missing here turn freely (hips), or not at all (shoulders: points on a
skin don't tell them from the trunk).
"""

_RADIANS = {bone: (axis, np.radians(np.array(ranges, np.float64))) for bone, (axis, ranges) in LIMITS.items()}


def _degrees(x: float, y: float, z: float) -> Floats:
    return from_vector(np.array([x, y, z], np.float64) * math.pi / 180)


_HANGING = {
    "UpperArm": compose(_degrees(0, 0, -72), _degrees(0, -8, 0)),
    "LowerArm": _degrees(0, -14, 0),
    **{finger + part: _degrees(0, 0, -angle) for finger in _FINGERS for part, angle in zip(_FINGER, (16, 24, 18), strict=True)},
}
REST: dict[str, Floats] = {
    **dict.fromkeys(BONES, IDENTITY),
    **{f"left{bone}": q for bone, q in _HANGING.items()},
    **{f"right{bone}": mirror(q) for bone, q in _HANGING.items()},
}
"""The pose of someone who just stands there: arms hang down, fingers are a little bent."""


def limit_of(bone: str) -> tuple[int, Floats]:
    """The axis along a bone (without its side), and [3, 2] radians."""
    return _RADIANS[bone]
