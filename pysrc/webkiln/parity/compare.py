"""The comparison rule of the project: when two results count as the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.graph.dtypes import pairs_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """How far a result is from what was expected.

    `error` is the largest difference relative to the largest finite expected magnitude (of its channel, where that was
    asked); infinite when NaN, infinities, integers, shapes or dtypes differ. `index`, `expected` and `received` show the
    worst element. `reason` says in words what is wrong, and is empty when nothing is.
    """

    error: float
    tolerance: float
    index: tuple[int, ...] = ()
    expected: float = math.nan
    received: float = math.nan
    reason: str = ""

    @property
    def passed(self) -> bool:
        return not self.reason


def compare(
    expected: Array,
    received: Array,
    *,
    tolerance: float = 1e-5,
    channels: int = 0,
    positions: Array | None = None,
    magnitude: float = 0.0,
) -> Comparison:
    """Compare `received` with `expected` by the project's rule.

    NaN equals only NaN; infinities match in sign; integers and booleans are equal; of floats the difference is at most
    `tolerance` times the largest finite expected magnitude. That magnitude is taken over the whole array, or, with
    `channels` = k > 0, for each of k channels: flat element i is of channel i mod k, so that `channels` equal to the last
    dimension is "per channel of the last axis". Where the arrays are samples of larger ones, `positions` says at which flat
    elements, and `magnitude` may say what is known of the whole. Where the largest magnitude is 0, the error is absolute.
    """
    if expected.shape != received.shape:
        return _refused(tolerance, f"the shape is {list(received.shape)}, expected {list(expected.shape)}")
    if expected.dtype != received.dtype:
        return _refused(tolerance, f"the dtype is {received.dtype}, expected {expected.dtype}")
    if expected.size == 0:
        return Comparison(0.0, tolerance)
    if expected.dtype.kind == "c":  # part by part
        expected, received = pairs_of(expected), pairs_of(received)
    if expected.dtype.kind != "f":
        return _exact(expected, received, tolerance)
    if channels and positions is None and expected.size % channels:
        raise ValueError(f"{expected.size} elements are not a multiple of {channels} channels")
    a = expected.astype(np.float64).reshape(-1)
    b = received.astype(np.float64).reshape(-1)
    finite = np.isfinite(a) & np.isfinite(b)
    same = (np.isnan(a) & np.isnan(b)) | (a == b)
    if not (finite | same).all():
        where = int(np.flatnonzero(~(finite | same))[0])
        return _worst(expected, received, where, math.inf, tolerance, "NaN or infinity on one side only, or of other sign")
    size = np.where(np.isfinite(a), np.abs(a), 0.0)
    if channels:
        channel = (np.arange(a.size) if positions is None else positions) % channels
        largest = np.zeros(channels)
        np.maximum.at(largest, channel, size)
        scale = largest[channel]
    else:
        scale = np.full(a.size, max(magnitude, size.max()))
    error = np.zeros(a.size)
    differ = ~same
    error[differ] = np.abs(a[differ] - b[differ]) / np.where(scale == 0.0, 1.0, scale)[differ]
    where = int(np.argmax(error))
    worst = float(error[where])
    reason = "" if worst <= tolerance else f"the error is {worst:.3g}, the tolerance {tolerance:.3g}"
    return _worst(expected, received, where, worst, tolerance, reason)


def _exact(expected: Array, received: Array, tolerance: float) -> Comparison:
    different = np.flatnonzero(expected.reshape(-1) != received.reshape(-1))
    if different.size == 0:
        return Comparison(0.0, tolerance)
    reason = f"{different.size} of {expected.size} elements differ, and {expected.dtype} has to be equal"
    return _worst(expected, received, int(different[0]), math.inf, tolerance, reason)


def _worst(expected: Array, received: Array, where: int, error: float, tolerance: float, reason: str) -> Comparison:
    index = tuple(int(i) for i in np.unravel_index(where, expected.shape))
    if reason:
        reason += f" (at {list(index)}: {received.flat[where]!s}, expected {expected.flat[where]!s})"
    return Comparison(error, tolerance, index, float(expected.flat[where]), float(received.flat[where]), reason)


def _refused(tolerance: float, reason: str) -> Comparison:
    return Comparison(math.inf, tolerance, reason=reason)
