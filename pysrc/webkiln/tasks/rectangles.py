"""The smallest turned rectangle around points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    """A centre, the direction of one side (a vector of length 1), and the lengths along it and across (to its right hand, as y goes down)."""

    x: float
    y: float
    cos: float
    sin: float
    width: float
    height: float


Point = tuple[int, int]


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """The corners of the convex hull, around it, without those that lie on a side (Andrew: another efficient algorithm for convex hulls, 1979).

    Points are whole numbers, so that nothing is rounded. What lies on a line has two corners, or one.
    """
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    return _chain(ordered)[:-1] + _chain(ordered[::-1])[:-1]


def _chain(points: Sequence[Point]) -> list[Point]:
    """Those of the sorted points that make one side of the hull."""
    kept: list[Point] = []
    for point in points:
        while len(kept) > 1 and _turns(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept


def _turns(a: Point, b: Point, c: Point) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def smallest_rectangle(points: Sequence[Point]) -> Rectangle | None:
    """The rectangle of the least area that holds the points; None where they lie on a line.

    One of its sides lies on a side of the convex hull (Freeman, Shapira: determining the minimum-area encasing rectangle, 1975); of equal ones it is the first.
    """
    hull = convex_hull(points)
    if len(hull) < 3:
        return None
    best, least = None, math.inf
    for (x, y), (to_x, to_y) in zip(hull, hull[1:] + hull[:1], strict=True):
        dx, dy = to_x - x, to_y - y
        along = [dx * px + dy * py for px, py in hull]
        across = [dx * py - dy * px for px, py in hull]
        low, high, near, far = min(along), max(along), min(across), max(across)
        square = dx * dx + dy * dy
        area = (high - low) * (far - near) / square
        if area < least:
            length = math.sqrt(square)
            middle, off = (low + high) / (2 * square), (near + far) / (2 * square)
            best = Rectangle(dx * middle - dy * off, dy * middle + dx * off, dx / length, dy / length, (high - low) / length, (far - near) / length)
            least = area
    return best
