"""Where lines of text are, from a map of probabilities: the post-processing of differentiable binarization (Liao et al.: Real-time scene text detection

with differentiable binarization, AAAI 2020), with the numbers that PaddleOCR publishes for PP-OCR.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.tasks.pictures import EDGE, Placement, Region
from webkiln.tasks.rectangles import Point, Rectangle, smallest_rectangle

Floats = NDArray[np.float32]

THRESHOLD = 0.3
"""Pixels above it are text."""
LEAST_SCORE = 0.6
"""Of a line: the mean probability within its rectangle."""
LEAST_SIZE = 3.0
"""Pixels of the map that a line measures at least, before it is expanded."""
UNCLIP = 1.5
"""A line is larger than what the map shows of it: by its area times this, divided by its perimeter, on each side."""
UPRIGHT_RATIO = 1.5
"""What is at least this much higher than wide is a line that runs downwards."""


def find_lines(values: Floats, place: Placement) -> list[Region]:
    """Regions of the lines in a map [height, width], in pixels of the picture in which it lies at `place`; text runs along their width, or against it."""
    found = (smallest_rectangle(points) for points in components(values > THRESHOLD))
    rectangles = (one for one in found if one and min(one.width, one.height) >= LEAST_SIZE and _score(values, one) >= LEAST_SCORE)
    return [_upright(_region(_expanded(one), place)) for one in rectangles]


def components(mask: NDArray[np.bool_]) -> list[list[Point]]:
    """For each set of pixels that touch (at a side or a corner) the first and the last of each row's runs, as columns and rows; the uppermost set first."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded, axis=1)
    rows, starts = np.nonzero(change == 1)
    ends = np.nonzero(change == -1)[1]  # the column after the last one
    runs = list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))
    parents = list(range(len(runs)))

    def root(k: int) -> int:
        while parents[k] != k:
            parents[k] = parents[parents[k]]
            k = parents[k]
        return k

    above = 0  # the first run that the next one may touch
    for k, (row, start, end) in enumerate(runs):
        while runs[above][0] < row - 1 or (runs[above][0] == row - 1 and runs[above][2] < start):
            above += 1
        other = above
        while runs[other][0] == row - 1 and runs[other][1] <= end:
            one, two = root(k), root(other)
            parents[max(one, two)] = min(one, two)
            other += 1
    sets: dict[int, list[Point]] = {}
    for k, (row, start, end) in enumerate(runs):
        sets.setdefault(root(k), []).extend([(start, row), (end - 1, row)])
    return list(sets.values())


def _score(values: Floats, rectangle: Rectangle) -> float:
    """The mean of the pixels whose centre is within the rectangle, of which corners are centres of pixels."""
    x, y, cos, sin, width, height = rectangle
    half_x, half_y = (abs(cos) * width + abs(sin) * height) / 2, (abs(sin) * width + abs(cos) * height) / 2
    left, right = max(0, math.floor(x - half_x)), min(values.shape[1] - 1, math.ceil(x + half_x))
    top, bottom = max(0, math.floor(y - half_y)), min(values.shape[0] - 1, math.ceil(y + half_y))
    across, down = np.arange(left, right + 1)[None, :] - x, np.arange(top, bottom + 1)[:, None] - y
    inside = (np.abs(cos * across + sin * down) <= width / 2 + EDGE) & (np.abs(cos * down - sin * across) <= height / 2 + EDGE)
    return float(values[top : bottom + 1, left : right + 1][inside].mean(dtype=np.float64))


def _expanded(rectangle: Rectangle) -> Rectangle:
    width, height = rectangle.width, rectangle.height
    distance = width * height * UNCLIP / (2 * (width + height))
    return rectangle._replace(width=width + 2 * distance, height=height + 2 * distance)


def _region(rectangle: Rectangle, place: Placement) -> Region:
    """The rectangle in the picture. Where pixels of the map are not square it becomes a parallelogram; the region has its area and its first side."""
    x, y, cos, sin, width, height = rectangle
    along: Any = width * (place.a * cos + place.c * sin), width * (place.b * cos + place.d * sin)
    across: Any = height * (place.c * cos - place.a * sin), height * (place.d * cos - place.b * sin)
    centre_x, centre_y = place.to_picture(np.array([x + 0.5, y + 0.5])).tolist()
    length = math.hypot(*along)
    return Region(centre_x, centre_y, length, abs(along[0] * across[1] - along[1] * across[0]) / length, math.atan2(along[1], along[0]))


def _upright(region: Region) -> Region:
    """The same region, turned by −45…45°; one that is high, by a further quarter."""
    quarters = math.floor(region.rotation / (math.pi / 2) + 0.5)
    width, height = (region.width, region.height) if quarters % 2 == 0 else (region.height, region.width)
    rotation = region.rotation - quarters * math.pi / 2
    if height >= UPRIGHT_RATIO * width:
        width, height, rotation = height, width, rotation + math.pi / 2
    return region._replace(width=width, height=height, rotation=rotation)
