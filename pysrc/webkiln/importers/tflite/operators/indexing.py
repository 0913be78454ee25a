"""Picking elements by index, and sorting."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import picked_along
from webkiln.importers.lowerings.movement import part
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


@lowers("GATHER", options="GatherOptions")
def gather(call: Call) -> str:
    if call.options.batch_dims != 0:
        raise Refused(f"batch_dims {call.options.batch_dims}; 0 is converted")
    return call.node("gather", [call.value(0), call.wide(call.value(1))], axis=call.axis(call.options.axis, call.rank(0)))


@lowers("EMBEDDING_LOOKUP")
def embedding_lookup(call: Call) -> str:
    return call.node("gather", [call.value(1), call.wide(call.value(0))], axis=0)


@lowers("GATHER_ND")
def gather_nd(call: Call) -> str:
    """The last axis of the indices is a position in the first axes of x, which are flattened into one."""
    shape, places = call.sizes(0, "what is gathered from"), call.shape(1)
    depth = places[-1] if places else None
    if not isinstance(depth, int) or not 0 < depth <= len(shape):
        call.fail(f"indices of shape {places} do not fit rank {len(shape)}")
    strides = np.array([int(np.prod(shape[i + 1 : depth])) for i in range(depth)], np.int32)
    indices = call.wide(call.value(1))
    # Each index is clamped by itself, or the sum could reach another row.
    last = call.constant(np.array([size - 1 for size in shape[:depth]], np.int32))
    indices = call.node("min", [call.node("max", [indices, call.like(0, indices)]), last])
    flat = call.node("reduce_sum", [call.node("mul", [indices, call.constant(strides)])], axes=[len(places) - 1], keep_dims=False)
    rows: list[Dim] = [int(np.prod(shape[:depth])), *shape[depth:]]
    return call.node("gather", [call.reshape(call.value(0), rows), flat], axis=0)


@lowers("ONE_HOT", options="OneHotOptions")
def one_hot(call: Call) -> str:
    depth = call.told_one(1, "the depth")
    places = call.shape(0)
    if depth < 0:
        call.fail(f"a depth of {depth}")
    axis = call.axis(call.options.axis, len(places) + 1)
    expanded = call.reshape(call.wide(call.value(0)), [*places[:axis], 1, *places[axis:]])
    counts = call.reshape(call.places(depth), [depth if i == axis else 1 for i in range(len(places) + 1)])
    return call.node("where", [call.node("equal", [expanded, counts]), call.value(2), call.value(3)])


@lowers("TOPK_V2")
def top_k(call: Call) -> list[str]:
    """The greatest along the last axis, in order, and where they were."""
    axis = call.rank(0) - 1
    if axis < 0:
        call.fail("it needs at least one axis")
    x, count = call.wide(call.value(0)), call.told(1, "how many there are to be")
    if len(count) != 1:
        call.fail(f"how many there are to be is {count}, expected one number")
    places = part(call, call.node("argsort", [x], axis=axis, descending=True), axis, 0, count[0])
    return [call.back(picked_along(call, x, places, axis)), places]
