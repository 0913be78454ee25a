"""Constants that are stored in fewer bits than their dtype has, with nothing lost."""

from __future__ import annotations

from typing import Any

import numpy as np

_INTEGERS: dict[str, np.dtype[Any]] = {"u8": np.dtype(np.uint8), "i8": np.dtype(np.int8), "u16": np.dtype(np.uint16), "i16": np.dtype(np.int16)}
STORAGES: dict[str, np.dtype[Any]] = {"f16": np.dtype(np.float16), **_INTEGERS}
"""What `storage` may be: float16 stands for f32, integers stand for i32."""

_ENTRY = len(', "storage": "u16"')  # what model.json grows by


def narrowed(array: np.ndarray) -> tuple[np.ndarray, str | None]:
    """A constant as it is written, and its `storage`: int32 in the smallest type that holds all values, where that saves bytes."""
    if array.dtype == np.float16:
        return array, "f16"
    if array.dtype != np.int32 or not array.size:
        return array, None
    low, high = int(array.min()), int(array.max())
    for name, dtype in _INTEGERS.items():
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max and array.size * (array.itemsize - dtype.itemsize) > _ENTRY:
            return array.astype(dtype), name
    return array, None


def widened(array: np.ndarray) -> np.ndarray:
    """A constant that has a `storage`, as graphs hold it: integers as int32, float16 as it is."""
    return array if array.dtype == np.float16 else array.astype(np.int32)
