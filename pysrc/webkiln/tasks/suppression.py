"""Of boxes of the same thing, one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def suppress(boxes: Floats, scores: Floats, labels: NDArray[np.int64], threshold: float, *, weighted: bool) -> list[tuple[int, NDArray[np.int64]]]:
    """What is left of boxes [n, 4] (left, top, right, bottom), the best first: the index of each, and of all that it stands for.

    A box stands for every other of its label whose intersection over union with it is above `threshold`. With `weighted`
    a box is to be averaged with all that it stands for; without, it stands for itself alone.
    """
    rest = np.argsort(-scores, kind="stable")
    kept = []
    while rest.size:
        best = rest[0]
        same = (overlap(boxes[best], boxes[rest]) > threshold) & (labels[rest] == labels[best])
        same[0] = True  # also a box without area
        kept.append((int(best), rest[same] if weighted else rest[:1]))
        rest = rest[~same]
    return kept


def overlap(one: Floats, others: Floats) -> Floats:
    """Intersection over union of a box [4] with boxes [n, 4]; 0 where both are without area."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    union = _area(one[None]) + _area(others) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _area(boxes: Floats) -> Floats:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))
