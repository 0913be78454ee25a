"""Where the input that an output is about lies in its picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.inputs import PicturePart, picture_part
from webkiln.tasks.pictures import Placement, input_size, placement, sized


class Place(NamedTuple):
    """Size of an input in pixels, and where it lies in its picture."""

    width: int
    height: int
    to_picture: Placement

    @property
    def by_x(self) -> float:
        """Pixels of the picture to a pixel of the input, along its width."""
        return math.hypot(self.to_picture.a, self.to_picture.b)

    @property
    def by_y(self) -> float:
        return math.hypot(self.to_picture.c, self.to_picture.d)

    @property
    def rotation(self) -> float:
        """Radians, clockwise; of what is mirrored too."""
        return math.atan2(-self.to_picture.c, self.to_picture.d)

    def turned(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] about an origin, turned (and mirrored) as the input is, but as large as they were."""
        x, y = points[..., 0] / self.by_x, points[..., 1] / self.by_y
        return np.stack([self.to_picture.a * x + self.to_picture.c * y, self.to_picture.b * x + self.to_picture.d * y], axis=-1)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] in pixels of the input, as points of the picture."""
        return self.to_picture.to_picture(points)


def find_place(processing: Mapping[str, Any], spec: Mapping[str, Any], inputs: Mapping[str, Any] | None) -> Place | None:
    """The place of the output with this specification; None for a model without pictures.

    Without `inputs`, or where an array of the input's own shape was given, it is as if the input were the picture.
    """
    pictures = {name: one for name, one in processing.get("inputs", {}).items() if one.get("type") == "picture"}
    name = spec.get("input") or next(iter(pictures), None)
    if name is None:
        return None
    if name not in pictures:
        raise InputError(f"model.json says that an output is about the input {name!r}, and that this is no picture")
    picture = pictures[name]
    if inputs is not None and name not in inputs:
        raise InputError(f"the results are about the picture that was given as the input {name!r}; give it under that name, or no inputs")
    part: PicturePart | None = None if inputs is None else picture_part(inputs[name], picture)
    if part is None:
        width, height = picture["width"], picture["height"]
        if not (isinstance(width, int) and isinstance(height, int)):
            raise InputError(f"the input {name!r} has the size of its picture: give the inputs with that picture too")
        return Place(width, height, Placement(1, 0, 0, 1, 0, 0))
    picture = sized(picture, part.size)
    width, height = input_size(picture, part.width, part.height, part.region)
    return Place(width, height, placement(picture, part.width, part.height, part.region))
