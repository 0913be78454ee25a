"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.graph.dims import MAXIMUM_ELEMENTS, Dim, apply, equal
from webkiln.importers.axes import chosen
from webkiln.importers.emitter import Emitter
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import differ, product


def repeat(emitter: Emitter, value: str, times: list[Dim], what: str) -> str:
    """Axis by axis, as an expansion of [before, 1, rest] to [before, times, rest]. `what`: how the source calls the times."""
    shape = emitter.builder.shape(value)
    if len(times) != len(shape):
        emitter.fail(f"{len(times)} {what} do not fit rank {len(shape)}")
    for axis, count in enumerate(times):
        if count == 1:
            continue
        before, rest = product(shape[:axis]), product(shape[axis:])
        shape = [*shape[:axis], shape[axis] * count, *shape[axis + 1 :]]
        spread = emitter.node("expand", [emitter.reshape(value, [before, 1, rest])], shape=[before, count, rest])
        value = emitter.reshape(spread, shape)
    return value


def part(emitter: Emitter, value: str, axis: int, start: Dim, size: Dim, step: int = 1) -> str:
    """`size` elements of one axis from `start`, the others whole."""
    shape = emitter.builder.shape(value)
    if start == 0 and step == 1 and shape[axis] == size:
        return value
    return emitter.node(
        "slice",
        [value],
        start=[start if i == axis and size != 0 else 0 for i in range(len(shape))],
        size=[size if i == axis else whole for i, whole in enumerate(shape)],
        step=[step if i == axis else 1 for i in range(len(shape))],
    )


def told_transpose(emitter: TypedEmitter, value: str, permutation: list[Dim]) -> str:
    """The value with its axes permuted; where only a run tells how, its elements picked one by one. A run refuses an axis that is named twice."""
    known = [axis for axis in permutation if isinstance(axis, int)]
    if len(known) == len(permutation):
        return emitter.node("transpose", [value], permutation=known)
    shape = emitter.builder.shape(value)
    twice = sum((equal(a, b) for i, a in enumerate(permutation) for b in permutation[:i]), 0)
    places = ""
    for k, axis in enumerate(permutation):
        size, stride = (
            apply("max", 0, sum((chosen([axis], i) * one for i, one in enumerate(numbers)), 0))
            for numbers in (shape, [product(shape[i + 1 :]) for i in range(len(shape))])
        )
        size = size - twice * MAXIMUM_ELEMENTS if k == 0 else size
        along = emitter.node("mul", [emitter.places(size), emitter.length(stride)])
        along = emitter.reshape(along, [size if i == k else 1 for i in range(len(shape))])
        places = emitter.node("add", [places, along]) if places else along
    return emitter.node("gather", [emitter.reshape(value, [product(shape)]), places], axis=0)


def squeezed(emitter: Emitter, value: str, named: Sequence[int], pairs: bool = False) -> str:
    """The value without these axes, which must be of size 1, or without all that are when none is named. `pairs`: complex numbers, whose last axis stays."""
    shape = emitter.builder.shape(value)
    outer = shape[:-1] if pairs else shape
    axes = [emitter.axis(axis, len(outer)) for axis in named] or [i for i, size in enumerate(outer) if size == 1]
    for axis in axes:
        if differ(shape[axis], 1):
            emitter.fail(f"axis {axis} of {outer} is not of size 1")
    return emitter.reshape(value, [size for i, size in enumerate(shape) if i not in axes])


def reversed_axis(emitter: Emitter, value: str, axis: int) -> str:
    """The elements of an axis backwards."""
    size = emitter.builder.shape(value)[axis]
    return part(emitter, value, axis, size - 1, size, -1) if size != 0 else value
