"""Slices of one axis, where ends may be missing, negative, beyond the axis or symbolic."""

from __future__ import annotations

from webkiln.graph.dims import Dim, apply, negative, select


def slice_range(first: Dim | None, last: Dim | None, step: int, size: Dim) -> tuple[Dim, Dim]:
    """The start and number of the elements of `[first:last:step]`; a missing end is the axis's own."""
    low, high = (0, size) if step > 0 else (-1, size - 1)
    start = (0 if step > 0 else size - 1) if first is None else _clamp(from_front(first, size), low, high)
    end = (size if step > 0 else -1) if last is None else _clamp(from_front(last, size), low, high)
    length = end - start if step > 0 else start - end
    return start, apply("max", (length + abs(step) - 1) // abs(step), 0)


def told_range(first: Dim | None, last: Dim | None, step: Dim, size: Dim) -> tuple[Dim, Dim, Dim]:
    """The start, the number of elements and the step of `[first:last:step]` where only a run tells the step; it refuses one of 0."""
    longest = apply("max", size, 1)  # longer steps go as far
    stride = _clamp(step, longest * -1, longest)
    backwards = negative(stride)
    low, high = backwards * -1, size - backwards
    start = select(backwards, high, 0) if first is None else _clamp(from_front(first, size), low, high)
    end = select(backwards, low, size) if last is None else _clamp(from_front(last, size), low, high)
    return start, told_count(start, end, stride), stride


def told_count(start: Dim, limit: Dim, step: Dim) -> Dim:
    """How many numbers there are from `start` up or down to `limit`, without that, by steps of which only a run tells the sign; it refuses one of 0."""
    distance = apply("max", step, step * -1)
    return apply("max", 0, ((limit - start) * (1 - 2 * negative(step)) + distance - 1) // distance)


def _clamp(at: Dim, low: Dim, high: Dim) -> Dim:
    return apply("min", apply("max", at, low), high)


def from_front(at: Dim, size: Dim) -> Dim:
    """An index counted from the front, when it was negative."""
    if at < 0:
        return size + at
    if at >= 0:
        return at
    return at + size * negative(at)
