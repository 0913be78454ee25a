"""Arrays of sizes that are known at conversion, though perhaps symbolic: NumPy arrays of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.elements import RANGES
from webkiln.importers.emitter import KNOWN_LIMIT


def objects(value: Any) -> np.ndarray:
    """A size, or a list or array of them, as an array of objects."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value
    shape = value.shape if isinstance(value, np.ndarray) else (len(value),) if isinstance(value, list) else ()
    array = np.empty(shape, object)
    array[...] = value.tolist() if isinstance(value, np.ndarray) else value
    return array


def is_known(array: np.ndarray, dtype: str) -> bool:
    """Whether an array of sizes is short enough to be kept, and its numbers are within an element type of the source."""
    low, high = RANGES.get(dtype, (0, 1))
    return array.size <= KNOWN_LIMIT and all(not isinstance(dim, int) or low <= dim <= high for dim in array.reshape(-1))


def ints(array: np.ndarray) -> list[int]:
    """The sizes as a flat list of numbers; `ValueError` when one is symbolic."""
    if any(not isinstance(dim, int) for dim in array.reshape(-1)):
        raise ValueError("a size is symbolic")
    return [int(dim) for dim in array.reshape(-1)]


def divide(a: Dim, b: Dim) -> Dim:
    """The truncated quotient; `ValueError` for symbolic sizes that may be negative, where it is not the floored one."""
    if isinstance(a, int) and isinstance(b, int) and b != 0:
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    if a >= 0 and b > 0:
        return a // b
    raise ValueError("a quotient of sizes that may be negative or zero")


def broadcast_size(a: Dim, b: Dim) -> Dim:
    """The size that two sizes broadcast to; `ValueError` when they do not. Symbolic sizes are taken to fit: what broadcasts is checked again by a run."""
    if a == 1 or b == 1 or a == b:
        return b if a == 1 else a
    if (isinstance(a, int) and isinstance(b, int)) or not (a > 0 and b > 0):
        raise ValueError(f"sizes {a} and {b} do not broadcast")
    return apply("max", a, b)


def modulo(a: Dim, b: Dim) -> Dim:
    """The remainder with the sign of the divisor."""
    if b == 0:
        raise ValueError("a remainder of a division by zero")
    return a % b


def decided(holds: Callable[[Dim, Dim], bool], fails: Callable[[Dim, Dim], bool]) -> Callable[[Dim, Dim], Dim]:
    """A comparison that is decided only when it holds, or does not, for all values of the symbols; else `ValueError`."""

    def decide(a: Dim, b: Dim) -> bool:
        if holds(a, b):
            return True
        if fails(a, b):
            return False
        raise ValueError("not decided")

    return decide
