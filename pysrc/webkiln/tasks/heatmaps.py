"""Points made more exact by heat maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import Floats, activate


def refine(x: Floats, y: Floats, maps: NDArray[Any], spec: Mapping[str, Any], width: float, height: float) -> tuple[Floats, Floats]:
    """Points of an input of this size, each moved to the centre of what its heat map has around it.

    `maps`: [1, rows, columns, points]. The cell in which a point lies is the middle of a window of `spec["window"]` cells; where the highest
    value in it reaches `spec["threshold"]` the point becomes the mean of the window's cells, weighted by their values. Other points stay.
    """
    if maps.ndim != 4 or maps.shape[0] != 1 or maps.shape[3] != len(x):
        raise InputError(f"heat maps of {len(x)} points are [1, rows, columns, {len(x)}], and {spec['output']!r} is {list(maps.shape)}")
    _, rows, columns, _ = maps.shape
    window, threshold = spec.get("window", 7), spec.get("threshold", 0.5)
    to_left = (window - 1) // 2
    x, y = x.copy(), y.copy()
    for k in range(len(x)):
        column, row = x[k] / width * columns, y[k] / height * rows
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        first, above = max(0, int(column) - to_left), max(0, int(row) - to_left)
        last, below = min(columns, int(column) + to_left + 1), min(rows, int(row) + to_left + 1)
        weights = activate(maps[0, above:below, first:last, k], spec.get("activation", "none"))
        total = weights.sum()
        if weights.max() >= threshold and total > 0:
            x[k] = (weights.sum(axis=0) @ np.arange(first, last)) / total / columns * width
            y[k] = (weights.sum(axis=1) @ np.arange(above, below)) / total / rows * height
    return x, y
