"""Elements and boxes that are chosen by their values: how many there are, a run tells."""

from __future__ import annotations

import numpy as np

from webkiln.importers.lowerings.selection import (
    chosen,
    coordinates,
    corners,
    in_order_of_appearance,
    nonzero,
    suppressed,
    unique,
)
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


@lowers("NonZero")
def non_zero(call: Call) -> Typed:
    return Typed(nonzero(call, call.lowering.elements, call.value(0), 0), "int64")


@lowers("Compress")
def compress(call: Call) -> str:
    """The slices whose flag is set; flags that are left out at the end are not."""
    x, shape = call.value(0), call.shape(0)
    if not call.given("axis"):
        x, shape = call.reshape(x, [product(shape)]), [product(shape)]
    axis = call.axis(call.integer("axis", 0), len(shape))
    places = chosen(call, call.lowering.elements, call.reshape(call.value(1), [product(call.shape(1))]))
    return call.node("gather", [x, places], axis=axis)


@lowers("Unique")
def unique_(call: Call) -> list[Typed | str]:
    x, shape = call.value(0), call.shape(0)
    if not call.given("axis"):
        x, shape = call.reshape(x, [product(shape)]), [product(shape)]
    axis = call.axis(call.integer("axis", 0), len(shape))
    fronted = call.transpose(x, [axis, *(i for i in range(len(shape)) if i != axis)])
    rows = call.reshape(fronted, [shape[axis], product([size for i, size in enumerate(shape) if i != axis])])
    found = unique(call, call.lowering.elements, rows)
    if not call.integer("sorted", 1):
        found = in_order_of_appearance(call, found)
    return [call.node("gather", [x, found.first], axis=axis), *(Typed(value, "int64") for value in (found.first, found.kinds, found.counts))]


@lowers("NonMaxSuppression")
def non_max_suppression(call: Call) -> Typed:
    """Rows (batch, class, box) of the boxes that are left, best first in each class."""
    boxes, scores = call.value(0), call.value(1)
    if call.integer("center_point_box", 0):
        boxes = corners(call, boxes)
    most = call.dims(2, "the number of boxes wanted")[0] if call.has(2) else 0
    zero = call.constant(np.array(0, np.float32))
    overlap = call.reshape(call.value(3), []) if call.has(3) else zero
    least = call.reshape(call.value(4), []) if call.has(4) else None
    found = suppressed(call, boxes, scores, most, overlap, least)
    shape = call.builder.shape(found)
    flat = call.reshape(found, [product(shape)])
    places = chosen(call, call.lowering.elements, call.node("greater_equal", [flat, call.like(0, flat)]))
    kept = call.builder.shape(places)
    n, c, _ = coordinates(call, places, shape)
    columns = [call.reshape(one, [*kept, 1]) for one in (n, c, call.node("gather", [flat, places], axis=0))]
    return Typed(call.node("concat", columns, axis=1), "int64")
