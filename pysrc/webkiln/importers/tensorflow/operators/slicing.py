"""Slices and splits."""

from __future__ import annotations

from webkiln.importers.lowerings.slicing import parts, sliced, split_sizes
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.registry import lowers
from webkiln.importers.tensorflow.strides import strided_ranges
from webkiln.ops.rules import differ


@lowers("Slice")
def slice_(call: Call) -> str:
    shape = call.shape(0)
    begin, size = call.dims(1, "the begin"), call.dims(2, "the size")
    if len(begin) != len(shape) or len(size) != len(shape):
        call.fail(f"begin {begin} and size {size} do not fit rank {len(shape)}")
    size = [whole - at if count == -1 else count for whole, at, count in zip(shape, begin, size, strict=True)]
    return call.node("slice", [call.value(0)], start=begin, size=size, step=[1] * len(shape))


@lowers("StridedSlice")
def strided_slice(call: Call) -> str:
    """As in NumPy: `x[begin:end:step, …]`, where masks stand for what is left out."""
    start, size, step, result = strided_ranges(call)
    return call.reshape(sliced(call, call.value(0), start, size, step), result)


@lowers("Split")
def split(call: Call) -> list[str]:
    shape = call.shape(1)
    axis, count = call.axis_input(0, len(shape)), call.integer("num_split", 1)
    if count < 1 or differ(shape[axis] % count, 0):
        call.fail(f"{shape[axis]} elements cannot be split into {count} equal parts")
    return parts(call, call.value(1), axis, [shape[axis] // count] * count)


@lowers("SplitV")
def split_v(call: Call) -> list[str]:
    shape = call.shape(0)
    axis, sizes = call.axis_input(2, len(shape)), call.dims(1, "the sizes")
    return parts(call, call.value(0), axis, split_sizes(call, sizes, shape[axis]))


@lowers("Unpack")
def unpack(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", 0), len(shape))
    count = call.integer("num", -1) if call.given("num") else call.sizes(0, "what is unpacked")[axis]
    if count < 0 or differ(shape[axis], count):
        call.fail(f"{count} results for {shape[axis]} elements along axis {axis}")
    rest = [*shape[:axis], *shape[axis + 1 :]]
    return [call.reshape(part, rest) for part in parts(call, call.value(0), axis, [1] * count)]
