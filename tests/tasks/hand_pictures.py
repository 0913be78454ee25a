"""Pictures of drawn hands, by name: `test_hands` and `hands_oracle` look at the same ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hand_model import POSES, Drawn, Floats, draw, hand, turned
from numpy.typing import NDArray

_MIRROR = np.array([-1, 1, 1])


def drawn(
    pose: str, wrist: tuple[float, float] = (240, 320), scale: float = 1500, *, degrees: float = 0, right: bool = False
) -> Drawn:
    """A hand in one of `POSES`, the right one when `right`, turned clockwise."""
    joints = hand(POSES[pose]) * (_MIRROR if right else 1)
    return Drawn(joints, wrist, scale).turned(degrees)


def thumbs_up() -> Drawn:
    """A hand whose thumb points up, seen a little from the side."""
    joints: Floats = hand(POSES["thumb_up"]) @ turned(1, 30).T
    x, y = (joints[4] - joints[2])[:2]
    joints = joints @ turned(2, -np.degrees(np.arctan2(x, -y))).T
    middle = joints[:, :2].mean(axis=0) * 1500
    return Drawn(joints, (240 - middle[0], 240 - middle[1]), 1500)


def pictures() -> Mapping[str, NDArray[np.uint8]]:
    """Some have the size of the palm detector's input: what it finds depends on where exactly a larger picture is sampled."""
    own = (192, 192)
    return {
        "open palm": draw([drawn("open_palm", (96, 134), 600)], own),
        "victory, turned": draw([drawn("victory", (88, 120), 600, degrees=40)], own),
        "fist": draw([drawn("fist", (90, 150), 900, degrees=-15)], own),
        "both hands": draw(
            [drawn("open_palm", (170, 330), 1100), drawn("pointing_up", (470, 330), 1100, right=True)], (640, 480)
        ),
    }
