"""The weights of a TensorFlow.js model: shards that a manifest describes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dims import MAXIMUM_ELEMENTS, extent
from webkiln.importers.tfjs.json_values import expect, member

MAXIMUM_RANK = 8
_DTYPES = {"float32": "<f4", "int32": "<i4", "bool": "u1", "complex64": "<c8", "uint8": "u1", "float16": "<f2"}
_STORED = {"uint8": "u1", "uint16": "<u2", "float16": "<f2"}


@dataclass(frozen=True)
class Weight:
    """A weight: its values, or `None` for text, and the name of its element type. Values stored as float16 stay so, though they stand for float32."""

    array: np.ndarray | None
    dtype: str


def read_weights(manifest: Any, folder: Path) -> dict[str, Weight]:
    """The weights by name. Shards must lie in the folder, and hold what the manifest says; `FormatError` otherwise."""
    weights: dict[str, Weight] = {}
    for i, group in enumerate(expect(manifest, list, "the weightsManifest")):
        what = f"group {i} of the weightsManifest"
        entries = member(group, "weights", list, what)
        data = _read_shards(member(group, "paths", list, what), folder, what, _size_of(entries, what))
        at = 0
        for entry in entries:
            name = member(entry, "name", str, f"a weight of {what}")
            if name in weights:
                raise FormatError(f"the weight {name!r} stands twice in the weightsManifest")
            weights[name], at = _read_weight(entry, data, at, f"the weight {name!r}")
        if at != len(data):
            raise FormatError(f"{what}: its files hold {len(data)} bytes, but the weights take {at}")
    return weights


def _size_of(entries: list[Any], what: str) -> int | None:
    """How many bytes the weights of a group take; `None` when some are text, whose length stands in the data."""
    total = 0
    for entry in entries:
        dtype, shape, stored = _kind(entry, f"a weight of {what}")
        if dtype == "string":
            return None
        total += math.prod(shape) * np.dtype(stored).itemsize
    return total


def _kind(entry: Any, what: str) -> tuple[str, tuple[int, ...], str]:
    """The element type of a weight, its shape, and how its elements are stored."""
    dtype = member(entry, "dtype", str, what)
    sizes = member(entry, "shape", list, what)
    shape = tuple(expect(size, int, f"a size of {what}") for size in sizes)
    if min(shape, default=0) < 0 or extent(shape) > MAXIMUM_ELEMENTS or len(shape) > MAXIMUM_RANK:
        raise FormatError(f"the shape {str(list(shape))[:100]} of {what} is impossible")
    if dtype == "string":
        return dtype, shape, ""
    if dtype not in _DTYPES:
        raise FormatError(f"{what} is of the unknown dtype {dtype!r}; known: {', '.join([*_DTYPES, 'string'])}")
    if entry.get("quantization") is None:
        return dtype, shape, _DTYPES[dtype]
    stored = member(entry["quantization"], "dtype", str, f"the quantization of {what}")
    if stored not in _STORED or dtype not in ("float32", "int32"):
        raise FormatError(f"{what}: {dtype} stored as {stored!r} is not known; known: {', '.join(_STORED)}")
    return dtype, shape, _STORED[stored]


def _read_shards(paths: list[Any], folder: Path, what: str, expected: int | None) -> bytes:
    files = [_inside(folder, expect(path, str, f"a path of {what}")) for path in paths]
    try:
        found = sum(file.stat().st_size for file in files)
        if expected is not None and found != expected:
            raise FormatError(f"{what}: its files hold {found} bytes, but the weights take {expected}")
        return b"".join(file.read_bytes() for file in files)
    except OSError as error:
        raise FormatError(f"{what}: the file {Path(str(error.filename)).name!r} cannot be read: {error.strerror}") from None


def _inside(folder: Path, path: str) -> Path:
    """The path of a shard, which must lie in the model's folder."""
    if any(0xD800 <= ord(character) < 0xE000 for character in path):
        raise FormatError(f"the path {path!r} of the weights holds half a character, which no file's name does")
    pure, windows = PurePosixPath(path), PureWindowsPath(path)
    outside = pure.is_absolute() or windows.drive or windows.root or ".." in pure.parts or ".." in windows.parts or "\0" in path or not path
    if outside or not (folder / pure).resolve().is_relative_to(folder.resolve()):
        raise FormatError(f"the path {path!r} of the weights leads out of the model's folder")
    return folder / pure


def _read_weight(entry: Any, data: bytes, at: int, what: str) -> tuple[Weight, int]:
    """A weight, and the position after it."""
    dtype, shape, stored = _kind(entry, what)
    if dtype == "string":
        return Weight(None, dtype), _after_texts(data, at, math.prod(shape), what)
    count, size = math.prod(shape), np.dtype(stored).itemsize
    end = at + count * size
    if end > len(data):
        raise FormatError(f"{what} ends at byte {end}, but its files hold {len(data)}")
    array = np.frombuffer(data, stored, count, at).reshape(shape)
    if dtype == "bool":
        array = array != 0
    elif entry.get("quantization") is not None and stored != "<f2":
        array = _scaled(array, dtype, entry["quantization"], what)
    elif stored == "<f2" and dtype == "int32":
        array = np.rint(array.astype(np.float64)).astype(np.int32)
    return Weight(array, "float32" if dtype == "float16" else dtype), end


def _scaled(array: np.ndarray, dtype: str, quantization: dict[str, Any], what: str) -> np.ndarray:
    """`q · scale + min`, computed in float64; rounded when integers are wanted."""
    numbers = []
    for key in ("scale", "min"):
        number = quantization.get(key)
        if not isinstance(number, (int, float)) or isinstance(number, bool) or not math.isfinite(number):
            raise FormatError(f"the {key} in the quantization of {what} is {number!r}")
        numbers.append(float(number))
    values = array * numbers[0] + numbers[1]
    if dtype == "float32":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    rounded = np.floor(values + 0.5)
    if rounded.size and not -(2**31) <= rounded.min() <= rounded.max() < 2**31:
        raise FormatError(f"{what} holds integers that do not fit in 32 bits")
    return rounded.astype(np.int32)


def _after_texts(data: bytes, at: int, count: int, what: str) -> int:
    """The position after `count` texts, each of which follows its length in four bytes."""
    for _ in range(count):
        at += 4 + int.from_bytes(data[at : at + 4], "little")
        if at > len(data):
            raise FormatError(f"{what} has texts that end after the {len(data)} bytes of its files")
    return at
