"""Slices of several axes at once, and cutting an axis into parts."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import MAXIMUM_ELEMENTS, Dim, apply, equal, is_unsized, select
from webkiln.importers.axes import chosen, spread
from webkiln.importers.emitter import Emitter
from webkiln.importers.lowerings.counting import progression
from webkiln.importers.lowerings.movement import part
from webkiln.importers.ranges import from_front, slice_range, told_range
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import differ


@dataclass(frozen=True)
class Masks:
    """Bits for the entries of a strided slice: which ends are left out, which entry stands for all axes that no other names, which ones
    are new axes, and which are one position, whose axis goes."""

    begin: int
    end: int
    ellipsis: int
    new_axis: int
    shrink_axis: int


def masked_ranges(
    emitter: Emitter, shape: list[Dim], begin: list[Dim], end: list[Dim], step: list[Dim], masks: Masks
) -> tuple[list[Dim], list[Dim], list[Dim], list[Dim]]:
    """The start, size and step of each axis of the input, and the shape that the result has in the end."""
    if not len(begin) == len(end) == len(step) or 0 in step:
        emitter.fail(f"begin {begin}, end {end} and step {step} do not fit together")

    def masked(mask: int, i: int) -> bool:
        return bool(mask >> i & 1)

    ellipses = [i for i in range(len(begin)) if masked(masks.ellipsis, i)]
    if len(ellipses) > 1:
        emitter.fail("more than one ellipsis")
    taken = sum(1 for i in range(len(begin)) if i not in ellipses and not masked(masks.new_axis, i))
    if taken > len(shape):
        emitter.fail(f"{taken} slices for rank {len(shape)}")
    starts: list[Dim] = []
    sizes: list[Dim] = []
    steps: list[Dim] = []
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
        elif masked(masks.new_axis, i):
            result.append(1)
        else:
            size = shape[len(starts)]
            if masked(masks.shrink_axis, i):
                at = from_front(begin[i], size)
                if at < 0 or at >= size:
                    emitter.fail(f"index {begin[i]} lies outside of axis {len(starts)} of {shape}")
                starts.append(at)
                sizes.append(1)
                steps.append(1)
            else:
                stride = step[i]
                first = None if masked(masks.begin, i) else begin[i]
                last = None if masked(masks.end, i) else end[i]
                if isinstance(stride, int):
                    start, count = slice_range(first, last, stride, size)
                else:
                    start, count, stride = told_range(first, last, stride, size)
                starts.append(start)
                sizes.append(count)
                steps.append(stride)
                result.append(count)
    whole(len(shape) - len(starts))
    # An empty axis has no element to start at.
    starts = [0 if count == 0 else at for at, count in zip(starts, sizes, strict=True)]
    return starts, sizes, steps, result


def told_slice(emitter: TypedEmitter, value: str, given: list[list[Dim]]) -> str:
    """Slices whose starts, ends, axes and steps (`given`, one after the other) only a run tells: elements picked along each axis."""
    starts, ends, axes, steps = given
    shape = emitter.builder.shape(value)
    twice = sum((apply("max", 0, chosen(axes, i) - 1) for i in range(len(shape))), 0)
    first, last, step = (spread(axes, one, rest) for one, rest in ((starts, [0] * len(shape)), (ends, shape), (steps, [1] * len(shape))))
    for axis, size in enumerate(shape):
        start, count, stride = told_range(first[axis], last[axis], step[axis], size)
        # An axis named twice makes a size below 0, which a run refuses.
        places = progression(emitter, start, count - twice * MAXIMUM_ELEMENTS, stride)
        value = emitter.node("gather", [value, places], axis=axis)
    return value


def sliced(emitter: TypedEmitter, value: str, starts: list[Dim], sizes: list[Dim], steps: list[Dim]) -> str:
    """Slices of all axes; along those whose step only a run tells, elements picked."""
    shape = emitter.builder.shape(value)
    known = [isinstance(step, int) for step in steps]
    value = emitter.node(
        "slice",
        [value],
        start=[at if is_known else 0 for at, is_known in zip(starts, known, strict=True)],
        size=[size if is_known else whole for size, whole, is_known in zip(sizes, shape, known, strict=True)],
        step=[step if isinstance(step, int) else 1 for step in steps],
    )
    for axis, (start, size, step) in enumerate(zip(starts, sizes, steps, strict=True)):
        if not known[axis]:
            value = emitter.node("gather", [value, progression(emitter, start, size, step)], axis=axis)
    return value


def split_sizes(emitter: Emitter, sizes: list[Dim], whole: Dim) -> list[Dim]:
    """The sizes of parts of an axis of which one may be −1: what is left. What only a run tells, it refuses unless it adds up."""
    told = [is_unsized(size) for size in sizes]
    open_ = [equal(size, -1) if is_told else int(size == -1) for size, is_told in zip(sizes, told, strict=True)]
    rest = whole - sum((select(is_open, 0, size) for is_open, size in zip(open_, sizes, strict=True)), 0)
    found = [select(is_open, rest, size) for is_open, size in zip(open_, sizes, strict=True)]
    if any(told):
        # What is left over, or lacks, and a second −1 make a size below 0.
        excess = apply("max", sum(open_, 0) - 1, 0) + apply("max", sum(found, 0) - whole, whole - sum(found, 0))
        found[-1] = found[-1] - excess * MAXIMUM_ELEMENTS
    elif sum(open_, 0) > 1 or differ(sum(found, 0), whole):
        emitter.fail(f"the sizes {[str(size) for size in sizes]} do not add up to {whole}")
    return found


def parts(emitter: Emitter, value: str, axis: int, sizes: list[Dim]) -> list[str]:
    """An axis cut into parts of the sizes given."""
    at: Dim = 0
    found = []
    for size in sizes:
        found.append(part(emitter, value, axis, at, size))
        at = at + size
    return found
