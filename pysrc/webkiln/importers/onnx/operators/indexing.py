"""Picking elements by index."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.element_symbols import HIGHEST
from webkiln.importers.lowerings.indexing import flat_places, nd_places
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


def indices_of(call: Call, i: int, size: Dim) -> str:
    """Indices into an axis of `size`, counted from the front. (One outside, which ONNX forbids, is clamped, as it is when the model runs.)"""
    array = call.array(i)
    if array is not None and (array.size == 0 or array.min() >= 0 or isinstance(size, int)):
        fronted = array + (array < 0) * (size if isinstance(size, int) else 0)
        return call.constant(np.clip(fronted, 0, 2**31 - 1).astype(np.int32))
    return _from_front(call, call.wide(call.value(i)), size)


def _from_front(call: Call, indices: str, size: Dim) -> str:
    negative = call.node("less", [indices, call.like(0, indices)])
    return call.node("where", [negative, call.node("add", [indices, call.length(size)]), indices])


@lowers("Gather")
def gather(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", 0), len(shape))
    return call.node("gather", [call.value(0), indices_of(call, 1, shape[axis])], axis=axis)


@lowers("GatherElements")
def gather_elements(call: Call) -> str:
    """By positions in the flattened tensor."""
    shape, places = call.shape(0), call.shape(1)
    if len(places) != len(shape):
        call.fail(f"indices of shape {places} do not fit {shape}")
    axis = call.axis(call.integer("axis", 0), len(shape))
    flat = flat_places(call, indices_of(call, 1, shape[axis]), shape, places, axis)
    return call.node("gather", [call.reshape(call.value(0), [product(shape)]), flat], axis=0)


@lowers("GatherND")
def gather_nd(call: Call) -> str:
    """The last axis of the indices is a position in the axes of x that follow the batch ones; they are flattened into one."""
    shape, places, batch = call.shape(0), call.shape(1), call.integer("batch_dims", 0)
    depth = places[-1] if places else 0
    if not isinstance(depth, int) or not 0 < depth <= len(shape) - batch or not 0 <= batch < len(places):
        call.fail(f"indices of shape {places} do not fit {shape} with {batch} batch axes")
    flat = nd_places(call, call.wide(call.value(1)), shape[batch : batch + depth])
    if batch:
        starts = call.node("mul", [call.places(product(shape[:batch])), call.length(product(shape[batch : batch + depth]))])
        flat = call.node("add", [flat, call.reshape(starts, [*shape[:batch], *[1] * (len(places) - 1 - batch)])])
    rows: list[Dim] = [product(shape[: batch + depth]), *shape[batch + depth :]]
    return call.node("gather", [call.reshape(call.value(0), rows), flat], axis=0)


@lowers("OneHot")
def one_hot(call: Call) -> Typed:
    if call.array(1) is not None:
        depth: Dim = int(call.numbers(1, "the depth").reshape(-1)[0])
    elif call.builder.dtype(call.value(1)) == "f32":
        (depth,) = call.lowering.elements.told(call.builder.graph, call.cast(call.value(1), "i32"), 0, HIGHEST)
    else:
        depth = call.dims(1, "the depth")[0]
    places = call.shape(0)
    if depth < 0 or call.shape(1) not in ([], [1]):
        call.fail(f"a depth of {depth}, of shape {call.shape(1)}")
    axis = call.axis(call.integer("axis", -1), len(places) + 1)
    indices = call.value(0)
    indices = call.cast(indices, "i32") if call.builder.dtype(indices) == "f32" else call.wide(indices)
    fronted = call.node("add", [indices, call.signed(depth)])
    indices = call.node("where", [call.node("less", [indices, call.like(0, indices)]), fronted, indices])
    expanded = call.reshape(indices, [*places[:axis], 1, *places[axis:]])
    counts = call.reshape(call.places(depth), [depth if i == axis else 1 for i in range(len(places) + 1)])
    hot = call.node("equal", [expanded, counts])
    dtype, values = call.dtype(2), call.value(2)
    off, on = (call.reshape(call.node("slice", [values], start=[i], size=[1], step=[1]), []) for i in range(2))
    if call.builder.dtype(values) in ("u8", "i8"):
        return Typed(call.narrow(call.node("where", [hot, call.wide(on), call.wide(off)]), dtype), dtype)
    return Typed(call.node("where", [hot, on, off]), dtype)


