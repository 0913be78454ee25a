"""What it means to keep the best of boxes that overlap."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def kept(boxes: Array, scores: Array, most: int, overlap: float, least: float = -math.inf, *, is_above: Callable[[float, float], bool] = operator.gt) -> Array:
    """The indices of boxes, best first, that no better one that is kept overlaps by more than `overlap`."""
    found: list[int] = []
    for i in np.argsort(-scores):
        y0, x0 = np.maximum(boxes[i, :2], boxes[found, :2]).T
        y1, x1 = np.minimum(boxes[i, 2:], boxes[found, 2:]).T
        common = np.maximum(y1 - y0, 0) * np.maximum(x1 - x0, 0)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
        if len(found) < most and is_above(scores[i], least) and (common <= overlap * (areas[i] + areas[found] - common)).all():
            found.append(int(i))
    return np.array(found, np.int32)
