"""Fourier transforms as products with matrices; windows; mel filters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.axes import chosen, told_axes
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.lowerings.spectrum import transform
from webkiln.importers.onnx.dtypes import canonical, carrier, name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.computed_spectrum import computed_transform, turned
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


def _scalar(call: Call, i: int, what: str) -> int:
    return call.ints(i, what)[0]


@lowers("DFT")
def dft(call: Call) -> str:
    """Along an axis of […, 1] (real) or […, 2] (complex), cut or filled up with zeros to its length; the last axis of the result is complex."""
    shape = call.shape(0)
    rank = len(shape)
    given = call.integer("axis", 1) if call.version < 20 else call.dims(2, "the axis")[0] if call.has(2) else -2
    (axis,) = told_axes(call, call.lowering.elements, [given], rank)
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    if shape[-1] not in (1, 2) or axis == rank - 1:
        raise Refused(f"a transform along axis {axis} of {[str(one) for one in shape]}")
    is_axis = [chosen([axis], i) for i in range(rank - 1)]
    size = sum((own * known for own, known in zip(shape, is_axis, strict=False)), 0)
    length = call.dims(1, "the length")[0] if call.has(1) else 2 * (size - 1) if inverse and onesided else size
    before, after = (
        sum((product(part_of) * known for part_of, known in zip(parts, is_axis, strict=True)), 0)
        for parts in ([shape[:i] for i in range(rank - 1)], [shape[i + 1 : -1] for i in range(rank - 1)])
    )
    apart = call.transpose(call.reshape(call.value(0), [before, size, after, shape[-1]]), [0, 2, 1, 3])
    value = transformed(call, apart, length, inverse, onesided)
    made = call.builder.shape(value)
    result = [own + known * (made[2] - own) for own, known in zip(shape, is_axis, strict=False)]
    return call.reshape(call.transpose(value, [0, 2, 1, 3]), [*result, made[3]])


def transformed(call: Call, x: str, length: Dim, inverse: bool, onesided: bool) -> str:
    """By a constant matrix where the sizes are fixed, else by one that the run computes."""
    size = call.builder.shape(x)[-2]
    if isinstance(size, int) and isinstance(length, int):
        return transform(call, x, length, inverse, onesided)
    return computed_transform(call, x, length, inverse, onesided)


@lowers("STFT")
def stft(call: Call) -> str:
    """Frames of a signal [N, length, 1 or 2], each times a window and transformed: [N, frames, bins, 2]."""
    call.rank(0, 3)
    _, size, parts = call.shape(0)
    step = call.dims(1, "the step of the frames")[0]
    length = call.dims(3, "the length of the frames")[0] if call.has(3) else call.shape(2)[0] if call.has(2) else size
    if step < 1 or length < 1 or length > size:
        call.fail(f"frames of {length} in steps of {step} in a signal of {size}")
    frames = (size - length) // step + 1
    if isinstance(frames, int) and isinstance(length, int) and frames * length > POSITIONS_LIMIT:
        raise Refused(f"{frames} frames of {length} elements")
    starts = call.node("mul", [call.reshape(call.places(frames), [frames, 1]), call.length(step)])
    places = call.node("add", [starts, call.reshape(call.places(length), [1, length])])
    cut = call.node("gather", [call.value(0), places], axis=1)
    if call.has(2):
        cut = call.node("mul", [cut, call.reshape(call.value(2), [length, 1])])
    onesided = bool(call.integer("onesided", 1)) and parts == 1
    return transformed(call, cut, length, inverse=False, onesided=onesided)


_WINDOWS = {"HannWindow": (0.5, -0.5, 0.0), "HammingWindow": (25 / 46, -21 / 46, 0.0), "BlackmanWindow": (0.42, -0.5, 0.08)}


@lowers(*_WINDOWS)
def window(call: Call) -> Typed:
    """A sum of cosines over one period, or with `periodic` 0 up to its end."""
    size = call.dims(0, "the size of a window")[0]
    if isinstance(size, int) and not 0 <= size <= POSITIONS_LIMIT:
        call.fail(f"a window of {size} elements")
    period = apply("max", size if call.integer("periodic", 1) else size - 1, 1)
    constant, first, second = _WINDOWS[call.operation.type]
    if isinstance(size, int) and isinstance(period, int):
        angle = 2 * np.pi * np.arange(size) / period
        return _constant(call, constant + first * np.cos(angle) + second * np.cos(2 * angle), "output_datatype")
    cos, _ = turned(call, call.places(size), period)
    total = call.node("add", [call.node("mul", [cos, call.like(first, cos)]), call.like(constant, cos)])
    if second:  # cos 2α = 2 cos² α − 1
        twice = call.node("sub", [call.node("mul", [call.node("mul", [cos, cos]), call.like(2.0, cos)]), call.like(1.0, cos)])
        total = call.node("add", [total, call.node("mul", [twice, call.like(second, twice)])])
    return _typed(call, total, "output_datatype")


def _typed(call: Call, value: str, attribute: str) -> Typed:
    """A computed value (f32) as the type that an attribute names."""
    dtype = name_of(call.integer(attribute, 1))
    kept = call.cast(value, "i32") if canonical(dtype) in ("u8", "i8") else call.cast(value, canonical(dtype))
    return Typed(call.narrow(kept, dtype), dtype)


def _constant(call: Call, values: np.ndarray, attribute: str) -> Typed:
    dtype = name_of(call.integer(attribute, 1))
    return Typed(values.astype(carrier(dtype)), dtype)


@lowers("MelWeightMatrix")
def mel_weight_matrix(call: Call) -> Typed:
    """Triangular filters, evenly spaced on the mel scale `2595 log₁₀(1 + f / 700)`: [bins, filters]."""
    count, length, rate = (_scalar(call, i, "a size of the mel filters") for i in range(3))
    low, high = (float(call.numbers(i, "an edge of the mel filters").reshape(-1)[0]) for i in (3, 4))
    if count < 1 or length < 1 or rate < 1 or count * length > POSITIONS_LIMIT:
        call.fail(f"{count} mel filters for {length} elements at {rate} Hz")
    bins = length // 2 + 1
    ends = [2595 * math.log10(1 + edge / 700) for edge in (low, high)]
    mels = ends[0] + np.arange(count + 2) * (ends[1] - ends[0]) / (count + 2)
    edges = np.floor((length + 1) * (700 * (10 ** (mels / 2595) - 1)) / rate).astype(np.int64)
    table = np.zeros((bins, count))
    for i in range(count):
        _triangle(table[:, i], edges[i : i + 3].tolist())
    return _constant(call, table, "output_datatype")


def _triangle(column: np.ndarray, edges: Sequence[int]) -> None:
    """Up from the first edge to the middle one, then down to the last."""
    first, middle, last = edges
    if first == middle:
        column[middle] = 1
    else:
        column[first : middle + 1] = (np.arange(first, middle + 1) - first) / (middle - first)
    if last > middle:
        column[middle:last] = (last - np.arange(middle, last)) / (last - middle)
