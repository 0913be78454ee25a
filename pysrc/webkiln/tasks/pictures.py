"""From a picture to an input tensor (docs/format.md, "Processing"), computed in float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from webkiln.errors import InputError

EDGE = 1e-3
"""Pixels by which a sample may lie outside of the picture, so that rounding decides nothing at its border."""

MOST_SAMPLES = 16
"""Of `area`, on a side of an input's pixel."""

_CHOICES = {
    "resize": ("stretch", "crop", "letterbox"),
    "pad": ("value", "edge"),
    "resampling": ("bilinear", "nearest", "area"),
    "color": ("RGB", "BGR", "GRAY"),
    "layout": ("NHWC", "NCHW"),
}
_COLORS = {"RGB": np.eye(3), "BGR": np.eye(3)[::-1], "GRAY": np.array([[0.299, 0.587, 0.114]])}


class Region(NamedTuple):
    """A part of a picture: its centre and size in pixels, turned clockwise by `rotation` radians; `mirrored`: seen with left and right swapped."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0
    mirrored: bool = False


class Placement(NamedTuple):
    """Where an input lies in its picture: (x, y) of the input, in pixels, is (a·x + c·y + e, b·x + d·y + f) of the picture."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] of the input, in pixels, as points of the picture."""
        x, y = points[..., 0], points[..., 1]
        return np.stack([self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f], axis=-1)


def placement(spec: Mapping[str, Any], width: int, height: int, region: Region | None = None) -> Placement:
    """Where the input that `spec` describes lies in a picture of this size, or around a region of it.

    Raises InputError when the region has no size, or the specification is not that of a picture.
    """
    part = _checked(region, width, height)
    to_width, to_height = _size(_complete(spec), part)
    by_x, by_y = part.width / to_width, part.height / to_height
    if spec.get("resize", "stretch") != "stretch":
        by_x = by_y = (max if spec["resize"] == "letterbox" else min)(by_x, by_y)
    cos, sin = math.cos(part.rotation), math.sin(part.rotation)
    if part.mirrored:
        by_x = -by_x
    a, b, c, d = by_x * cos, by_x * sin, -by_y * sin, by_y * cos
    return Placement(
        a, b, c, d, part.x - (a * to_width + c * to_height) / 2, part.y - (b * to_width + d * to_height) / 2
    )


def input_size(spec: Mapping[str, Any], width: int, height: int, region: Region | None = None) -> tuple[int, int]:
    """Width and height of the input that `spec` makes of a picture of this size, or of a region of it."""
    return _size(_complete(spec), _checked(region, width, height))


def sized(spec: Mapping[str, Any], size: Mapping[str, int] | None) -> Mapping[str, Any]:
    """The specification with the `width` and `height` that are given for what it leaves open.

    Raises `InputError` when they are not whole numbers from 1, or the specification has others.
    """
    if size is None:
        return spec
    whole = isinstance(size, Mapping) and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in size.values())
    if not whole or set(size) - {"width", "height"}:
        raise InputError(f"the size of an input is {{'width': …, 'height': …}}, whole numbers of pixels from 1; got {size!r}")
    for name, side in size.items():
        if isinstance(spec[name], int) and spec[name] != side:
            raise InputError(f"the input has the {name} {spec[name]}, which is not open; got {side}")
    return {**spec, **size}


