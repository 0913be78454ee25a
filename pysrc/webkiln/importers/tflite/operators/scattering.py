"""Writing elements at indices, and reductions by segments."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from webkiln.importers.elements import RANGES
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import nd_places
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.ops.rules import differ, product

# The canonical reduction, and what a segment of nothing gives.
SEGMENTS: dict[str, tuple[str, Callable[[str], float]]] = {
    "UNSORTED_SEGMENT_SUM": ("add", lambda dtype: 0),
    "UNSORTED_SEGMENT_PROD": ("mul", lambda dtype: 1),
    "UNSORTED_SEGMENT_MAX": ("max", lambda dtype: _extremes(dtype)[0]),
    "UNSORTED_SEGMENT_MIN": ("min", lambda dtype: _extremes(dtype)[1]),
}


def _extremes(dtype: str) -> tuple[float, float]:
    if dtype in RANGES:
        return max(RANGES[dtype][0], -(2**31)), min(RANGES[dtype][1], 2**31 - 1)
    return float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)


@lowers("SCATTER_ND")
def scatter_nd(call: Call) -> str:
    """Sums of the updates at each position, in a tensor of zeros. The last axis of the indices is a position."""
    shape, places = call.told(2, "the shape"), call.sizes(0, "the indices")
    depth = places[-1] if places else 0
    if not 0 < depth <= len(shape):
        call.fail(f"indices of shape {places} do not fit {shape}")
    count, rest = math.prod(places[:-1]), shape[depth:]
    given = call.shape(1)
    if len(given) != len(places) - 1 + len(rest) or any(differ(a, b) for a, b in zip(given, [*places[:-1], *rest], strict=True)):
        call.fail(f"updates of shape {call.shape(1)} do not fit indices of {places} into {shape}")
    flat = call.reshape(nd_places(call, call.wide(call.value(0)), shape[:depth]), [count])
    updates = call.reshape(call.wide(call.value(1)), [count, *given[len(places) - 1 :]])
    zeros = call.node("expand", [call.like(0, updates)], shape=[product(shape[:depth]), *rest])
    return call.back(call.reshape(call.node("scatter", [zeros, flat, updates], reduction="add"), shape), 1)


@lowers("SPARSE_TO_DENSE")
def sparse_to_dense(call: Call) -> str:
    """Values at indices, and a default everywhere else. Indices: one position [R], a list of them [M, R], or with rank 1 [M]."""
    shape, places = call.ints(1, "the shape"), call.sizes(0, "the indices")
    if len(places) > 2 or (len(places) == 2 and places[1] != len(shape)) or (len(places) < 2 and len(shape) != 1):
        call.fail(f"indices of shape {places} do not fit {shape}")
    count = places[0] if places else 1
    if math.prod(shape) == 0 or count == 0:
        raise Refused("nothing to write, or nothing to write it to")
    flat = call.reshape(nd_places(call, call.reshape(call.wide(call.value(0)), [count, len(shape)]), list(shape)), [count])
    rows = call.node("expand", [call.reshape(call.wide(call.value(3)), [])], shape=[math.prod(shape)])
    value = call.wide(call.value(2))
    values = call.reshape(value, [count]) if call.rank(2) == 1 else call.node("expand", [call.reshape(value, [1])], shape=[count])
    return call.back(call.reshape(call.node("scatter", [rows, flat, values]), list(shape)), 2)


def _segments(call: Call, count: int, reduction: str, start: float) -> str:
    """The elements of each segment combined; ids are those of the first axes of x, and a negative one is of no segment."""
    shape, ids = call.shape(0), call.sizes(1, "the ids of the segments")
    if shape[: len(ids)] != ids:
        call.fail(f"ids of shape {ids} do not fit {shape}")
    x, rest = call.wide(call.value(0)), shape[len(ids) :]
    rows = call.node("expand", [call.like(start, x)], shape=[count, *rest])
    updates = call.reshape(x, [math.prod(ids), *rest])
    flat = call.reshape(call.wide(call.value(1)), [math.prod(ids)])
    return call.back(call.node("scatter", [rows, flat, updates], reduction=reduction))


def _unsorted(reduction: str, start: Callable[[str], float]) -> Callable[[Call], str]:
    return lambda call: _segments(call, call.one(2, "the number of segments"), reduction, start(call.tensor(0).dtype))


for _name, (_reduction, _start) in SEGMENTS.items():
    lowers(_name)(_unsorted(_reduction, _start))


@lowers("SEGMENT_SUM")
def segment_sum(call: Call) -> str:
    ids = call.ints(1, "the ids of the segments")
    return _segments(call, ids[-1] + 1 if ids else 0, "add", 0)
