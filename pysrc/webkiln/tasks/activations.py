"""From the numbers of a network to scores, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError

Floats = NDArray[np.float64]


def activate(values: NDArray[Any], activation: str, axis: int = -1) -> Floats:
    """The values as they are (`none`), 1 / (1 + e⁻ˣ) of each (`sigmoid`), or eˣ / Σ eˣ along `axis` (`softmax`)."""
    x = np.asarray(values, np.float64)
    if activation == "none":
        return x
    if activation == "sigmoid":
        small = np.exp(-np.abs(x))  # no overflow on either side
        return np.asarray(np.where(x >= 0, 1, small) / (1 + small))
    if activation == "softmax":
        if not x.size:
            return x
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axis, keepdims=True))
    raise InputError(f"the activation is {activation!r}; this version has none, sigmoid, softmax")
