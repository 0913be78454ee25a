"""Elements and boxes that are chosen by their values: how many there are, a run tells."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.selection import chosen, in_order_of_appearance, nonzero, unique
from webkiln.importers.lowerings.suppression import Best, best_boxes, in_place, no_lowering, padded, padded_indices
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import product


@lowers("Where")
def where(call: Call) -> Typed:
    """The positions of what is not 0, a row each."""
    return Typed(nonzero(call, call.lowering.elements, call.value(0), 1), "int64")


@lowers("Unique", "UniqueV2", "UniqueWithCounts")
def unique_(call: Call) -> list[Typed]:
    """Different elements in the order in which they come, which of them each element is, and how many there are of each."""
    x, shape = call.value(0), call.shape(0)
    axes = call.ints(1, "the axis") if call.source.op == "UniqueV2" else []
    if len(axes) > 1 or (not axes and len(shape) != 1):
        call.fail(f"it takes a vector or an axis, not {shape} and the axes {axes}")
    axis = call.axis(axes[0], len(shape)) if axes else 0
    fronted = call.transpose(x, [axis, *(i for i in range(len(shape)) if i != axis)])
    rows = call.reshape(fronted, [shape[axis], product([size for i, size in enumerate(shape) if i != axis])])
    found = in_order_of_appearance(call, unique(call, call.lowering.elements, rows, nan_is_one=False))
    index = call.text("out_idx", "int32")
    different = Typed(call.node("gather", [x, found.first], axis=axis), call.dtype(0))
    return [different, Typed(found.kinds, index), Typed(found.counts, index)][: 3 if call.source.op == "UniqueWithCounts" else 2]


@lowers("NonMaxSuppressionV2", "NonMaxSuppressionV3")
def non_max_suppression(call: Call) -> Typed:
    """Boxes [boxes, 4] as two corners and their scores [boxes]: the indices of those that are left, best first."""
    return Typed(_indices(call, _best(call)), "int32")


@lowers("NonMaxSuppressionV4")
def counted_suppression(call: Call) -> list[Typed]:
    """The same with how many there are; where it is told so, zeros follow up to as many as are wanted."""
    best = _best(call)
    return [Typed(_indices(call, best), "int32"), Typed(best.count, "int32")]


@lowers("NonMaxSuppressionV5")
def scored_suppression(call: Call) -> list[Typed]:
    """The same with the scores of those that are left."""
    no_lowering(call.array(5) if call.has(5) else np.zeros(1))
    best = _best(call)
    indices = _indices(call, best)
    if call.flag("pad_to_max_output_size"):
        scores = padded(call, in_place(call, best, call.value(1)), _wanted(call))
    else:
        scores = call.node("gather", [call.value(1), indices], axis=0)
    return [Typed(indices, "int32"), Typed(scores, call.dtype(1)), Typed(best.count, "int32")]


def _wanted(call: Call) -> Dim:
    return call.size(2, "the number of boxes wanted")


def _best(call: Call) -> Best:
    least = call.reshape(call.value(4), []) if call.has(4) else None
    return best_boxes(call, call.value(0), call.value(1), _wanted(call), call.reshape(call.value(3), []), least)


def _indices(call: Call, best: Best) -> str:
    if call.flag("pad_to_max_output_size"):
        return padded_indices(call, best, _wanted(call))
    return call.node("gather", [best.indices, chosen(call, call.lowering.elements, best.flags)], axis=0)
