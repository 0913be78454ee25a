"""What an answer is worth, by the rules of the suites: shape, dtype, and values within the case's own tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np

HALF = (5e-3, 1e-3)
"""float16 results are computed in float32 and rounded, where frameworks round each step."""


def difference(found: Any, expected: Any, relative: float, absolute: float, steps: int = 0) -> str:
    """What is wrong with `found`; empty when nothing is. Integers are equal, or `steps` apart at most."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return f"shape {list(found.shape)}, expected {list(expected.shape)}"
    if found.dtype != expected.dtype:
        return f"dtype {found.dtype.name}, expected {expected.dtype.name}"
    if not expected.size:
        return ""
    if expected.dtype.kind == "c":  # part by part
        found, expected = (np.stack([array.real, array.imag]) for array in (found, expected))
    if expected.dtype.kind not in "fiub":
        return "" if np.array_equal(found, expected) else "values differ"
    if expected.dtype.kind != "f" and not steps:
        return "" if np.array_equal(found, expected) else f"{np.count_nonzero(found != expected)} of {expected.size} integers differ"
    a, b = found.astype(np.float64), expected.astype(np.float64)
    if expected.dtype.kind != "f":
        apart = float(np.abs(a - b).max())
        return "" if apart <= steps else f"{apart:g} steps apart"
    if expected.dtype == np.float16:
        relative, absolute = max(relative, HALF[0]), max(absolute, HALF[1])
    if np.allclose(a, b, relative, max(absolute, 1e-5), equal_nan=True):
        return ""
    both = np.isfinite(a) & np.isfinite(b)
    return f"error {np.abs(a - b)[both].max(initial=0):.3g}, NaN or infinity {'differ' if not both.all() else 'none'}"
