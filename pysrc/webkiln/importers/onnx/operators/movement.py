"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

from webkiln.graph.dims import Dim, Expression, apply, equal, is_unsized, select
from webkiln.importers.axes import inserted_shape, remaining_shape, told_axes
from webkiln.importers.element_symbols import HIGHEST
from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings.movement import part, repeat
from webkiln.importers.lowerings.sequences import reversed_rows
from webkiln.importers.lowerings.slicing import told_slice
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.computed_slicing import computed_slice
from webkiln.importers.onnx.registry import lowers
from webkiln.importers.ranges import slice_range
from webkiln.importers.shapes import resolve_shape, told_shape
from webkiln.ops.rules import differ, product


@lowers("Reshape")
def reshape(call: Call) -> str:
    target: list[Dim] = call.dims(1, "the new shape") if call.version >= 5 else list(call.integers("shape"))
    shape = call.shape(0)
    if any(is_unsized(size) for size in target):
        return call.reshape(call.value(0), told_shape(shape, target, copied=not call.integer("allowzero", 0)))
    if not call.integer("allowzero", 0):
        if any(size == 0 and i >= len(shape) for i, size in enumerate(target)):
            call.fail(f"cannot reshape {shape} to {target}: a size of 0 stands for one that the input does not have")
        target = [shape[i] if size == 0 else size for i, size in enumerate(target)]
    return call.reshape(call.value(0), resolve_shape(shape, target, call.lowering.resized))


@lowers("Flatten")
def flatten(call: Call) -> str:
    shape = call.shape(0)
    axis = call.integer("axis", 1)
    axis = axis if axis == len(shape) else call.axis(axis, len(shape))
    return call.reshape(call.value(0), [product(shape[:axis]), product(shape[axis:])])


def any_axes_of(call: Call, i: int, rank: int) -> list[Dim] | None:
    """Axes as input `i`, or as the attribute that they were, perhaps such as only a run tells; `None` when they are not given."""
    if not call.has(i) or all(isinstance(axis, int) for axis in call.dims(i, "the axes")):
        known = axes_of(call, i, rank)
        return None if known is None else [*known]
    return told_axes(call, call.lowering.elements, call.dims(i, "the axes"), rank)


def axes_of(call: Call, i: int, rank: int) -> list[int] | None:
    """The same, where they must be known."""
    if call.has(i):
        axes = call.ints(i, "the axes")
    elif call.given("axes"):
        axes = call.integers("axes")
    else:
        return None
    found = [call.axis(axis, rank) for axis in axes]
    if len(set(found)) < len(found):
        call.fail(f"the axes {axes} name one twice")
    return found


@lowers("Squeeze")
def squeeze(call: Call) -> str:
    shape = call.shape(0)
    axes = any_axes_of(call, 1, len(shape))
    if axes is None:
        axes = [i for i, size in enumerate(shape) if size == 1]
    if any(not isinstance(axis, int) for axis in axes):
        return call.reshape(call.value(0), remaining_shape(shape, axes))
    for axis in axes:
        if not isinstance(axis, int) or differ(shape[axis], 1):
            call.fail(f"axis {axis} of {shape} is not of size 1")
    return call.reshape(call.value(0), [size for i, size in enumerate(shape) if i not in axes])


@lowers("Unsqueeze")
def unsqueeze(call: Call) -> str:
    shape = call.shape(0)
    given = call.dims(1, "the axes") if call.has(1) else call.integers("axes")
    axes = any_axes_of(call, 1, len(shape) + len(given)) or []
    if any(not isinstance(axis, int) for axis in axes):
        return call.reshape(call.value(0), inserted_shape(shape, axes))
    rest = iter(shape)
    return call.reshape(call.value(0), [1 if i in axes else next(rest) for i in range(len(shape) + len(given))])


@lowers("Transpose")
def transpose(call: Call) -> str:
    rank = call.rank(0)
    permutation = [call.axis(axis, rank) for axis in call.integers("perm", range(rank - 1, -1, -1))]
    return call.node("transpose", [call.value(0)], permutation=permutation)


@lowers("Concat")
def concat(call: Call) -> str:
    axis = call.axis(call.integer("axis", 1), call.rank(0))
    return call.node("concat", call.values(), axis=axis)


