"""Tensors of an ONNX file, in any form in which they are stored, as arrays."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dims import MAXIMUM_ELEMENTS, extent
from webkiln.importers.onnx.dtypes import CARRIERS, carrier, name_of
from webkiln.importers.onnx.file import tensor_shape
from webkiln.importers.sparse import zeros_for

EXTERNAL = 1
_BITS = {"uint4": 4, "int4": 4, "float4e2m1": 4, "uint2": 2, "int2": 2}
# Exponent bits, mantissa bits, exponent bias, and which codes are not finite: `ieee` infinities and NaN, `nan` the greatest code of either sign,
# `zero` the code of −0, `none`.
_SMALL_FLOATS = {
    "float8e4m3fn": (4, 3, 7, "nan"),
    "float8e4m3fnuz": (4, 3, 8, "zero"),
    "float8e5m2": (5, 2, 15, "ieee"),
    "float8e5m2fnuz": (5, 2, 16, "zero"),
    "float4e2m1": (2, 1, 1, "none"),
}
# Which typed field holds what, when there are no raw bytes.
_INT32_DATA = {"int32", "int16", "int8", "uint16", "uint8", "bool", "float16", *CARRIERS}


class TensorReader:
    """Decodes tensors; those kept outside of the file are looked for in `folder` only (`None`: not at all)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._files: dict[Path, np.ndarray] = {}

    def read(self, tensor: Any, what: str) -> tuple[np.ndarray, str]:
        """The values and the name of their element type, which the array's own type carries (`elements.CARRIERS`).

        `FormatError` for sizes that do not fit, and for files that are missing or lie elsewhere; text comes as an array of objects.
        """
        dtype = name_of(tensor.data_type)
        shape = tensor_shape(tensor, what)
        count = math.prod(shape)
        if dtype.startswith("number"):
            raise FormatError(f"{what} has elements of the unknown type {dtype}")
        if dtype == "string":
            return np.array([bytes(text) for text in tensor.string_data], object), dtype
        if tensor.data_location == EXTERNAL:
            raw: np.ndarray | None = self._external(tensor, what)
        elif tensor.HasField("raw_data"):
            raw = np.frombuffer(tensor.raw_data, np.uint8)
        else:
            raw = None
        values = _from_typed(tensor, dtype, what) if raw is None or (raw.size == 0 and count) else _from_raw(raw, dtype, count, what)
        if values.size != count:
            raise FormatError(f"{what} has the shape {list(shape)} of {dtype}, {count} elements, but the file holds {values.size}")
        return values.reshape(shape), dtype

    def sparse(self, tensor: Any, what: str) -> tuple[np.ndarray, str]:
        """A sparse tensor, dense: values at positions, which are flat or one a row."""
        values, dtype = self.read(tensor.values, what)
        places, _ = self.read(tensor.indices, f"the indices of {what}")
        shape = tuple(tensor.dims)
        if any(size < 0 for size in shape) or extent(shape) > MAXIMUM_ELEMENTS or values.ndim != 1 or dtype == "string":
            raise FormatError(f"{what} is a sparse tensor of shape {list(shape)} with values of shape {list(values.shape)}")
        if places.ndim == 2 and places.shape[1] == len(shape):
            inside = bool(((places >= 0) & (places < np.array(shape))).all())
            flat = places @ np.array([math.prod(shape[i + 1 :]) for i in range(len(shape))], np.int64)
        else:
            flat, inside = places.reshape(-1), bool(((places >= 0) & (places < math.prod(shape))).all())
        if not inside or flat.size != values.size:
            raise FormatError(f"{what}: the positions of its elements do not fit the shape {list(shape)}")
        dense = zeros_for(values, shape, what)
        dense[flat] = values
        return dense.reshape(shape), dtype

    def _external(self, tensor: Any, what: str) -> np.ndarray:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if self.folder is None:
            raise FormatError(f"{what} is stored in another file, {location!r}, which is not at hand")
        root = self.folder.resolve()
        try:
            path = (root / location).resolve()
            if not location or not path.is_relative_to(root) or not path.is_file():
                raise FormatError(f"{what} is stored in the file {location!r}, which is not in the folder of the model")
            if path not in self._files:
                self._files[path] = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
        except (OSError, ValueError) as error:
            raise FormatError(f"{what} is stored in the file {location!r}, which cannot be read: {error}") from None
        data = self._files[path]
        texts = [entries.get("offset", "0"), entries.get("length", "")]
        if not all(re.fullmatch(r"[0-9]{0,20}", text) for text in texts):
            raise FormatError(f"{what} lies at {texts[0][:20]!r} of {location!r}, {texts[1][:20]!r} bytes; wanted numbers")
        offset = int(texts[0] or "0")
        length = int(texts[1]) if texts[1] else data.size - offset
        if offset < 0 or length < 0 or offset + length > data.size:
            raise FormatError(f"{what} lies at {offset} … {offset + length} of {location!r}, which has {data.size} bytes")
        return np.asarray(data[offset : offset + length])


