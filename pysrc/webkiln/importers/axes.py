"""Axes that only a run tells: which of the axes of a shape they are, as sums and products of sizes.

An axis is a dimension between 0 and rank − 1. What is counted with are the axes below each position: `below(i)` of `axes`, so that
axis i is among them where `below(i + 1) − below(i)` is 1. Naming an axis twice makes sizes that a run refuses. Sizes are the greater of
themselves and 0, which keeps each one factor of a product.
"""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.graph.dims import Dim, apply
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.emitter import Emitter


def told_axes(emitter: Emitter, elements: ElementSymbols, axes: Sequence[Dim], rank: int) -> list[Dim]:
    """Axes counted from the front, known ones and others, of which a run refuses those that do not exist."""
    return [emitter.axis(axis, rank) if isinstance(axis, int) else _told_axis(elements, axis, rank) for axis in axes]


def _told_axis(elements: ElementSymbols, axis: Dim, rank: int) -> Dim:
    elements.limit(axis, -rank, rank - 1)
    return apply("mod", axis, rank)


def chosen(axes: Sequence[Dim], i: int) -> Dim:
    """1 where axis i is among the axes, else 0 (and 2 where it is there twice)."""
    return _below(axes, i + 1) - _below(axes, i)


def remaining_shape(shape: Sequence[Dim], axes: Sequence[Dim]) -> list[Dim]:
    """The shape without the axes."""
    rest = [i - _below(axes, i) for i in range(len(shape) + 1)]  # how many remain of the first i
    return [
        apply("max", 0, sum((size * (_reaches(rest[i + 1], k) - _reaches(rest[i], k)) for i, size in enumerate(shape)), 0))
        for k in range(len(shape) - len(axes))
    ]


def inserted_shape(shape: Sequence[Dim], axes: Sequence[Dim]) -> list[Dim]:
    """The shape with a 1 at each of the axes, which are those of the result."""
    rank = len(shape) + len(axes)
    old = [p - _below(axes, p) for p in range(rank + 1)]  # how many of the first p were there before
    return [
        apply("max", 0, chosen(axes, p) + sum((size * (_reaches(old[p + 1], i) - _reaches(old[p], i)) for i, size in enumerate(shape)), 0))
        for p in range(rank)
    ]


def spread(axes: Sequence[Dim], numbers: Sequence[Dim], otherwise: Sequence[Dim]) -> list[Dim]:
    """For each axis of a shape the number that was given for it, or what stands otherwise."""
    return [
        sum((chosen([axis], i) * (number - rest) for axis, number in zip(axes, numbers, strict=True)), rest) for i, rest in enumerate(otherwise)
    ]


def _below(axes: Sequence[Dim], i: int) -> Dim:
    """How many of the axes are less than i."""
    return sum((apply("max", 0, apply("min", 1, i - axis)) for axis in axes), 0)


def _reaches(count: Dim, k: int) -> Dim:
    """1 where a count is more than k, else 0."""
    return apply("max", 0, apply("min", 1, count - k))
