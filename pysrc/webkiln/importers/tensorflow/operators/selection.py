"""Elements and boxes that are chosen by their values: how many there are, a run tells."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.selection import chosen, in_order_of_appearance, nonzero, suppressed, unique
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
    best, _ = _suppressed(call)
    return Typed(_kept(call, best), "int32")


@lowers("NonMaxSuppressionV4")
def padded_suppression(call: Call) -> list[Typed]:
    """The same with how many there are; where it is told so, zeros follow up to as many as are wanted."""
    best, count = _suppressed(call)
    if call.flag("pad_to_max_output_size"):
        return [Typed(_padded(call, call.node("max", [best, call.like(0, best)]), call.size(2, "the number of boxes wanted")), "int32"), Typed(count, "int32")]
    return [Typed(_kept(call, best), "int32"), Typed(count, "int32")]


@lowers("NonMaxSuppressionV5")
def scored_suppression(call: Call) -> list[Typed]:
    """The same with the scores of those that are left."""
    sigma = call.numbers(5, "the width by which scores of boxes that overlap are lowered") if call.has(5) else np.zeros(1)
    if sigma.size != 1 or sigma.reshape(-1)[0] != 0:
        raise Refused("scores of boxes that overlap are lowered, not left out", "Set soft_nms_sigma to 0")
    best, count = _suppressed(call)
    scores = call.value(1)
    if not call.flag("pad_to_max_output_size"):
        kept = _kept(call, best)
        return [Typed(kept, "int32"), Typed(call.node("gather", [scores, kept], axis=0), call.dtype(1)), Typed(count, "int32")]
    wanted = call.size(2, "the number of boxes wanted")
    places = call.node("max", [best, call.like(0, best)])
    given = call.node("where", [_is_box(call, best), call.node("gather", [scores, places], axis=0), call.constant(np.array(0, np.float32))])
    return [Typed(_padded(call, places, wanted), "int32"), Typed(_padded(call, given, wanted), call.dtype(1)), Typed(count, "int32")]


def _suppressed(call: Call) -> tuple[str, str]:
    """The indices (i32) of the best boxes, −1 where there are no more, and how many there are (i32 [])."""
    (boxes,) = call.shape(1)
    wanted = call.size(2, "the number of boxes wanted")
    limit = apply("max", apply("min", boxes, wanted), 0)
    overlap = call.reshape(call.value(3), [])
    least = call.reshape(call.value(4), []) if call.has(4) else None
    found = suppressed(call, call.reshape(call.value(0), [1, boxes, 4]), call.reshape(call.value(1), [1, 1, boxes]), limit, overlap, least)
    best = call.reshape(found, [limit])
    return best, call.node("reduce_sum", [call.cast(_is_box(call, best), "i32")], axes=[0], keep_dims=False)


def _is_box(call: Call, best: str) -> str:
    return call.node("greater_equal", [best, call.like(0, best)])


def _kept(call: Call, best: str) -> str:
    return call.node("gather", [best, chosen(call, call.lowering.elements, _is_box(call, best))], axis=0)


def _padded(call: Call, value: str, wanted: Dim) -> str:
    """A vector with zeros behind it, as long as is wanted."""
    (length,) = call.builder.shape(value)
    if length == wanted:
        return value
    if not isinstance(wanted, int):
        raise Refused("as many boxes as a run tells, and zeros in place of those that there are not", FIX_SIZES)
    zeros = call.node("expand", [call.filled(0, value)], shape=[wanted])
    return part(call, call.node("concat", [value, zeros], axis=0), 0, 0, wanted)
