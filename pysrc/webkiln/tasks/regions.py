"""Regions of a picture for the next model: from what a detector found, or from the points of the frame before.

Axes are those of pictures: x to the right, y down, angles clockwise, in radians; lengths in pixels of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from webkiln.tasks.kinds import Box
from webkiln.tasks.pictures import Region

UPRIGHT, LEVEL = -math.pi / 2, 0.0
"""Directions that a line has in the upright picture: up, and to the right."""


def turn(start: Mapping[str, Any], end: Mapping[str, Any], wanted: float) -> float:
    """The rotation in −π…π that a picture has whose line from `start` to `end` should have the direction `wanted`."""
    angle = math.atan2(end["y"] - start["y"], end["x"] - start["x"]) - wanted
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def around_line(start: Mapping[str, Any], end: Mapping[str, Any], scale: float) -> Region:
    """The square about `start` whose inner circle goes through `end`, `scale` times as large; the line goes up in it.

    A body is found so: its hip centre, and a point on the circle around all of it.
    """
    side = 2 * scale * math.hypot(end["x"] - start["x"], end["y"] - start["y"])
    return Region(start["x"], start["y"], side, side, turn(start, end, UPRIGHT))


def square(region: Region, scale: float, up: float = 0.0) -> Region:
    """The square of `scale` times the region's longer side, moved by `up` of its height towards its top, turned as the region is."""
    side = scale * max(region.width, region.height)
    away = up * region.height
    return Region(region.x + away * math.sin(region.rotation), region.y - away * math.cos(region.rotation), side, side, region.rotation)


def around_points(points: Sequence[Mapping[str, Any]], rotation: float = 0.0) -> Region:
    """The smallest region of this rotation that holds the points."""
    cos, sin = math.cos(rotation), math.sin(rotation)
    across = [cos * point["x"] + sin * point["y"] for point in points]
    down = [cos * point["y"] - sin * point["x"] for point in points]
    x, y = (min(across) + max(across)) / 2, (min(down) + max(down)) / 2
    return Region(cos * x - sin * y, sin * x + cos * y, max(across) - min(across), max(down) - min(down), rotation)


def as_box(region: Region) -> Box:
    """The region as results say it."""
    return {"x": region.x, "y": region.y, "width": region.width, "height": region.height, "rotation": region.rotation}


def overlap(one: Region, other: Region) -> float:
    """Intersection over union of two regions, as if they were not turned."""
    width = min(one.x + one.width / 2, other.x + other.width / 2) - max(one.x - one.width / 2, other.x - other.width / 2)
    height = min(one.y + one.height / 2, other.y + other.height / 2) - max(one.y - one.height / 2, other.y - other.height / 2)
    shared = max(width, 0.0) * max(height, 0.0)
    union = one.width * one.height + other.width * other.height - shared
    return shared / union if union > 0 else 0.0
