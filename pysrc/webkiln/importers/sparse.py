"""Sparse constants, which become dense at conversion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dims import extent

# How many elements a constant may have: any, or for each one that is stored. Without a limit a small file could ask for all the memory.
SMALL = 2**20
SPARSEST = 1024


def zeros_for(stored: np.ndarray, shape: Sequence[int], what: str) -> np.ndarray:
    """A flat array of zeros for a constant of this shape, of which the file has the elements `stored`; `FormatError` when they are too few."""
    if extent(shape) > max(SMALL, SPARSEST * stored.size):
        raise FormatError(f"{what} is sparse, with {stored.size} elements for the shape {list(shape)}: one in {SPARSEST} must be stored")
    return np.zeros(math.prod(shape), stored.dtype)
