"""Reductions along axes that are known, or that only a run tells."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from webkiln.graph.dims import Dim, apply
from webkiln.importers.axes import chosen, remaining_shape
from webkiln.importers.emitter import Emitter
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import product


def reduced(emitter: Emitter, op: str, value: str, axes: Sequence[Dim], keep_dims: bool) -> str:
    """A reduction of which every part may be done for itself: of one axis after the other."""
    known = [axis for axis in axes if isinstance(axis, int)]
    if len(known) == len(axes):
        return emitter.node(op, [value], axes=sorted(known), keep_dims=keep_dims)
    shape = emitter.builder.shape(value)
    for i, size in enumerate(shape):
        if size != 1:
            value = _where_chosen(emitter, op, value, i, chosen(axes, i))
    if keep_dims:
        return value
    return emitter.reshape(value, remaining_shape(emitter.builder.shape(value), axes))


def counted_along(emitter: TypedEmitter, shape: Sequence[Dim], axes: Sequence[Dim]) -> str:
    """How many elements go into each one of a reduction (i32)."""
    if all(isinstance(axis, int) for axis in axes):
        return emitter.length(product([size for i, size in enumerate(shape) if i in axes]))
    counts = [emitter.length(apply("max", 0, 1 + chosen(axes, i) * (size - 1))) for i, size in enumerate(shape)]
    return functools.reduce(lambda a, b: emitter.node("mul", [a, b]), counts)


def _where_chosen(emitter: Emitter, op: str, value: str, axis: int, is_chosen: Dim) -> str:
    """The value where `is_chosen` is 0, reduced along one axis where it is 1: a slice of both, one behind the other."""
    shape = emitter.builder.shape(value)
    size = shape[axis]
    both = emitter.node("concat", [value, emitter.node(op, [value], axes=[axis], keep_dims=True)], axis=axis)
    return emitter.node(
        "slice",
        [both],
        start=[is_chosen * size if i == axis else 0 for i in range(len(shape))],
        size=[apply("max", 0, size + is_chosen * (1 - size)) if i == axis else whole for i, whole in enumerate(shape)],
        step=[1] * len(shape),
    )
