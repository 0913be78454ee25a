"""Operators that put the same elements into another shape or order."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter
from webkiln.ops.rules import product


def repeat(emitter: Emitter, value: str, times: list[Dim]) -> str:
    """Axis by axis, as an expansion of [before, 1, rest] to [before, times, rest]."""
    shape = emitter.builder.shape(value)
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


def reversed_axis(emitter: Emitter, value: str, axis: int) -> str:
    """The elements of an axis backwards."""
    size = emitter.builder.shape(value)[axis]
    return part(emitter, value, axis, size - 1, size, -1) if size != 0 else value
