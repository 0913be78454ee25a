"""Slices and splits."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.ranges import from_front, slice_range
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


@lowers("SLICE")
def slice_(call: Call) -> str:
    shape = call.shape(0)
    begin, size = call.dims(1, "the begin"), call.dims(2, "the size")
    if len(begin) != len(shape) or len(size) != len(shape):
        call.fail(f"begin {begin} and size {size} do not fit rank {len(shape)}")
    size = [whole - at if count == -1 else count for whole, at, count in zip(shape, begin, size, strict=True)]
    return call.node("slice", [call.value(0)], start=begin, size=size, step=[1] * len(shape))


@lowers("STRIDED_SLICE", options="StridedSliceOptions")
def strided_slice(call: Call) -> str:
    """As in NumPy: `x[begin:end:step, …]`, where masks stand for what is left out."""
    start, size, step, result = strided_ranges(call)
    value = call.node("slice", [call.value(0)], start=start, size=size, step=step)
    return call.reshape(value, result)


def strided_ranges(call: Call) -> tuple[list[Dim], list[Dim], list[int], list[Dim]]:
    """The start, size and step of each axis of the input, and the shape that the result has in the end."""
    options, shape = call.options, call.shape(0)
    begin, end, step = call.dims(1, "the begin"), call.dims(2, "the end"), call.ints(3, "the step")
    if not len(begin) == len(end) == len(step) or 0 in step:
        call.fail(f"begin {begin}, end {end} and step {step} do not fit together")

    def masked(mask: int, i: int) -> bool:
        return bool(mask >> i & 1)

    ellipses = [i for i in range(len(begin)) if masked(options.ellipsis_mask, i)]
    if len(ellipses) > 1:
        call.fail("more than one ellipsis")
    taken = sum(1 for i in range(len(begin)) if i not in ellipses and not masked(options.new_axis_mask, i))
    if taken > len(shape):
        call.fail(f"{taken} slices for rank {len(shape)}")
    starts: list[Dim] = []
    sizes: list[Dim] = []
    steps: list[int] = []
    result: list[Dim] = []

    def whole(count: int) -> None:
        for _ in range(count):
            size = shape[len(starts)]
            starts.append(0)
            sizes.append(size)
            steps.append(1)
            result.append(size)

    for i in range(len(begin)):
        if i in ellipses:
            whole(len(shape) - taken)
        elif masked(options.new_axis_mask, i):
            result.append(1)
        else:
            size = shape[len(starts)]
            if masked(options.shrink_axis_mask, i):
                at = from_front(begin[i], size)
                if at < 0 or at >= size:
                    call.fail(f"index {begin[i]} lies outside of axis {len(starts)} of {shape}")
                starts.append(at)
                sizes.append(1)
                steps.append(1)
            else:
                stride = step[i]
                first = None if masked(options.begin_mask, i) else begin[i]
                last = None if masked(options.end_mask, i) else begin[i] + end[i] if options.offset else end[i]
                start, count = slice_range(first, last, stride, size)
                starts.append(start)
                sizes.append(count)
                steps.append(stride)
                result.append(count)
    whole(len(shape) - len(starts))
    # An empty axis has no element to start at.
    starts = [0 if count == 0 else at for at, count in zip(starts, sizes, strict=True)]
    return starts, sizes, steps, result


@lowers("SPLIT", options="SplitOptions")
def split(call: Call) -> list[str]:
    shape = call.shape(1)
    axis = _axis(call, 0, len(shape))
    count = call.options.count
    if count < 1 or count != call.output_count or shape[axis] % count != 0:
        call.fail(f"{shape[axis]} elements cannot be split into {count} equal parts")
    return _parts(call, 1, axis, [shape[axis] // count] * count)


@lowers("SPLIT_V", options="SplitVOptions")
def split_v(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = _axis(call, 2, len(shape))
    sizes = call.dims(1, "the sizes")
    if len(sizes) != call.output_count or sizes.count(-1) > 1:
        call.fail(f"sizes {sizes} for {call.output_count} outputs")
    if -1 in sizes:
        at = sizes.index(-1)
        sizes[at] = shape[axis] - sum((size for i, size in enumerate(sizes) if i != at), 0)
    if sum(sizes, 0) != shape[axis]:
        call.fail(f"the sizes {sizes} do not add up to {shape[axis]}")
    return _parts(call, 0, axis, sizes)


def _axis(call: Call, i: int, rank: int) -> int:
    axes = call.ints(i, "the axis")
    if len(axes) != 1:
        call.fail(f"the axis is {axes}, expected one number")
    return call.axis(axes[0], rank)


def _parts(call: Call, i: int, axis: int, sizes: list[Dim]) -> list[str]:
    shape = call.shape(i)
    rank = len(shape)
    parts = []
    at: Dim = 0
    for size in sizes:
        start = [at if j == axis else 0 for j in range(rank)]
        part = [size if j == axis else shape[j] for j in range(rank)]
        parts.append(call.node("slice", [call.value(i)], start=start if size != 0 else [0] * rank, size=part, step=[1] * rank))
        at = at + size
    return parts


@lowers("UNPACK", options="UnpackOptions")
def unpack(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = call.axis(call.options.axis, len(shape))
    if shape[axis] != call.options.count or call.options.count != call.output_count:
        call.fail(f"{call.output_count} outputs for {shape[axis]} elements along axis {axis}")
    rest = [*shape[:axis], *shape[axis + 1 :]]
    return [call.reshape(part, rest) for part in _parts(call, 0, axis, [1] * call.output_count)]


@lowers("REVERSE_V2")
def reverse(call: Call) -> str:
    shape = call.shape(0)
    axes = [call.axis(axis, len(shape)) for axis in call.ints(1, "the axes")]
    if any(shape[axis] == 0 for axis in axes):
        return call.value(0)
    start = [size - 1 if i in axes else 0 for i, size in enumerate(shape)]
    return call.node("slice", [call.value(0)], start=start, size=shape, step=[-1 if i in axes else 1 for i in range(len(shape))])
