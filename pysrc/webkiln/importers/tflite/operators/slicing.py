"""Slices and splits."""

from __future__ import annotations

from webkiln.graph.dims import Dim, equal, select
from webkiln.importers.lowerings.slicing import Masks, masked_ranges, parts, sliced, split_sizes
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


@lowers("SLICE")
def slice_(call: Call) -> str:
    shape = call.shape(0)
    begin, size = call.told(1, "the begin"), call.told(2, "the size")
    if len(begin) != len(shape) or len(size) != len(shape):
        call.fail(f"begin {begin} and size {size} do not fit rank {len(shape)}")
    size = [select(equal(count, -1), whole - at, count) for whole, at, count in zip(shape, begin, size, strict=True)]
    return call.node("slice", [call.value(0)], start=begin, size=size, step=[1] * len(shape))


@lowers("STRIDED_SLICE", options="StridedSliceOptions")
def strided_slice(call: Call) -> str:
    """As in NumPy: `x[begin:end:step, …]`, where masks stand for what is left out."""
    start, size, step, result = strided_ranges(call)
    return call.reshape(sliced(call, call.value(0), start, size, step), result)


def strided_ranges(call: Call) -> tuple[list[Dim], list[Dim], list[Dim], list[Dim]]:
    """The start, size and step of each axis of the input, and the shape that the result has in the end."""
    options = call.options
    masks = Masks(options.begin_mask, options.end_mask, options.ellipsis_mask, options.new_axis_mask, options.shrink_axis_mask)
    begin, end, step = call.told(1, "the begin"), call.told(2, "the end"), call.told(3, "the step")
    if options.offset:
        end = [first + count for first, count in zip(begin, end, strict=True)]
    return masked_ranges(call, call.shape(0), begin, end, step, masks)


@lowers("SPLIT", options="SplitOptions")
def split(call: Call) -> list[str]:
    shape = call.shape(1)
    axis = _axis(call, 0, len(shape))
    count = call.options.count
    if count < 1 or count != call.output_count or shape[axis] % count != 0:
        call.fail(f"{shape[axis]} elements cannot be split into {count} equal parts")
    return parts(call, call.value(1), axis, [shape[axis] // count] * count)


@lowers("SPLIT_V", options="SplitVOptions")
def split_v(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = _axis(call, 2, len(shape))
    sizes = call.told(1, "the sizes")
    if len(sizes) != call.output_count:
        call.fail(f"sizes {sizes} for {call.output_count} outputs")
    return parts(call, call.value(0), axis, split_sizes(call, sizes, shape[axis]))


def _axis(call: Call, i: int, rank: int) -> int:
    axes = call.ints(i, "the axis")
    if len(axes) != 1:
        call.fail(f"the axis is {axes}, expected one number")
    return call.axis(axes[0], rank)


@lowers("UNPACK", options="UnpackOptions")
def unpack(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = call.axis(call.options.axis, len(shape))
    if shape[axis] != call.options.count or call.options.count != call.output_count:
        call.fail(f"{call.output_count} outputs for {shape[axis]} elements along axis {axis}")
    rest = [*shape[:axis], *shape[axis + 1 :]]
    return [call.reshape(part, rest) for part in parts(call, call.value(0), axis, [1] * call.output_count)]


@lowers("REVERSE_V2")
def reverse(call: Call) -> str:
    shape = call.shape(0)
    axes = [call.axis(axis, len(shape)) for axis in call.ints(1, "the axes")]
    if any(shape[axis] == 0 for axis in axes):
        return call.value(0)
    start = [size - 1 if i in axes else 0 for i, size in enumerate(shape)]
    return call.node("slice", [call.value(0)], start=start, size=shape, step=[-1 if i in axes else 1 for i in range(len(shape))])
