"""The specified generator of golden inputs (docs/format.md): the same bits in Python and JavaScript."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

NAME = "webkiln-mix32"


def mix32(seed: int, count: int) -> np.ndarray:
    """`count` 32-bit numbers (uint32) from a seed."""
    h: np.ndarray = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    h += np.uint32(seed & 0xFFFFFFFF)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def generate(seed: int, shape: Sequence[int], dtype: np.dtype[np.generic], low: float, high: float) -> np.ndarray:
    """An array of a canonical dtype: floats in [low, high), integers in low … high − 1, or booleans."""
    u = mix32(seed, math.prod(shape)).reshape(tuple(shape))
    if dtype == np.bool_:
        return (u & 1).astype(np.bool_)
    if dtype.kind in "iu":
        return (int(low) + (u.astype(np.int64) % max(1, int(high) - int(low)))).astype(dtype)
    share: np.ndarray = (u >> np.uint32(8)).astype(np.float64) / 2.0**24
    return (low + (high - low) * share).astype(dtype)
