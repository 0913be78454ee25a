"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.known import objects
from webkiln.importers.shapes import resolve_shape
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.ops.rules import differ, product


@lowers("RESHAPE", options="ReshapeOptions")
def reshape(call: Call) -> str:
    if call.has(1):
        target = call.dims(1, "the new shape")
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
    shape = call.shape(0)
    axes = [call.axis(axis, len(shape)) for axis in call.options.axes.tolist()] or [i for i, size in enumerate(shape) if size == 1]
    for axis in axes:
        if differ(shape[axis], 1):
            call.fail(f"axis {axis} of {shape} is not of size 1")
    return call.reshape(call.value(0), [size for i, size in enumerate(shape) if i not in axes])


@lowers("EXPAND_DIMS")
def expand_dims(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(_one(call, 1, "the axis"), len(shape) + 1)
    return call.reshape(call.value(0), [*shape[:axis], 1, *shape[axis:]])


def _one(call: Call, i: int, what: str) -> int:
    numbers = call.ints(i, what)
    if len(numbers) != 1:
        call.fail(f"{what} is {numbers}, expected one number")
    return numbers[0]


@lowers("TRANSPOSE")
def transpose(call: Call) -> str:
    permutation = [call.axis(axis, call.rank(0)) for axis in call.ints(1, "the permutation")]
    return call.node("transpose", [call.value(0)], permutation=permutation)


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
    call.rank(0, 4)
    batch, height, width, channels = call.shape(0)
    block = call.options.block
    if block < 1 or channels % (block * block) != 0:
        call.fail(f"{channels} channels cannot be divided into blocks of {block} × {block}")
    rest = channels // (block * block)
    split = call.reshape(call.value(0), [batch, height, width, block, block, rest])
    return call.reshape(call.transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, rest])


@lowers("SPACE_TO_DEPTH", options="SpaceToDepthOptions")
def space_to_depth(call: Call) -> str:
    call.rank(0, 4)
    batch, height, width, channels = call.shape(0)
    block = call.options.block
    if block < 1 or differ(height % block, 0) or differ(width % block, 0):
        call.fail(f"{height} × {width} cannot be divided into blocks of {block} × {block}")
    split = call.reshape(call.value(0), [batch, height // block, block, width // block, block, channels])
    return call.reshape(call.transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height // block, width // block, block * block * channels])


@lowers("SPACE_TO_BATCH_ND")
def space_to_batch(call: Call) -> str:
    """Padded, cut into blocks; the positions in a block become the slowest part of the batch."""
    blocks, paddings = call.ints(1, "the block shape"), call.dims(2, "the paddings")
    rank, spatial = call.rank(0), len(blocks)
    if not 0 < spatial < rank or len(paddings) != 2 * spatial or min(blocks) < 1:
        call.fail(f"blocks {blocks} and paddings {paddings} do not fit rank {rank}")
    value = call.value(0)
    if any(amount != 0 for amount in paddings):
        rest = [0] * (rank - spatial - 1)
        value = call.node("pad", [value], low=[0, *paddings[::2], *rest], high=[0, *paddings[1::2], *rest], interior=[0] * rank, value=0.0)
    shape = call.builder.shape(value)
    split: list[Dim] = [shape[0]]
    for size, block in zip(shape[1:], blocks, strict=False):
        if differ(size % block, 0):
            call.fail(f"a padded size of {size} cannot be divided into blocks of {block}")
        split += [size // block, block]
    split += shape[spatial + 1 :]
    order = [*range(2, 2 * spatial + 1, 2), 0, *range(1, 2 * spatial + 1, 2), *range(2 * spatial + 1, len(split))]
    moved = call.transpose(call.reshape(value, split), order)
    result = [shape[0] * math.prod(blocks), *(size // block for size, block in zip(shape[1:], blocks, strict=False)), *shape[spatial + 1 :]]
    return call.reshape(moved, result)


@lowers("BATCH_TO_SPACE_ND")
def batch_to_space(call: Call) -> str:
    blocks, crops = call.ints(1, "the block shape"), call.dims(2, "the crops")
    shape = call.shape(0)
    rank, spatial = len(shape), len(blocks)
    if not 0 < spatial < rank or len(crops) != 2 * spatial or min(blocks) < 1:
        call.fail(f"blocks {blocks} and crops {crops} do not fit rank {rank}")
    if differ(shape[0] % math.prod(blocks), 0):
        call.fail(f"a batch of {shape[0]} cannot be divided into blocks of {blocks}")
    batch = shape[0] // math.prod(blocks)
    split = call.reshape(call.value(0), [*blocks, batch, *shape[1:]])
    order = [spatial]
    for i in range(spatial):
        order += [spatial + 1 + i, i]
    order += range(2 * spatial + 1, spatial + rank)
    whole: list[Dim] = [batch, *(size * block for size, block in zip(shape[1:], blocks, strict=False)), *shape[spatial + 1 :]]
    value = call.reshape(call.transpose(split, order), whole)
    if all(amount == 0 for amount in crops):
        return value
    start: list[Dim] = [0] * rank
    size = list(whole)
    for i in range(spatial):
        start[i + 1] = crops[2 * i]
        size[i + 1] = whole[i + 1] - crops[2 * i] - crops[2 * i + 1]
    return call.node("slice", [value], start=start, size=size, step=[1] * rank)


@lowers("BROADCAST_TO")
def broadcast_to(call: Call) -> str:
    return call.node("expand", [call.value(0)], shape=call.dims(1, "the new shape"))


@lowers("TILE")
def tile(call: Call) -> str:
    """Axis by axis, as an expansion of [before, 1, rest] to [before, times, rest]."""
    value, shape = call.value(0), call.shape(0)
    times = call.dims(1, "the multiples")
    if len(times) != len(shape):
        call.fail(f"{len(times)} multiples do not fit rank {len(shape)}")
    for axis, count in enumerate(times):
        if count == 1:
            continue
        before, rest = product(shape[:axis]), product(shape[axis:])
        shape = [*shape[:axis], shape[axis] * count, *shape[axis + 1 :]]
        spread = call.node("expand", [call.reshape(value, [before, 1, rest])], shape=[before, count, rest])
        value = call.reshape(spread, shape)
    return value


@lowers("FILL")
def fill(call: Call) -> str:
    return call.node("expand", [call.value(1)], shape=call.dims(0, "the shape"))


@lowers("SHAPE")
def shape_of(call: Call) -> np.ndarray:
    return objects(call.shape(0))


@lowers("RANK")
def rank_of(call: Call) -> np.ndarray:
    return objects(call.rank(0))


@lowers("RANGE")
def arange(call: Call) -> np.ndarray:
    """A constant; its length is known only when its ends are."""
    ends = [call.array(i) for i in range(3)]
    if any(end is None for end in ends):
        ends = [np.asarray(call.ints(i, "an end of the range")) for i in range(3)]
    start, limit, delta = (end.reshape(-1)[:1] for end in ends if end is not None)
    if start.size != 1 or limit.size != 1 or delta.size != 1 or delta[0] == 0:
        call.fail(f"a range from {start} to {limit} in steps of {delta}")
    count = max(0, math.ceil((limit[0].item() - start[0].item()) / delta[0].item()))
    if count > POSITIONS_LIMIT:
        raise Refused(f"a range of {count} numbers")
    return np.asarray(start[0].item() + np.arange(count) * delta[0].item(), call.output().dtype)
