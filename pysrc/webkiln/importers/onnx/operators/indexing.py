"""Picking elements by index."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers


def indices_of(call: Call, i: int, size: Dim) -> str:
    """Indices into an axis of `size`, counted from the front. (One outside, which ONNX forbids, is clamped, as it is when the model runs.)"""
    array = call.array(i)
    if array is not None and (array.size == 0 or array.min() >= 0 or isinstance(size, int)):
        fronted = array + (array < 0) * (size if isinstance(size, int) else 0)
        return call.constant(np.clip(fronted, 0, 2**31 - 1).astype(np.int32))
    return _from_front(call, call.wide(call.value(i)), size)


def _from_front(call: Call, indices: str, size: Dim) -> str:
    if not isinstance(size, int):
        # The gather clamps, so an axis whose size is not fixed is counted from the front only where that is certain.
        length = call.node("reduce_sum", [call.node("expand", [call.like(1, indices)], shape=[size])], axes=[0], keep_dims=False)
    else:
        length = call.like(size, indices)
    negative = call.node("less", [indices, call.like(0, indices)])
    return call.node("where", [negative, call.node("add", [indices, length]), indices])


@lowers("Gather")
def gather(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", 0), len(shape))
    return call.node("gather", [call.value(0), indices_of(call, 1, shape[axis])], axis=axis)


@lowers("GatherElements")
def gather_elements(call: Call) -> str:
    """By positions in the flattened tensor: those that the other axes give are constant."""
    shape, places = call.sizes(0, "what is gathered from"), call.sizes(1, "the indices")
    rank = len(shape)
    if len(places) != rank:
        call.fail(f"indices of shape {places} do not fit {shape}")
    axis = call.axis(call.integer("axis", 0), rank)
    flat = flat_places(call, indices_of(call, 1, shape[axis]), shape, places, axis)
    return call.node("gather", [call.reshape(call.value(0), [math.prod(shape)]), flat], axis=0)


def flat_places(call: Call, indices: str, shape: list[int], places: list[int], axis: int) -> str:
    """Positions in a flattened tensor of `shape` of elements picked along one axis."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    last = call.constant(np.array(max(shape[axis] - 1, 0), np.int32))
    clamped = call.node("min", [call.node("max", [indices, call.like(0, indices)]), last])
    scaled = call.node("mul", [clamped, call.like(strides[axis], clamped)])
    rest = np.zeros([1] * len(shape), np.int32)
    for i, count in enumerate(places):
        if i != axis:
            rest = rest + (call.positions(count) * strides[i]).reshape([-1 if j == i else 1 for j in range(len(shape))])
    return call.node("add", [scaled, call.constant(rest.astype(np.int32))])


@lowers("GatherND")
def gather_nd(call: Call) -> str:
    """The last axis of the indices is a position in the axes of x that follow the batch ones; they are flattened into one."""
    shape, places, batch = call.sizes(0, "what is gathered from"), call.sizes(1, "the indices"), call.integer("batch_dims", 0)
    depth = places[-1] if places else 0
    if not 0 < depth <= len(shape) - batch or not 0 <= batch < len(places) or places[:batch] != shape[:batch]:
        call.fail(f"indices of shape {places} do not fit {shape} with {batch} batch axes")
    flat = nd_places(call, call.wide(call.value(1)), shape[batch : batch + depth])
    if batch:
        step = math.prod(shape[batch : batch + depth])
        starts = (call.positions(math.prod(shape[:batch])) * step).reshape([*shape[:batch], *[1] * (len(places) - 1 - batch)])
        flat = call.node("add", [flat, call.constant(starts.astype(np.int32))])
    rows: list[Dim] = [math.prod(shape[: batch + depth]), *shape[batch + depth :]]
    return call.node("gather", [call.reshape(call.value(0), rows), flat], axis=0)


def nd_places(call: Call, indices: str, sizes: list[int]) -> str:
    """Positions in flattened axes of `sizes`, from one index each along the last axis. Each is clamped, or it could reach another row."""
    extents = call.constant(np.array(sizes, np.int32))
    zero = call.like(0, indices)
    fronted = call.node("where", [call.node("less", [indices, zero]), call.node("add", [indices, extents]), indices])
    clamped = call.node("min", [call.node("max", [fronted, zero]), call.constant(np.array(sizes, np.int32) - 1)])
    strides = call.constant(np.array([math.prod(sizes[i + 1 :]) for i in range(len(sizes))], np.int32))
    return call.node("reduce_sum", [call.node("mul", [clamped, strides])], axes=[len(call.builder.shape(indices)) - 1], keep_dims=False)


@lowers("OneHot")
def one_hot(call: Call) -> Typed:
    depth = call.ints(1, "the depth") if call.known(1) is not None else [int(one) for one in call.numbers(1, "the depth").reshape(-1)]
    places = call.shape(0)
    if len(depth) != 1 or depth[0] < 1:
        call.fail(f"a depth of {depth}")
    axis = call.axis(call.integer("axis", -1), len(places) + 1)
    indices = call.value(0)
    indices = call.cast(indices, "i32") if call.builder.dtype(indices) == "f32" else call.wide(indices)
    indices = call.node("where", [call.node("less", [indices, call.like(0, indices)]), call.node("add", [indices, call.like(depth[0], indices)]), indices])
    expanded = call.reshape(indices, [*places[:axis], 1, *places[axis:]])
    counts = call.constant(call.positions(depth[0]).reshape([-1 if i == axis else 1 for i in range(len(places) + 1)]))
    hot = call.node("equal", [expanded, counts])
    dtype, values = call.dtype(2), call.value(2)
    off, on = (call.reshape(call.node("slice", [values], start=[i], size=[1], step=[1]), []) for i in range(2))
    if call.builder.dtype(values) in ("u8", "i8"):
        return Typed(call.narrow(call.node("where", [hot, call.wide(on), call.wide(off)]), dtype), dtype)
    return Typed(call.node("where", [hot, on, off]), dtype)


