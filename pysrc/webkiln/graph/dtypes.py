"""Element types: the source's (as NumPy names them) and the canonical ones that graphs compute with."""

from __future__ import annotations

import numpy as np

from webkiln.errors import FormatError

CANONICAL: dict[str, np.dtype[np.generic]] = {
    "f32": np.dtype(np.float32),
    "i32": np.dtype(np.int32),
    "u8": np.dtype(np.uint8),
    "i8": np.dtype(np.int8),
    "bool": np.dtype(np.bool_),
}

FROM_SOURCE = {
    "float32": "f32",
    "float64": "f32",
    "float16": "f32",
    "int64": "i32",
    "int32": "i32",
    "int16": "i32",
    "uint64": "i32",
    "uint32": "i32",
    "uint16": "i32",
    "uint8": "u8",
    "int8": "i8",
    "bool": "bool",
}


# Complex numbers are pairs of f32 along one more axis, the last: their real and imaginary parts.
COMPLEX = ("complex64", "complex128")


def canonical_dtype(source: str) -> str:
    """The canonical dtype that stands for a source's dtype (`float64` → `f32`); that of the parts of complex numbers."""
    if source in COMPLEX:
        return "f32"
    try:
        return FROM_SOURCE[source]
    except KeyError:
        raise FormatError(f"the dtype {source!r} has no canonical counterpart; known: {', '.join(FROM_SOURCE)}") from None


def pairs_of(array: np.ndarray) -> np.ndarray:
    """Complex numbers […] as their parts […, 2], in float32."""
    with np.errstate(over="ignore"):
        return np.stack([array.real, array.imag], -1).astype(np.float32)


def as_source(array: np.ndarray, source: str) -> np.ndarray:
    """A result as elements of the source's dtype; complex numbers are put together from their parts."""
    if source not in COMPLEX:
        return array.astype(source, copy=False)
    return np.array(array, np.float32, order="C").view(np.complex64)[..., 0].astype(source)


def to_canonical(array: np.ndarray, what: str) -> np.ndarray:
    """An array in its canonical dtype. An integer out of the range of int32 is an error, never wrapped.

    `what` names the array in the message.
    """
    dtype = CANONICAL[canonical_dtype(array.dtype.name)]
    if array.dtype == dtype:
        return array
    if dtype == np.int32 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -(2**31) or high >= 2**31:
            raise FormatError(f"{what} holds {low if low < -(2**31) else high}, which does not fit in 32 bits")
    with np.errstate(over="ignore"):
        return array.astype(dtype)