def _from_raw(raw: np.ndarray, dtype: str, count: int, what: str) -> np.ndarray:
    """Little-endian values; those of fewer than 8 bits are packed, the low bits first."""
    if dtype in _BITS:
        bits = _BITS[dtype]
        if raw.size != -(-count * bits // 8):
            raise FormatError(f"{what} needs {-(-count * bits // 8)} bytes for {count} elements of {dtype}, but the file holds {raw.size}")
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        return _decode(((raw[:, None] >> shifts) & (2**bits - 1)).reshape(-1)[:count], dtype)
    stored = {"bfloat16": "uint16"}.get(dtype, "uint8" if dtype in CARRIERS or dtype == "bool" else dtype)
    little = np.dtype(stored).newbyteorder("<")
    if raw.size != count * little.itemsize:
        raise FormatError(f"{what} needs {count * little.itemsize} bytes for {count} elements of {dtype}, but the file holds {raw.size}")
    return _decode(np.ascontiguousarray(raw).view(little).astype(stored, copy=False), dtype)


def _from_typed(tensor: Any, dtype: str, what: str) -> np.ndarray:
    """The field that holds this type; the bits of small floats are stored as integers."""
    if dtype in ("float32", "complex64"):
        return np.array(tensor.float_data, np.float32).view(dtype)
    if dtype in ("float64", "complex128"):
        return np.array(tensor.double_data, np.float64).view(dtype)
    if dtype == "int64":
        return np.array(tensor.int64_data, np.int64)
    if dtype in ("uint64", "uint32"):
        return np.array(tensor.uint64_data, np.uint64).astype(dtype)
    assert dtype in _INT32_DATA
    numbers = np.array(tensor.int32_data, np.int32)
    if dtype in _BITS:
        packed = numbers.astype(np.uint8)
        return _from_raw(packed, dtype, math.prod(tensor.dims), what)
    if dtype in ("float16", "bfloat16"):
        return _decode(numbers.astype(np.uint16).view(np.float16 if dtype == "float16" else np.uint16), dtype)
    return _decode(numbers.astype(np.uint8 if dtype in CARRIERS or dtype == "bool" else dtype), dtype)


def _decode(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Values from what is stored, for the types that NumPy does not have (and truth values)."""
    if dtype == "bool":
        return np.asarray(stored != 0)
    if dtype == "bfloat16":
        return np.asarray((stored.astype(np.uint32) << 16).view(np.float32))
    if dtype == "float8e8m0":
        return np.where(stored == 255, np.nan, np.ldexp(1.0, stored.astype(np.int32) - 127)).astype(np.float32)
    if dtype in _SMALL_FLOATS:
        return _small_float(stored, *_SMALL_FLOATS[dtype])
    if dtype in ("int4", "int2"):
        half = 2 ** (_BITS[dtype] - 1)
        return np.asarray((stored.astype(np.int16) - 2 * half * (stored >= half)).astype(carrier(dtype)))
    return stored


def _small_float(codes: np.ndarray, exponent_bits: int, mantissa_bits: int, bias: int, special: str) -> np.ndarray:
    """Values of floats of 8 or 4 bits: sign, exponent, mantissa; an exponent of 0 is for subnormal numbers."""
    mantissa = codes & (2**mantissa_bits - 1)
    exponent = (codes >> mantissa_bits) & (2**exponent_bits - 1)
    sign = codes >> (mantissa_bits + exponent_bits)
    normal = exponent > 0
    fraction = mantissa / 2**mantissa_bits + normal
    values = np.ldexp(fraction, np.where(normal, exponent.astype(np.int32), 1) - bias)
    largest = exponent == 2**exponent_bits - 1
    if special == "ieee":
        values = np.where(largest, np.where(mantissa == 0, np.inf, np.nan), values)
    elif special == "nan":
        values = np.where(largest & (mantissa == 2**mantissa_bits - 1), np.nan, values)
    values = np.where(sign == 1, -values, values)
    if special == "zero":
        values = np.where((sign == 1) & (exponent == 0) & (mantissa == 0), np.nan, values)
    return np.asarray(values, np.float32)
