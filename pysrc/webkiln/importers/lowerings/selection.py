"""Results whose size depends on the data: elements that are chosen, and those that differ. The run counts them, and tells their number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.element_symbols import HIGHEST, ElementSymbols
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import strides_of
from webkiln.importers.lowerings.movement import part
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import product

COLUMNS_LIMIT = 64  # of rows that are compared


def chosen(call: TypedEmitter, elements: ElementSymbols, flags: str) -> str:
    """The positions (i32) [M], in order, where flags (bool) [N] are true."""
    flags = call.cast(flags, "i32")
    (size,) = call.builder.shape(flags)
    count = call.node("reduce_sum", [flags], axes=[0], keep_dims=False)
    (number,) = elements.told(call.builder.graph, count, 0, size if isinstance(size, int) else HIGHEST)
    return part(call, call.node("argsort", [flags], axis=0, descending=True), 0, 0, number)


def coordinates(call: TypedEmitter, places: str, shape: list[Dim]) -> list[str]:
    """Positions (i32) in a flattened tensor of a shape as a position along each axis."""
    along: list[str] = []
    for size, stride in zip(shape, strides_of(shape), strict=True):
        behind = places if stride == 1 else call.node("div", [places, call.length(stride)])
        along.append(call.node("mod", [behind, call.length(size)]) if along else behind)
    return along


def nonzero(call: TypedEmitter, elements: ElementSymbols, x: str, axis: int) -> str:
    """Where the elements of x are not 0, in order (i32): the axes of x along `axis`, 0 or 1, the elements along the other."""
    shape = call.builder.shape(x)
    flags = call.reshape(_is_set(call, x), [product(shape)])
    places = chosen(call, elements, flags)
    count = call.builder.shape(places)
    if not shape:
        return call.node("expand", [call.constant(np.array(0, np.int32))], shape=[0, *count] if axis == 0 else [*count, 0])
    rows = [call.reshape(one, [1, *count] if axis == 0 else [*count, 1]) for one in coordinates(call, places, shape)]
    return call.node("concat", rows, axis=axis) if len(rows) > 1 else rows[0]


def _is_set(call: TypedEmitter, x: str) -> str:
    if call.builder.dtype(x) == "bool":
        return x
    wide = call.wide(x)
    return call.node("not_equal", [wide, call.like(0, wide)])


@dataclass(frozen=True)
class Unique:
    """Positions (i32) of the first of each kind [M], in the order of their values, of which kind each element is [N], and how many there are of each [M]."""

    first: str
    kinds: str
    counts: str


def unique(call: TypedEmitter, elements: ElementSymbols, rows: str, *, nan_is_one: bool = True) -> Unique:
    """The different rows of a matrix [N, K] of numbers, sorted by their first columns first. `nan_is_one`: NaN equals NaN."""
    count, columns = call.builder.shape(rows)
    rows = call.wide(rows)
    if not isinstance(columns, int) or columns > COLUMNS_LIMIT:
        raise Refused(f"rows of {columns} elements to compare, more than {COLUMNS_LIMIT}")
    order = call.places(count)
    for column in reversed(range(columns)):
        key = call.reshape(part(call, rows, 1, column, 1), [count])
        again = call.node("argsort", [call.node("gather", [key, order], axis=0)], axis=0, descending=False)
        order = call.node("gather", [order, again], axis=0)
    ordered = call.node("gather", [rows, order], axis=0)
    # A row is new when it differs from the one before; the first one is.
    before = call.node("gather", [ordered, call.node("max", [call.node("sub", [call.places(count), call.like(1, order)]), call.like(0, order)])], axis=0)
    differs = call.node("not_equal", [ordered, before])
    if nan_is_one and call.builder.dtype(rows) == "f32":
        nans = call.node("logical_and", [call.node("is_nan", [ordered]), call.node("is_nan", [before])])
        differs = call.node("logical_and", [differs, call.node("logical_not", [nans])])
    any_differs = call.node("reduce_max", [call.cast(differs, "i32")], axes=[1], keep_dims=False)
    is_first = call.cast(call.node("equal", [call.places(count), call.like(0, order)]), "i32")
    new = call.node("max", [any_differs, is_first])
    group = call.node("sub", [call.node("cumulative_sum", [new], axis=0), call.like(1, order)])
    starts = chosen(call, elements, call.cast(new, "bool"))
    zeros = call.node("expand", [call.like(0, order)], shape=[count])
    ones = call.node("expand", [call.like(1, order)], shape=[count])
    kinds = call.node("scatter", [zeros, order, group])
    empty = call.node("expand", [call.like(0, order)], shape=call.builder.shape(starts))
    counts = call.node("scatter", [empty, group, ones], reduction="add")
    return Unique(call.node("gather", [order, starts], axis=0), kinds, counts)


def in_order_of_appearance(call: TypedEmitter, found: Unique) -> Unique:
    """The same with kinds in the order in which they first appear."""
    order = call.node("argsort", [found.first], axis=0, descending=False)
    rank = call.node("argsort", [order], axis=0, descending=False)
    return Unique(*(call.node("gather", pair, axis=0) for pair in ([found.first, order], [rank, found.kinds], [found.counts, order])))


def suppressed(call: TypedEmitter, boxes: str, scores: str, wanted: Dim, overlap: str, least: str | None) -> str:
    """Boxes that do not overlap a better one by more than `overlap` (f32 []): indices (i32) [N, classes, limit], −1 where there are no more.

    `boxes` [N, boxes, 4] as two corners, `scores` [N, classes, boxes]; those not above `least` (f32 []) are left out. The limit is the number
    wanted, or of the boxes where these are fewer.
    """
    limit = apply("max", apply("min", call.builder.shape(scores)[2], wanted), 0)
    if least is not None:
        scores = call.node("where", [call.node("greater", [scores, least]), scores, call.constant(np.array(math.nan, np.float32))])
    return call.node("non_max_suppression", [boxes, scores, overlap], limit=[limit])


def corners(call: TypedEmitter, boxes: str) -> str:
    """Boxes given as centre, width and height along the last axis (x, y, width, height) as two corners (y, x, y, x)."""
    last = len(call.builder.shape(boxes)) - 1
    x, y, width, height = (part(call, boxes, last, k, 1) for k in range(4))
    half = call.constant(np.array(0.5, np.float32))
    across, down = (call.node("mul", [one, half]) for one in (width, height))
    ends = [call.node(op, [middle, reach]) for op in ("sub", "add") for middle, reach in ((y, down), (x, across))]
    return call.node("concat", ends, axis=last)
