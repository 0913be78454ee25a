"""Positions of elements in flattened tensors."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import product


def strides_of(shape: list[Dim]) -> list[Dim]:
    """How far apart neighbours along each axis lie in a flattened tensor."""
    return [product(shape[i + 1 :]) for i in range(len(shape))]


def _clamped(call: TypedEmitter, indices: str, sizes: str) -> str:
    """Within an axis: an index outside could reach another row."""
    last = call.node("sub", [sizes, call.like(1, indices)])
    return call.node("min", [call.node("max", [indices, call.like(0, indices)]), last])


def flat_places(call: TypedEmitter, indices: str, shape: list[Dim], places: list[Dim], axis: int) -> str:
    """Positions in a flattened tensor of `shape` of elements picked along one axis, at indices of shape `places`."""
    strides = strides_of(shape)
    flat = call.node("mul", [_clamped(call, indices, call.length(shape[axis])), call.length(strides[axis])])
    for i, count in enumerate(places):
        if i != axis and count != 1:
            along = call.reshape(call.places(count), [count if j == i else 1 for j in range(len(shape))])
            flat = call.node("add", [flat, call.node("mul", [along, call.length(strides[i])])])
    return flat


def nd_places(call: TypedEmitter, indices: str, sizes: list[Dim]) -> str:
    """Positions in flattened axes of `sizes`, from one index each along the last axis of the indices."""
    extents, strides = (
        call.node("concat", [call.reshape(call.length(size), [1]) for size in numbers], axis=0) for numbers in (sizes, strides_of(sizes))
    )
    zero = call.like(0, indices)
    fronted = call.node("where", [call.node("less", [indices, zero]), call.node("add", [indices, extents]), indices])
    scaled = call.node("mul", [_clamped(call, fronted, extents), strides])
    return call.node("reduce_sum", [scaled], axes=[len(call.builder.shape(indices)) - 1], keep_dims=False)


def picked_along(call: TypedEmitter, x: str, places: str, axis: int) -> str:
    """x at indices of its own rank along one axis, whose other sizes are those of x."""
    shape = call.builder.shape(x)
    flat = flat_places(call, places, shape, call.builder.shape(places), axis)
    return call.node("gather", [call.reshape(x, [product(shape)]), flat], axis=0)
