"""What `results` gives: plain dicts, the same as the objects of the JavaScript runtime."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from webkiln.tasks.pictures import Placement


class Label(TypedDict):
    """What a picture or sound may be. `index`: of the output."""

    label: str
    index: int
    score: float


class Box(TypedDict):
    """A rectangle in pixels of the picture: its centre and size, turned clockwise by `rotation` radians; it is a region for another model."""

    x: float
    y: float
    width: float
    height: float
    rotation: float


class Point(TypedDict, total=False):
    """A point in pixels of the picture (metres where the output is in metres), with what else its fields say.

    `name` is absent where the points have no names; `z` is as large as x and y are; other fields have their own names.
    """

    name: str
    x: float
    y: float
    z: float
    score: float
    visibility: float
    presence: float


class Detection(TypedDict):
    """Something found in a picture. `index`: of its label."""

    label: str
    index: int
    score: float
    box: Box
    points: list[Point]


class Keypoints(TypedDict):
    """Points, and the pairs of them to be joined by a line."""

    points: list[Point]
    skeleton: list[tuple[int, int]]


class Mask(TypedDict):
    """`values`: float32 [height, width]. `place`: where its pixels lie in the picture."""

    values: NDArray[np.float32]
    place: Placement


class Text(TypedDict):
    """The text of a line, and the mean of its characters' scores."""

    text: str
    score: float


Result = list[Label] | list[Detection] | Keypoints | Mask | Text | NDArray[np.generic]
