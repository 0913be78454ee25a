"""Picking elements by index, and sorting."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import nd_places, picked_along
from webkiln.importers.lowerings.movement import part
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import differ, product


@lowers("Gather", "GatherV2", "ResourceGather")
def gather(call: Call) -> Typed:
    shape, places = call.shape(0), call.shape(1)
    axis = call.axis_input(2, len(shape)) if call.has(2) else 0
    batch = call.integer("batch_dims", 0)
    batch = batch + len(places) if batch < 0 else batch
    x, indices = call.value(0), call.wide(call.value(1))
    if not batch:
        return Typed(call.node("gather", [x, indices], axis=axis), call.dtype(0))
    if not batch <= min(axis, len(places)) or any(differ(a, b) for a, b in zip(shape[:batch], places[:batch], strict=True)):
        call.fail(f"{batch} batch axes do not fit {shape}, {places} and axis {axis}")
    # Rows of one axis that holds the batches too.
    moved = call.transpose(x, [*range(batch), axis, *range(batch, axis), *range(axis + 1, len(shape))])
    rows = call.reshape(moved, [product(shape[:batch]) * shape[axis], *shape[batch:axis], *shape[axis + 1 :]])
    starts = call.node("mul", [call.places(product(shape[:batch])), call.length(shape[axis])])
    at = call.node("add", [indices, call.reshape(starts, [*shape[:batch], *[1] * (len(places) - batch)])])
    picked = call.node("gather", [rows, at], axis=0)
    inner, count = axis - batch, len(places)
    order = [*range(batch), *range(count, count + inner), *range(batch, count), *range(count + inner, len(call.builder.shape(picked)))]
    return Typed(call.transpose(picked, order), call.dtype(0))


@lowers("GatherNd")
def gather_nd(call: Call) -> Typed:
    """The last axis of the indices is a position in the first axes of x, which are flattened into one."""
    shape, places = call.shape(0), call.shape(1)
    depth = places[-1] if places else 0
    if not isinstance(depth, int) or not 0 <= depth <= len(shape):
        call.fail(f"indices of shape {places} do not fit {shape}")
    if depth == 0:
        raise Refused("indices without elements")
    flat = nd_places(call, call.wide(call.value(1)), shape[:depth])
    rows: list[Dim] = [product(shape[:depth]), *shape[depth:]]
    return Typed(call.node("gather", [call.reshape(call.value(0), rows), flat], axis=0), call.dtype(0))


@lowers("OneHot")
def one_hot(call: Call) -> Typed:
    depth, places = call.size(1, "the depth"), call.shape(0)
    if depth < 0:
        call.fail(f"a depth of {depth}")
    axis = call.axis(call.integer("axis", -1), len(places) + 1)
    expanded = call.reshape(call.wide(call.value(0)), [*places[:axis], 1, *places[axis:]])
    counts = call.reshape(call.places(depth), [depth if i == axis else 1 for i in range(len(places) + 1)])
    hot = call.node("equal", [expanded, counts])
    on, off = call.value(2), call.value(3)
    if call.dtype(2) == "bool":
        return Typed(call.node("where", [hot, on, off]), "bool")
    return call.back(call.node("where", [hot, call.wide(on), call.wide(off)]), 2)


@lowers("TopKV2")
def top_k(call: Call) -> list[Typed]:
    """The greatest along the last axis, in order, and where they were."""
    axis = call.rank(0) - 1
    if axis < 0:
        call.fail("it needs at least one axis")
    x, count = call.wide(call.value(0)), call.size(1, "how many there are to be")
    places = part(call, call.node("argsort", [x], axis=axis, descending=True), axis, 0, count)
    return [call.back(picked_along(call, x, places, axis)), Typed(places, call.text("index_type", "int32"))]