@lowers("Shape")
def shape_of(call: Call) -> Typed:
    shape = call.shape(0)
    rank = len(shape)

    def clamped(at: int) -> int:
        return min(max(at + rank if at < 0 else at, 0), rank)

    return Typed(objects(shape[clamped(call.integer("start", 0)) : clamped(call.integer("end", rank))]), "int64")


@lowers("Size")
def size_of(call: Call) -> Typed:
    return Typed(objects(product(call.shape(0))), "int64")


@lowers("Expand")
def expand(call: Call) -> str:
    """To the shape that the input's and the given one broadcast to."""
    target, shape = call.dims(1, "the new shape"), call.shape(0)
    rank = max(len(target), len(shape))
    target, shape = [*[1] * (rank - len(target)), *target], [*[1] * (rank - len(shape)), *shape]
    return call.node("expand", [call.value(0)], shape=[b if a == 1 else _broadcast(a, b) for a, b in zip(shape, target, strict=True)] if _fits(shape, target) else target)


def _broadcast(size: Dim, wanted: Dim) -> Dim:
    """A size that is not 1 stays; what a run wants instead, it refuses unless that is 1 or the same."""
    return select(equal(wanted, 1), size, wanted) if is_unsized(wanted) else size


def _fits(shape: list[Dim], target: list[Dim]) -> bool:
    return all(a == 1 or b == 1 or not differ(a, b) for a, b in zip(shape, target, strict=True))


@lowers("Tile")
def tile(call: Call) -> str:
    times = call.dims(1, "the repeats")
    if call.version < 6:  # how often, and along which axis
        tiles, axis = call.dims(1, "the tiles"), call.ints(2, "the axis")[0]
        times = [tiles[0] if i == axis else 1 for i in range(call.rank(0))]
    return repeat(call, call.value(0), times, "repeats")


