"""Slices of one axis, where ends may be missing, negative, beyond the axis or symbolic."""

from __future__ import annotations

from webkiln.graph.dims import Dim, apply, negative


def slice_range(first: Dim | None, last: Dim | None, step: int, size: Dim) -> tuple[Dim, Dim]:
    """The start and number of the elements of `[first:last:step]`; a missing end is the axis's own."""
    low, high = (0, size) if step > 0 else (-1, size - 1)
    start = (0 if step > 0 else size - 1) if first is None else _clamp(from_front(first, size), low, high)
    end = (size if step > 0 else -1) if last is None else _clamp(from_front(last, size), low, high)
    length = end - start if step > 0 else start - end
    return start, apply("max", (length + abs(step) - 1) // abs(step), 0)


def _clamp(at: Dim, low: Dim, high: Dim) -> Dim:
    return apply("min", apply("max", at, low), high)


def from_front(at: Dim, size: Dim) -> Dim:
    """An index counted from the front, when it was negative."""
    if at < 0:
        return size + at
    if at >= 0:
        return at
    return at + size * negative(at)
