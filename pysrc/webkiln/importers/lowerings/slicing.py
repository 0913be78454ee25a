"""Slices of several axes at once, and cutting an axis into parts."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Dim, apply, negative
from webkiln.importers.axes import chosen, spread
from webkiln.importers.emitter import MAXIMUM_ELEMENTS, Emitter
from webkiln.importers.lowerings.movement import part
from webkiln.importers.ranges import from_front, slice_range
from webkiln.importers.typed_emitter import TypedEmitter


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
    emitter: Emitter, shape: list[Dim], begin: list[Dim], end: list[Dim], step: list[int], masks: Masks
) -> tuple[list[Dim], list[Dim], list[int], list[Dim]]:
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
                start, count = slice_range(first, last, stride, size)
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
        longest = apply("max", size, 1)  # longer steps go as far
        stride = apply("min", apply("max", step[axis], longest * -1), longest)
        backwards, distance = negative(stride), apply("max", stride, stride * -1)
        low, high = backwards * -1, size - backwards
        start, end = (apply("min", apply("max", from_front(at, size), low), high) for at in (first[axis], last[axis]))
        # An axis named twice makes a size below 0, which a run refuses, as it does a step of 0, by which is divided.
        count = apply("max", 0, ((end - start) * (1 - 2 * backwards) + distance - 1) // distance) - twice * MAXIMUM_ELEMENTS
        places = emitter.node("add", [emitter.node("mul", [emitter.places(count), emitter.signed(stride)]), emitter.signed(start)])
        value = emitter.node("gather", [value, places], axis=axis)
    return value


def parts(emitter: Emitter, value: str, axis: int, sizes: list[Dim]) -> list[str]:
    """An axis cut into parts of the sizes given."""
    at: Dim = 0
    found = []
    for size in sizes:
        found.append(part(emitter, value, axis, at, size))
        at = at + size
    return found