def prepare_picture(pixels: np.ndarray, spec: Mapping[str, Any], region: Region | None = None) -> np.ndarray:
    """The input tensor of a picture.

    `pixels` is uint8 [height, width, 3 or 4], RGB or RGBA (alpha is ignored). The result is float32 [1, height, width, channels],
    or [1, channels, height, width] for the layout NCHW. Raises InputError when one of the three is not as it should be.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise InputError(f"a picture is uint8 [height, width, 3 or 4], got {pixels.dtype} {list(pixels.shape)}")
    complete = _complete(spec)
    height, width = pixels.shape[:2]
    to_width, to_height = input_size(spec, width, height, region)
    place = placement(spec, width, height, region)
    x, y = np.arange(to_width)[None, :] + 0.5, np.arange(to_height)[:, None] + 0.5
    columns, rows = _samples(place, complete["resampling"])
    values = pixels[..., :3].astype(np.float64)
    mixed = np.zeros((to_height, to_width, 3))
    for row, column in itertools.product(range(rows), range(columns)):
        at_x, at_y = x + (column + 0.5) / columns - 0.5, y + (row + 0.5) / rows - 0.5
        mixed += _sampled(values, place.a * at_x + place.c * at_y + place.e, place.b * at_x + place.d * at_y + place.f, complete)
    mixed /= columns * rows
    prepared = (mixed @ _COLORS[complete["color"]].T - complete["mean"]) / complete["scale"]
    if complete["layout"] == "NCHW":
        prepared = prepared.transpose(2, 0, 1)
    return np.ascontiguousarray(prepared[None], dtype=np.float32)


def _samples(place: Placement, resampling: str) -> tuple[int, int]:
    """How many samples a pixel of the input takes along its row and its column: one, and with `area` one for each pixel that it covers."""
    if resampling != "area":
        return 1, 1
    across, down = (math.hypot(*side) for side in ((place.a, place.b), (place.c, place.d)))
    return min(MOST_SAMPLES, max(1, math.ceil(across - EDGE))), min(MOST_SAMPLES, max(1, math.ceil(down - EDGE)))


def _sampled(values: np.ndarray, x: np.ndarray, y: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """The colours [height, width, 3] at places of a picture of float64."""
    left, right, across, inside_x = _taps(x, values.shape[1], spec["resampling"])
    above, below, down, inside_y = _taps(y, values.shape[0], spec["resampling"])
    top = values[above, left] + (values[above, right] - values[above, left]) * across[..., None]
    bottom = values[below, left] + (values[below, right] - values[below, left]) * across[..., None]
    mixed = top + (bottom - top) * down[..., None]
    if spec["pad"] == "value":
        mixed[~(inside_x & inside_y)] = spec["pad_value"]
    return np.asarray(mixed)


def _taps(place: np.ndarray, size: int, resampling: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both neighbours of each place, how far it is from the first to the second, and whether it is in the picture."""
    at = np.clip(place - 0.5, 0, size - 1)
    first = np.floor(at).astype(np.int64)
    fraction = at - first
    if resampling == "nearest":
        fraction = (fraction >= 0.5 - EDGE).astype(np.float64)
    return first, np.minimum(first + 1, size - 1), fraction, (place >= -EDGE) & (place <= size + EDGE)


def _complete(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification with its defaults."""
    if spec.get("type", "picture") != "picture":
        raise InputError(f"the specification is of type {spec['type']!r}, wanted 'picture'")
    complete = {
        "pad_value": 0,
        "mean": [0.0],
        "scale": [1.0],
        **{key: words[0] for key, words in _CHOICES.items()},
        **spec,
    }
    for key, words in _CHOICES.items():
        if complete[key] not in words:
            raise InputError(f"the picture's {key} is {complete[key]!r}; this version has {', '.join(words)}")
    return complete


def _size(spec: Mapping[str, Any], region: Region) -> tuple[int, int]:
    """Width and height of the input; a symbol takes that of the region."""
    given = zip((spec["width"], spec["height"]), (region.width, region.height), strict=True)
    width, height = (size if isinstance(size, int) else max(1, math.floor(own + 0.5)) for size, own in given)
    return width, height


def _checked(region: Region | None, width: int, height: int) -> Region:
    part = region or Region(width / 2, height / 2, width, height)
    if not all(math.isfinite(value) for value in part) or part.width <= 0 or part.height <= 0:
        raise InputError(f"a region wants finite numbers and a width and height above 0, got {part}")
    return part
