"""The best of boxes that overlap, of one class: as many as there are, or in vectors of a fixed length with zeros behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.selection import suppressed
from webkiln.importers.typed_emitter import TypedEmitter


@dataclass(frozen=True)
class Best:
    """Indices of boxes (i32), best first and −1 where there are no more; where there is one (bool); and how many there are (i32 [])."""

    indices: str
    flags: str
    count: str


def best_boxes(call: TypedEmitter, boxes: str, scores: str, wanted: Dim, overlap: str, least: str | None) -> Best:
    """At most `wanted` of the boxes [boxes, 4], given as two corners, with scores [boxes] above `least` that overlap no better one by more than `overlap` (f32 [])."""
    (count,) = call.builder.shape(scores)
    found = suppressed(call, call.reshape(boxes, [1, count, 4]), call.reshape(scores, [1, 1, count]), wanted, overlap, least)
    indices = call.reshape(found, [call.builder.shape(found)[2]])
    flags = call.node("greater_equal", [indices, call.like(0, indices)])
    return Best(indices, flags, call.node("reduce_sum", [call.cast(flags, "i32")], axes=[0], keep_dims=False))


def in_place(call: TypedEmitter, best: Best, values: str) -> str:
    """What the values [boxes, …] have for each of the best boxes [limit, …], and 0 where there is none."""
    picked = call.node("gather", [values, call.node("max", [best.indices, call.like(0, best.indices)])], axis=0)
    shape = call.builder.shape(picked)
    flags = call.reshape(best.flags, [shape[0], *[1] * (len(shape) - 1)])
    return call.node("where", [flags, picked, call.filled(0, picked)])


def padded(call: TypedEmitter, value: str, wanted: Dim) -> str:
    """A tensor with zeros behind it, along its first axis as long as is wanted."""
    length, *rest = call.builder.shape(value)
    if length == wanted:
        return value
    if not isinstance(wanted, int):
        raise Refused("as many boxes as a run tells, and zeros in place of those that there are not", FIX_SIZES)
    zeros = call.node("expand", [call.filled(0, value)], shape=[wanted, *rest])
    return part(call, call.node("concat", [value, zeros], axis=0), 0, 0, wanted)


def padded_indices(call: TypedEmitter, best: Best, wanted: Dim) -> str:
    """The indices (i32) [wanted], 0 where there are no more."""
    return padded(call, call.node("max", [best.indices, call.like(0, best.indices)]), wanted)


def no_lowering(sigma: np.ndarray | None) -> None:
    """Refuse scores that are lowered instead of left out: those whose width is not 0."""
    if sigma is None or sigma.size != 1 or sigma.reshape(-1)[0] != 0:
        raise Refused("scores of boxes that overlap are lowered, not left out", "Set soft_nms_sigma to 0")
