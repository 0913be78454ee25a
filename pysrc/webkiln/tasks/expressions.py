"""What a face does, from the points of its mesh: how it is turned, how far mouth and eyes are open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.tasks.kinds import Point

# Points of the mesh, right and left as the person says.
EYES = {"right": (33, 133), "left": (263, 362)}
"""The outer and the inner corner of each eye."""
_LIDS = {"right": (159, 145), "left": (386, 374)}  # the middle of the upper and of the lower one
_SIDES = (234, 454)  # before the right and the left ear
_HEIGHT = (10, 152)  # the top of the forehead and the chin
_MOUTH = (78, 308)  # corners of the inner lips
_LIPS = (13, 14)  # their middles


def read_expression(mesh: Sequence[Point]) -> dict[str, Any]:
    """How a face with these points is turned, and how far it is open.

    `rotation`: of a head that first nods by `pitch`, then turns by `yaw`, then tilts by `roll`, in radians: downward, to the person's left (the right of
    a picture that is not mirrored), towards the left shoulder (clockwise in the picture); all 0 for one that looks into the camera, seen from far away.
    `mouth`, `eyes` (`left`, `right`): height of what is open as a part of the width. Lengths are measured in space, so that they stay when the head turns.
    """
    at = {k: np.array([mesh[k]["x"], mesh[k]["y"], mesh[k]["z"]]) for pair in (*EYES.values(), *_LIDS.values(), _SIDES, _HEIGHT, _MOUTH, _LIPS) for k in pair}

    def distance(pair: tuple[int, int]) -> float:
        return math.dist(at[pair[0]], at[pair[1]])

    across = at[_SIDES[1]] - at[_SIDES[0]]
    inward = np.cross(across, at[_HEIGHT[1]] - at[_HEIGHT[0]])
    return {
        "rotation": _angles(across, np.cross(inward, across), inward),
        "mouth": _ratio(distance(_LIPS), distance(_MOUTH)),
        "eyes": {side: _ratio(distance(_LIDS[side]), distance(EYES[side])) for side in ("left", "right")},
    }


def _angles(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> dict[str, float]:
    """Of the rotation that takes the picture's axes (right, down, into it) to these, at right angles to each other, of any lengths."""
    return {
        "yaw": math.atan2(x[2], math.hypot(x[0], x[1])),
        "pitch": math.atan2(y[2] / (np.linalg.norm(y) or 1), z[2] / (np.linalg.norm(z) or 1)),
        "roll": math.atan2(x[1], x[0]),
    }


def _ratio(height: float, width: float) -> float:
    return height / width if width > 0 else 0.0