@lowers("Slice")
def slice_(call: Call) -> str:
    shape = call.shape(0)
    rank = len(shape)
    if call.version < 10:
        starts: list[Dim] = list(call.integers("starts"))
        ends: list[Dim] = list(call.integers("ends"))
        axes, steps = call.integers("axes", range(len(starts))), [1] * len(starts)
    else:
        starts, ends = call.dims(1, "the starts"), call.dims(2, "the ends")
        told = call.dims(3, "the axes") if call.has(3) else list(range(len(starts)))
        strides: list[Dim] = call.dims(4, "the steps") if call.has(4) else [*[1] * len(starts)]
        if any(not isinstance(one, int) for one in (*told, *strides)):
            if not len(starts) == len(ends) == len(told) == len(strides):
                call.fail(f"starts {starts}, ends {ends}, axes {told} and steps {strides} do not fit together")
            if len(told) > 1 and any(not isinstance(one, int) for one in told):
                return computed_slice(call)  # as expressions of sizes they would be too long
            return told_slice(call, call.value(0), [starts, ends, told_axes(call, call.lowering.elements, told, rank), strides])
        axes, steps = call.ints(3, "the axes") if call.has(3) else list(range(len(starts))), call.ints(4, "the steps") if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        call.fail(f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not fit together")
    start: list[Dim] = [0] * rank
    size, step = list(shape), [1] * rank
    for first, last, at, stride in zip(starts, ends, axes, steps, strict=True):
        axis = call.axis(at, rank)
        start[axis], size[axis] = slice_range(_open(first, -stride), _open(last, stride), stride, shape[axis])
        step[axis] = stride
    # An empty axis has no element to start at.
    start = [0 if count == 0 else at for at, count in zip(start, size, strict=True)]
    return call.node("slice", [call.value(0)], start=start, size=size, step=step)


def _open(end: Dim, direction: int) -> Dim | None:
    """`None` for the greatest integers (the least, when going backwards), which stand for the end of an axis, whatever its size."""
    return None if isinstance(end, int) and (end >= 2**31 - 1 if direction > 0 else end <= 1 - 2**31) else end


@lowers("Split")
def split(call: Call) -> list[str]:
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", 0), len(shape))
    count = call.output_count
    if call.has(1):
        sizes = call.dims(1, "the sizes")
    elif call.given("split"):
        sizes = list(call.integers("split"))
    else:
        parts = call.integer("num_outputs", count)
        whole = shape[axis]
        if parts < 1 or parts != count:
            call.fail(f"{count} outputs, but num_outputs is {parts}")
        if isinstance(whole, int):
            size = -(-whole // parts)  # the last one may be smaller
            sizes = [max(0, min(size, whole - i * size)) for i in range(parts)]
            if call.version < 18 and whole % parts:
                call.fail(f"{whole} elements cannot be split into {parts} equal parts")
        elif differ(whole % parts, 0) or whole % parts != 0:
            raise Refused(f"a split of {whole} elements into {parts} parts, which may not be equal")
        else:
            sizes = [whole // parts] * parts
    if len(sizes) != count or differ(sum(sizes, 0), shape[axis]):
        call.fail(f"the sizes {sizes} do not make {count} outputs of {shape[axis]} elements")
    value = call.value(0)
    if any(isinstance(size, Expression) for size in sizes):
        for length in sizes:
            call.lowering.elements.limit(length, 0, HIGHEST)
        added_up = [sum(sizes, 0) if i == axis else size for i, size in enumerate(shape)]  # a run fails here when that is another size
        if shape[axis] == 0:
            return [call.reshape(value, added_up) for _ in sizes]
        value = call.reshape(value, added_up)
    result: list[str] = []
    at: Dim = 0
    for length in sizes:
        result.append(part(call, value, axis, at, length))
        at += length
    return result


@lowers("DepthToSpace")
def depth_to_space(call: Call) -> str:
    call.rank(0, 4)
    batch, channels, height, width = call.shape(0)
    block = call.integer("blocksize", 0)
    if block < 1 or differ(channels % (block * block), 0):
        call.fail(f"{channels} channels cannot be divided into blocks of {block} × {block}")
    rest = channels // (block * block)
    if call.choice("mode", "DCR", "CRD") == "DCR":
        split_, order = [batch, block, block, rest, height, width], [0, 3, 4, 1, 5, 2]
    else:
        split_, order = [batch, rest, block, block, height, width], [0, 1, 4, 2, 5, 3]
    moved = call.transpose(call.reshape(call.value(0), split_), order)
    return call.reshape(moved, [batch, rest, height * block, width * block])


@lowers("SpaceToDepth")
def space_to_depth(call: Call) -> str:
    call.rank(0, 4)
    batch, channels, height, width = call.shape(0)
    block = call.integer("blocksize", 0)
    if block < 1 or differ(height % block, 0) or differ(width % block, 0):
        call.fail(f"{height} × {width} cannot be divided into blocks of {block} × {block}")
    split_ = call.reshape(call.value(0), [batch, channels, height // block, block, width // block, block])
    order = [0, 3, 5, 1, 2, 4] if call.choice("mode", "DCR", "CRD") == "DCR" else [0, 1, 3, 5, 2, 4]
    return call.reshape(call.transpose(split_, order), [batch, channels * block * block, height // block, width // block])


@lowers("CenterCropPad")
def center_crop_pad(call: Call) -> str:
    """Each axis cut, or padded with zeros, to its new size around its middle; an odd element is left over at the end."""
    value, rank = call.value(0), call.rank(0)
    target = call.dims(1, "the new shape")
    axes = axes_of(call, 2, rank) or list(range(rank))
    if len(target) != len(axes):
        call.fail(f"{len(target)} new sizes do not fit {len(axes)} axes")
    for axis, wanted in zip(axes, target, strict=True):
        size = call.builder.shape(value)[axis]
        kept = apply("min", size, wanted)
        value = part(call, value, axis, (size - kept) // 2, kept)
        low, high = (wanted - kept) // 2, (wanted - kept + 1) // 2
        if high != 0:
            before, after, none = ([amount if i == axis else 0 for i in range(rank)] for amount in (low, high, 0))
            value = call.node("pad", [value], low=before, high=after, interior=none, value=0.0)
    return value


@lowers("ReverseSequence")
def reverse_sequence(call: Call) -> str:
    """The first `lengths[b]` elements along the time axis reversed in each batch."""
    batch_axis, time_axis = call.integer("batch_axis", 1), call.integer("time_axis", 0)
    shape = call.shape(0)
    if {batch_axis, time_axis} != {0, 1} or len(shape) < 2:
        call.fail(f"the batch axis {batch_axis} and the time axis {time_axis} of shape {shape}")
    return reversed_rows(call, call.value(0), call.value(1), time_axis)
