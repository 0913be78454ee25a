"""Slices of several axes at once, and cutting an axis into parts."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter
from webkiln.importers.lowerings.movement import part
from webkiln.importers.ranges import from_front, slice_range


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


def parts(emitter: Emitter, value: str, axis: int, sizes: list[Dim]) -> list[str]:
    """An axis cut into parts of the sizes given."""
    at: Dim = 0
    found = []
    for size in sizes:
        found.append(part(emitter, value, axis, at, size))
        at = at + size
    return found
