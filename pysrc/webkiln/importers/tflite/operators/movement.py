"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.axes import inserted_shape
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings import blocks
from webkiln.importers.lowerings.counting import counted, counted_floats
from webkiln.importers.lowerings.movement import repeat, squeezed, told_transpose
from webkiln.importers.lowerings.sequences import reversed_rows
from webkiln.importers.shapes import resolve_shape
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


@lowers("RESHAPE", options="ReshapeOptions")
def reshape(call: Call) -> str:
    if call.has(1):
        target = call.told(1, "the new shape")
    else:
        target = call.options.shape.tolist()
        if target == [0]:  # how files of old wrote a scalar
            target = []
    try:
        return call.reshape(call.value(0), resolve_shape(call.shape(0), target, call.lowering.resized))
    except ValueError as error:
        call.fail(str(error))


@lowers("SQUEEZE", options="SqueezeOptions")
def squeeze(call: Call) -> str:
    return squeezed(call, call.value(0), call.options.axes.tolist())


@lowers("EXPAND_DIMS")
def expand_dims(call: Call) -> str:
    shape = call.shape(0)
    axes = call.told_axes(1, "the axis", len(shape) + 1)
    if len(axes) != 1:
        call.fail(f"the axis is {axes}, expected one number")
    return call.reshape(call.value(0), inserted_shape(shape, axes))


@lowers("TRANSPOSE")
def transpose(call: Call) -> str:
    permutation = call.told_axes(1, "the permutation", call.rank(0))
    if len(permutation) != call.rank(0):
        call.fail(f"the permutation {permutation} does not fit rank {call.rank(0)}")
    return told_transpose(call, call.value(0), permutation)


@lowers("CONCATENATION", options="ConcatenationOptions")
def concatenation(call: Call) -> str:
    axis = call.axis(call.options.axis, call.rank(0))
    return call.activate(call.node("concat", call.values(), axis=axis), call.options.activation)


@lowers("PACK", options="PackOptions")
def pack(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(call.options.axis, len(shape) + 1)
    return call.node("concat", [call.reshape(value, [*shape[:axis], 1, *shape[axis:]]) for value in call.values()], axis=axis)


@lowers("DEPTH_TO_SPACE", options="DepthToSpaceOptions")
def depth_to_space(call: Call) -> str:
    return blocks.depth_to_space(call, call.value(0), call.options.block)


@lowers("SPACE_TO_DEPTH", options="SpaceToDepthOptions")
def space_to_depth(call: Call) -> str:
    return blocks.space_to_depth(call, call.value(0), call.options.block)


@lowers("SPACE_TO_BATCH_ND")
def space_to_batch(call: Call) -> str:
    return blocks.space_to_batch(call, call.value(0), _at_least(call, 1, 1, "the block shape"), _at_least(call, 0, 2, "the paddings"))


@lowers("BATCH_TO_SPACE_ND")
def batch_to_space(call: Call) -> str:
    return blocks.batch_to_space(call, call.value(0), _at_least(call, 1, 1, "the block shape"), _at_least(call, 0, 2, "the crops"))


def _at_least(call: Call, low: int, i: int, what: str) -> list[Dim]:
    return call.lowering.elements.at_least(low, call.told(i, what))


@lowers("BROADCAST_TO")
def broadcast_to(call: Call) -> str:
    return call.node("expand", [call.value(0)], shape=call.told(1, "the new shape"))


@lowers("TILE")
def tile(call: Call) -> str:
    return repeat(call, call.value(0), call.told(1, "the multiples"), "multiples")


@lowers("FILL")
def fill(call: Call) -> str:
    return call.node("expand", [call.value(1)], shape=call.told(0, "the shape"))


@lowers("SHAPE")
def shape_of(call: Call) -> np.ndarray:
    return objects(call.shape(0))


@lowers("RANK")
def rank_of(call: Call) -> np.ndarray:
    return objects(call.rank(0))


@lowers("RANGE")
def arange(call: Call) -> str | np.ndarray:
    """A constant when its ends are known; of integers, they may also be sizes, or what a run reads from an input of the model."""
    ends = [call.array(i) for i in range(3)]
    if any(end is None for end in ends) and call.dtype(0) == "f32":
        return counted_floats(call, call.lowering.elements, *(call.value(i) for i in range(3)))
    if any(end is None for end in ends):
        start, limit, delta = (call.told_one(i, "an end of the range") for i in range(3))
        return counted(call, start, limit, delta)
    first, last, step = (end.reshape(-1)[:1] for end in ends if end is not None)
    if first.size != 1 or last.size != 1 or step.size != 1 or step[0] == 0:
        call.fail(f"a range from {first} to {last} in steps of {step}")
    count = max(0, math.ceil((last[0].item() - first[0].item()) / step[0].item()))
    if count > POSITIONS_LIMIT:
        raise Refused(f"a range of {count} numbers")
    return np.asarray(first[0].item() + np.arange(count) * step[0].item(), call.output().dtype)


@lowers("BROADCAST_ARGS")
def broadcast_args(call: Call) -> str:
    """The shape that two shapes broadcast to; those known at conversion are computed with the sizes."""
    a, b = call.value(0), call.value(1)
    lengths = [*call.sizes(0, "a shape"), *call.sizes(1, "a shape")]
    if len(lengths) != 2:
        call.fail("its inputs are not two shapes")
    one, rank = call.like(1, a), max(lengths)
    a, b = (_preceded(call, value, rank) for value in (a, b))
    return call.node("where", [call.node("equal", [a, one]), b, a])


def _preceded(call: Call, shape: str, rank: int) -> str:
    """With ones in front, up to a rank."""
    missing = rank - int(str(call.builder.shape(shape)[0]))
    return call.node("pad", [shape], low=[missing], high=[0], interior=[0], value=1.0) if missing else shape


@lowers("REVERSE_SEQUENCE", options="ReverseSequenceOptions")
def reverse_sequence(call: Call) -> str:
    """The first `lengths[b]` elements along the time axis reversed in each batch."""
    rank = call.rank(0)
    time, batch = call.axis(call.options.time_axis, rank), call.axis(call.options.batch_axis, rank)
    if time == batch:
        call.fail(f"axis {time} is that of time and that of the batch")
    order = [time, batch, *(axis for axis in range(rank) if axis not in (time, batch))]
    value = reversed_rows(call, call.transpose(call.value(0), order), call.value(1), 0)
    return call.transpose(value, [order.index(axis) for axis in range(rank)])
