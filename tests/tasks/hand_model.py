"""A hand made by code: its joints from the angles of its fingers, and a picture of it, which the models take for a hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FINGERS = ("thumb", "index", "middle", "ring", "pinky")

# Of a left hand whose palm is seen, fingers up: metres from the wrist, x to the right, y down, z away from who looks.
_FIRST = {
    "thumb": (-0.028, -0.022, -0.008),
    "index": (-0.028, -0.092, 0.0),
    "middle": (-0.004, -0.095, 0.0),
    "ring": (0.018, -0.088, 0.0),
    "pinky": (0.038, -0.076, 0.0),
}
_BONES = {
    "thumb": (0.042, 0.033, 0.027),
    "index": (0.042, 0.025, 0.020),
    "middle": (0.046, 0.028, 0.021),
    "ring": (0.042, 0.027, 0.021),
    "pinky": (0.034, 0.020, 0.018),
}
_RADII = {
    "thumb": (0.016, 0.012, 0.0105, 0.0085),
    "index": (0.012, 0.0095, 0.0085, 0.007),
    "middle": (0.012, 0.0098, 0.0088, 0.0072),
    "ring": (0.0115, 0.009, 0.008, 0.007),
    "pinky": (0.0105, 0.0085, 0.007, 0.006),
}
_SPREAD = {"thumb": -45.0, "index": -14.0, "middle": -1.0, "ring": 8.0, "pinky": 17.0}
_ACROSS = -45.0  # the thumb bends across the palm

_FINER = 2  # for soft edges, pictures are drawn so many times as large

CURLED = (85.0, 100.0, 60.0)
ACROSS = (10.0, 60.0, 60.0)
_FIST = dict.fromkeys(FINGERS[1:], CURLED)

POSES: Mapping[str, Mapping[str, Sequence[float]]] = {
    "open_palm": {},
    "fist": {**_FIST, "thumb": ACROSS},
    "thumb_up": _FIST,
    "pointing_up": {**_FIST, "index": (0, 0, 0), "thumb": ACROSS},
    "victory": {"ring": CURLED, "pinky": CURLED, "thumb": ACROSS},
    "pinch": {"thumb": (20, 40, 40), "index": (35, 60, 25)},
}
"""Degrees by which the three joints of each finger are bent; those that are not named are straight."""


def turned(axis: int, degrees: float) -> Floats:
    """The rotation [3, 3] about an axis; about the third it is clockwise in the picture."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    return matrix


def hand(bends: Mapping[str, Sequence[float]]) -> Floats:
    """The 21 joints [21, 3] of a left hand whose palm is seen, in metres from its wrist."""
    joints = [np.zeros(3)]
    for finger in FINGERS:
        joints.append(np.array(_FIRST[finger]))
        frame = turned(2, _SPREAD[finger]) @ (turned(1, _ACROSS) if finger == "thumb" else np.eye(3))
        for length, bend in zip(_BONES[finger], bends.get(finger, (0, 0, 0)), strict=True):
            frame = frame @ turned(0, bend)
            joints.append(joints[-1] + frame @ np.array([0, -length, 0]))
    return np.array(joints)


def as_points(joints: Floats) -> list[Any]:
    return [{"x": x, "y": y, "z": z} for x, y, z in joints.tolist()]


@dataclass
class Canvas:
    """Light (float64 [height, width]) of what is nearest at each pixel, and how far away that is."""

    depth: Floats
    light: Floats

    def bone(self, start: Floats, end: Floats, radii: tuple[float, float]) -> None:
        """Spheres from one place to the other, in pixels; the light comes from where one looks, and a little from above on the left."""
        height, width = self.depth.shape
        for share in np.linspace(0, 1, max(int(np.hypot(*(end - start)[:2]) / 3), 2)):
            (x, y, z), radius = start + share * (end - start), radii[0] + share * (radii[1] - radii[0])
            left, top = max(int(x - radius) - 1, 0), max(int(y - radius) - 1, 0)
            place = (
                slice(top, max(min(int(y + radius) + 2, height), top)),
                slice(left, max(min(int(x + radius) + 2, width), left)),
            )
            across, down = (
                np.arange(place[1].start, place[1].stop) - x,
                np.arange(place[0].start, place[0].stop)[:, None] - y,
            )
            toward = np.sqrt(np.maximum(radius**2 - across**2 - down**2, 0))
            near = (toward > 0) & (z - toward < self.depth[place])
            self.depth[place] = np.where(near, z - toward, self.depth[place])
            self.light[place] = np.where(near, (0.75 * toward - 0.25 * (across + down)) / radius, self.light[place])


@dataclass(frozen=True)
class Drawn:
    """A hand in a picture: its joints, where its wrist is, in pixels, and how many of these are a metre."""

    joints: Floats
    wrist: tuple[float, float]
    scale: float

    def turned(self, degrees: float) -> Drawn:
        return replace(self, joints=self.joints @ turned(2, degrees).T)

    @property
    def pixels(self) -> Floats:
        """The joints [21, 3] in pixels of the picture."""
        return self.joints * self.scale + np.array([*self.wrist, 0])

    def draw(self, canvas: Canvas, arm: Floats) -> None:
        at, scale = self.pixels, self.scale

        def bone(start: Floats, end: Floats, first: float, last: float) -> None:
            canvas.bone(start, end, (first * scale, last * scale))

        for number, finger in enumerate(FINGERS):
            first, radii = 1 + 4 * number, _RADII[finger]
            bone(at[0], at[first], 0.02, 1.35 * radii[0])
            for k in range(3):
                bone(at[first + k], at[first + k + 1], radii[k], radii[k + 1])
        for a, b in ((5, 9), (9, 13), (13, 17), (1, 5), (2, 5), (0, 17), (0, 5)):
            bone(at[a], at[b], 0.014, 0.014)
        bone((at[0] + at[9]) / 2, (at[5] + at[13]) / 2, 0.022, 0.02)
        bone((at[0] + at[17]) / 2, at[17], 0.02, 0.014)
        bone(at[0], at[0] + arm * scale, 0.026, 0.034)


def draw(hands: Sequence[Drawn], size: tuple[int, int] = (480, 480)) -> NDArray[np.uint8]:
    """The picture [height, width, 3] of hands and forearms, which point away from the middle fingers, in skin color on a background of soft colors."""
    width, height = _FINER * size[0], _FINER * size[1]
    canvas = Canvas(np.full((height, width), np.inf), np.zeros((height, width)))
    for one in hands:
        knuckle = one.joints[9] * [1, 1, 0]
        replace(one, wrist=(_FINER * one.wrist[0], _FINER * one.wrist[1]), scale=_FINER * one.scale).draw(
            canvas, -0.18 * knuckle / np.linalg.norm(knuckle)
        )
    down, across = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    background = np.stack([70 + 40 * across, 90 + 30 * down, np.full_like(down, 110)], axis=-1)
    skin = np.array([224, 172, 142]) * np.clip(0.45 + 0.6 * canvas.light, 0.2, 1.08)[..., None]
    fine = np.where(np.isfinite(canvas.depth)[..., None], skin, background).reshape(size[1], _FINER, size[0], _FINER, 3)
    return fine.mean(axis=(1, 3)).clip(0, 255).astype(np.uint8)
