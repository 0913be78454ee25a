"""Comparing results that came as JSON with Python's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Check = Callable[[Any, Any, str], None]


def check_results(received: Any, expected: Any, about: str, check_number: Check, check_array: Check) -> None:
    """The same structure, names, texts and order; numbers and arrays as the checks say (received, expected, about)."""
    if hasattr(expected, "_asdict"):
        expected = expected._asdict()
    if isinstance(expected, np.ndarray):
        assert received["shape"] == list(expected.shape), about
        check_array(np.reshape(received["values"], expected.shape), expected, about)
    elif isinstance(expected, dict):
        assert list(received) == list(expected), about
        for key, value in expected.items():
            check_results(received[key], value, f"{about} {key}", check_number, check_array)
    elif isinstance(expected, (list, tuple)):
        assert len(received) == len(expected), about
        for k, value in enumerate(expected):
            check_results(received[k], value, f"{about} {k}", check_number, check_array)
    elif isinstance(expected, float):
        check_number(_NUMBERS.get(received, received), expected, about)
    else:
        assert received == expected, about
