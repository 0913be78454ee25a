"""What a hand does, from its 21 points: by geometry alone, so that it holds near and far, turned, and for either hand.

Every condition of a gesture is a number in 0…1 that grows evenly between two limits, and a gesture is as sure as the least of its conditions.
Angles are in degrees, lengths relative to the hand's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from webkiln.tasks.kinds import Point

Floats = NDArray[np.float64]

WRIST = 0
THUMB, INDEX, MIDDLE, RING, PINKY = 1, 5, 9, 13, 17
"""The first of the four points of a finger; the fourth is its tip."""

FINGERS = (INDEX, MIDDLE, RING, PINKY)
UP, DOWN = np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0])
"""In the picture."""

SURE = 0.5
"""What is less sure than this is no gesture."""


class Gesture(TypedDict):
    """`name`: open_palm, fist, thumb_up, thumb_down, pointing_up, victory, pinch, or none."""

    name: str
    score: float


def read_gesture(world: Sequence[Point]) -> tuple[Gesture, float]:
    """The gesture of a hand with these points in metres, turned as the picture is, and its pinch: the distance between the tips of the thumb and
    the index finger, relative to that between the wrist and the knuckle of the middle finger."""
    points = np.array([[point["x"], point["y"], point["z"]] for point in world])
    pinch = _length(points[THUMB + 3] - points[INDEX + 3]) / max(_length(points[MIDDLE] - points[WRIST]), 1e-6)
    bends = [bend(points, finger) for finger in FINGERS]
    straight = [_grows(angle, 130, 70) for angle in bends]
    curled = [_grows(angle, 110, 160) for angle in bends]
    out = _grows(thumb_reach(points), 0.1, 0.4)
    thumb, index, middle = (
        points[finger + 3] - points[joint] for finger, joint in ((THUMB, THUMB + 1), (INDEX, INDEX), (MIDDLE, MIDDLE))
    )
    sure = {
        "open_palm": min(*straight, out),
        "fist": min(*curled, 1 - out),
        "thumb_up": min(*curled, out, _points_to(thumb, UP)),
        "thumb_down": min(*curled, out, _points_to(thumb, DOWN)),
        "pointing_up": min(straight[0], *curled[1:], _points_to(index, UP)),
        "victory": min(*straight[:2], *curled[2:], _grows(angle_between(index, middle), 4, 12)),
        "pinch": min(_grows(pinch, 0.45, 0.25), 1 - curled[0]),
    }
    name = max(sure, key=sure.__getitem__)
    score = sure[name]
    return ({"name": name, "score": score} if score >= SURE else {"name": "none", "score": 1 - score}), pinch


def bend(points: Floats, finger: int) -> float:
    """By how much a finger is bent from the wrist to its tip: the sum of its three joints' angles."""
    chain = points[[WRIST, finger, finger + 1, finger + 2, finger + 3]]
    bones = chain[1:] - chain[:-1]
    return sum(angle_between(bones[k], bones[k + 1]) for k in range(3))


def thumb_reach(points: Floats) -> float:
    """How much farther from the knuckle of the little finger the thumb's tip is than its knuckle, by the length between these two: 1 away from the
    hand, negative across the palm."""
    knuckle, joint, tip = points[THUMB + 1 : THUMB + 4]
    farther = _length(tip - points[PINKY]) - _length(knuckle - points[PINKY])
    return farther / max(_length(joint - knuckle) + _length(tip - joint), 1e-6)


def angle_between(one: Floats, other: Floats) -> float:
    """Of two directions, in 0…180 degrees."""
    return math.degrees(math.atan2(_length(np.cross(one, other)), float(one @ other)))


def _points_to(direction: Floats, wanted: Floats) -> float:
    return _grows(angle_between(direction, wanted), 60, 30)


def _grows(value: float, none: float, all: float) -> float:
    """0 at `none`, 1 at `all`, evenly between them."""
    return min(max((value - none) / (all - none), 0.0), 1.0)


def _length(vector: Floats) -> float:
    return math.sqrt(float(vector @ vector))
