"""Paddings with elements of the tensor itself."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter, Refused
from webkiln.importers.lowerings.movement import part


def padding_value(array: np.ndarray | None) -> float:
    """The number that is padded with, which must be known at conversion."""
    if array is None or array.size != 1:
        raise Refused("padding with a value that is computed when the model runs")
    return float(array.reshape(-1)[0])


def mirrored(emitter: Emitter, value: str, low: list[Dim], high: list[Dim], *, symmetric: bool) -> str:
    """Axis by axis: the elements near each end, backwards, around the tensor."""
    # Unless it is symmetric, the element at the end itself is left out.
    skip = 0 if symmetric else 1
    for axis, (before, after) in enumerate(zip(low, high, strict=True)):
        shape = emitter.builder.shape(value)
        size = shape[axis]
        for amount in (before, after):
            if amount < 0 or amount > size - skip:
                emitter.fail(f"{amount} elements cannot be mirrored from axis {axis} of {shape}")
        parts = [
            _backwards(emitter, value, axis, before + skip - 1, before),
            value,
            _backwards(emitter, value, axis, size - 1 - skip, after),
        ]
        parts = [part for part in parts if part]
        value = emitter.node("concat", parts, axis=axis) if len(parts) > 1 else value
    return value


def _backwards(emitter: Emitter, value: str, axis: int, start: Dim, count: Dim) -> str:
    """`count` elements of an axis from `start` towards the front; "" for none."""
    if count == 0:
        return ""
    return part(emitter, value, axis, start, count, -1)
