"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.axes import inserted_shape
from webkiln.importers.known import objects
from webkiln.importers.lowerings import blocks
from webkiln.importers.lowerings.movement import repeat, reversed_axis, squeezed, told_transpose
from webkiln.importers.lowerings.windows import channels_first, channels_last
from webkiln.importers.shapes import resolve_shape
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import product


@lowers("Reshape")
def reshape(call: Call) -> str:
    try:
        return call.reshape(call.value(0), resolve_shape(call.shape(0), call.dims(1, "the new shape"), call.lowering.resized))
    except ValueError as error:
        call.fail(str(error))


@lowers("ExpandDims")
def expand_dims(call: Call) -> str:
    shape = call.shape(0)
    axes = call.told_axes(1, "the axis", len(shape) + 1)
    if len(axes) != 1:
        call.fail(f"the axis is {axes}, expected one number")
    return call.reshape(call.value(0), inserted_shape(shape, axes))


@lowers("Squeeze")
def squeeze(call: Call) -> str:
    return squeezed(call, call.value(0), call.integers("squeeze_dims") or call.integers("axis"))


@lowers("Transpose")
def transpose(call: Call) -> str:
    permutation = call.told_axes(1, "the permutation", call.rank(0))
    if len(permutation) != call.rank(0):
        call.fail(f"the permutation {permutation} does not fit rank {call.rank(0)}")
    return told_transpose(call, call.value(0), permutation)


@lowers("ConcatV2", "Concat")
def concat(call: Call) -> str:
    """The axis comes last, or in the older form first."""
    last = len(call) - 1
    if last < 1:
        call.fail(f"{len(call)} inputs are too few")
    places, at = (range(last), last) if call.source.op == "ConcatV2" else (range(1, last + 1), 0)
    axis = call.axis_input(at, call.rank(places[0]))
    return call.node("concat", [call.value(i) for i in places], axis=axis)


@lowers("Pack")
def pack(call: Call) -> str:
    values = call.values()
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", 0), len(shape) + 1)
    if any(call.shape(i) != shape for i in range(len(call))):
        call.fail("its inputs differ in shape")
    return call.node("concat", [call.reshape(value, [*shape[:axis], 1, *shape[axis:]]) for value in values], axis=axis)


@lowers("Tile")
def tile(call: Call) -> str:
    return repeat(call, call.value(0), call.dims(1, "the multiples"), "multiples")


@lowers("BroadcastTo")
def broadcast_to(call: Call) -> str:
    return call.node("expand", [call.value(0)], shape=call.dims(1, "the new shape"))


@lowers("BroadcastArgs")
def broadcast_args(call: Call) -> str:
    """The shape that two shapes broadcast to: 1 gives way to whatever the other has."""
    rank = max(call.sizes(0, "a shape")[0], call.sizes(1, "a shape")[0])
    a, b = (_widened(call, i, rank) for i in range(2))
    one = call.node("equal", [a, call.like(1, a)])
    return call.node("where", [one, b, a])


def _widened(call: Call, i: int, rank: int) -> str:
    value = call.value(i)
    missing = rank - call.sizes(i, "a shape")[0]
    return call.node("pad", [value], low=[missing], high=[0], interior=[0], value=1.0) if missing else value


@lowers("Shape")
def shape_of(call: Call) -> Typed:
    return Typed(objects(call.shape(0)), call.text("out_type", "int32"))


@lowers("ShapeN")
def shapes_of(call: Call) -> list[Typed]:
    return [Typed(objects(call.shape(i)), call.text("out_type", "int32")) for i in range(len(call))]


@lowers("Size")
def size_of(call: Call) -> Typed:
    return Typed(objects(product(call.shape(0))), call.text("out_type", "int32"))


@lowers("Rank")
def rank_of(call: Call) -> np.ndarray:
    return objects(call.rank(0))


@lowers("ReverseV2")
def reverse(call: Call) -> str:
    value = call.value(0)
    for axis in call.ints(1, "the axes"):
        value = reversed_axis(call, value, call.axis(axis, call.rank(0)))
    return value


@lowers("DepthToSpace", "SpaceToDepth")
def depth_and_space(call: Call) -> str:
    move = blocks.depth_to_space if call.source.op == "DepthToSpace" else blocks.space_to_depth
    block = call.integer("block_size", 0)
    if call.choice("data_format", "NHWC", "NCHW") == "NCHW":
        return channels_first(call, move(call, channels_last(call, call.value(0)), block))
    return move(call, call.value(0), block)


@lowers("SpaceToBatchND")
def space_to_batch(call: Call) -> str:
    elements = call.lowering.elements
    return blocks.space_to_batch(call, call.value(0), elements.at_least(1, call.dims(1, "the block shape")), elements.at_least(0, call.dims(2, "the paddings")))


@lowers("BatchToSpaceND")
def batch_to_space(call: Call) -> str:
    elements = call.lowering.elements
    return blocks.batch_to_space(call, call.value(0), elements.at_least(1, call.dims(1, "the block shape")), elements.at_least(0, call.dims(2, "the crops")))


@lowers("MatrixBandPart")
def matrix_band_part(call: Call) -> Typed:
    """Matrices with zeros below the `lower` diagonals next to the main one and above the `upper` ones; all stay when a number is negative."""
    shape = call.shape(0)
    if len(shape) < 2:
        call.fail(f"its input has rank {len(shape)}, expected at least 2")
    rows, columns = (call.places(size) for size in shape[-2:])
    below = call.node("sub", [call.reshape(rows, [shape[-2], 1]), call.reshape(columns, [1, shape[-1]])])
    kept = [_near(call, distance, i) for i, distance in ((1, below), (2, call.node("neg", [below])))]
    x = call.wide(call.value(0))
    return call.back(call.node("where", [call.node("logical_and", kept), x, call.like(0, x)]))


def _near(call: Call, distance: str, i: int) -> str:
    limit = call.reshape(call.wide(call.value(i)), [])
    every = call.node("less", [limit, call.like(0, limit)])
    return call.node("logical_or", [every, call.node("less_equal", [distance, limit])])


@lowers("Roll")
def roll(call: Call) -> str:
    """Elements moved along axes; those that leave at one end come in at the other."""
    value, shape = call.value(0), call.sizes(0, "what is rolled")
    for shift, axis in zip(call.ints(1, "the shift"), call.ints(2, "the axes"), strict=True):
        at = call.axis(axis, len(shape))
        first = -shift % shape[at] if shape[at] else 0
        if first:
            start: list[Dim] = [first if i == at else 0 for i in range(len(shape))]
            sizes = [[count if i == at else size for i, size in enumerate(shape)] for count in (shape[at] - first, first)]
            step = [1] * len(shape)
            tail = call.node("slice", [value], start=start, size=sizes[0], step=step)
            head = call.node("slice", [value], start=[0] * len(shape), size=sizes[1], step=step)
            value = call.node("concat", [tail, head], axis=at)
    return value
