"""A picture before another background: the reference of what the shader does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError

Floats = NDArray[np.float64]

LIKENESS = 50.0
"""1 / (2σ²) of how like colours in 0…1 are: σ is a tenth of the range."""

LEAST = 0.01
"""The weight of a colour that is not like it at all."""

LOW, HIGH = 0.2, 0.8
"""Values of the mask below and above which there is only background, and only foreground."""

NUDGE = 1 / 64
"""Of a pixel: a place on the border of two pixels is in the same one with every precision."""


def composite(picture: np.ndarray, mask: Mapping[str, Any], background: Sequence[int] | np.ndarray) -> NDArray[np.uint8]:
    """What the mask shows of a picture (uint8 [height, width, 3]), before a background: a colour (three numbers 0…255), or a picture of the same size.

    `mask`: that of `Segmentation.detect`.
    """
    behind = np.asarray(background, np.float64)
    if behind.shape not in ((3,), picture.shape):
        raise InputError(f"a background is a colour [3] or a picture {list(picture.shape)}, got {list(behind.shape)}")
    share = opacity(picture, mask)[..., None]
    return np.asarray(np.floor(behind + share * (picture - behind) + 0.5), np.uint8)


def opacity(picture: np.ndarray, mask: Mapping[str, Any]) -> Floats:
    """The mask at the size of the picture [height, width], its edges where those of the picture are: joint bilateral upsampling
    (Kopf, Cohen, Lischinski, Uyttendaele: Joint Bilateral Upsampling, 2007) from 3 × 3 values about each pixel, then a smooth step.
    """
    values, place = np.asarray(mask["values"], np.float64), mask["place"]
    rows, columns = values.shape
    height, width = picture.shape[:2]
    colors = picture[..., :3] / 255
    y, x = np.mgrid[:height, :width] + 0.5
    inverse = np.linalg.inv([[place.a, place.c, place.e], [place.b, place.d, place.f], [0, 0, 1]])
    u, v = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2], inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    total, weights = np.zeros((height, width)), np.zeros((height, width))
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            column, row = np.floor(u) + across, np.floor(v) + down
            near = (1.5 - np.abs(u - column - 0.5)) * (1.5 - np.abs(v - row - 0.5))
            column, row = np.clip(column, 0, columns - 1).astype(int), np.clip(row, 0, rows - 1).astype(int)
            at_x, at_y = place.a * (column + 0.5) + place.c * (row + 0.5) + place.e, place.b * (column + 0.5) + place.d * (row + 0.5) + place.f
            other = colors[_pixel(at_y, height), _pixel(at_x, width)]
            weight = near * (np.exp(-LIKENESS * ((other - colors) ** 2).sum(axis=-1)) + LEAST)
            total += weight * values[row, column]
            weights += weight
    t = np.clip((total / weights - LOW) / (HIGH - LOW), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _pixel(place: Floats, size: int) -> NDArray[np.int64]:
    return np.asarray(np.clip(np.floor(place + NUDGE), 0, size - 1), np.int64)
