"""Writing elements at indices."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import nd_places
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import differ, product

UPDATES = {
    "TensorScatterUpdate": "none",
    "TensorScatterAdd": "add",
    "TensorScatterSub": "sub",
    "TensorScatterMax": "max",
    "TensorScatterMin": "min",
}


def _scattered(call: Call, rows: str, shape: list[Dim], indices: int, updates: int, reduction: str) -> Typed:
    """`updates` written, or combined, at positions whose indices are along the last axis of `indices`; `rows`: a tensor of `shape`."""
    places = call.sizes(indices, "the indices")
    depth = places[-1] if places else 0
    if not 0 < depth <= len(shape):
        call.fail(f"indices of shape {places} do not fit {shape}")
    count, rest = math.prod(places[:-1]), shape[depth:]
    flat = call.reshape(nd_places(call, call.wide(call.value(indices)), shape[:depth]), [count])
    value = call.wide(call.value(updates))
    given = call.builder.shape(value)
    if len(given) != len(places) - 1 + len(rest) or any(differ(a, b) for a, b in zip(given, [*places[:-1], *rest], strict=True)):
        call.fail(f"updates of shape {call.shape(updates)} do not fit indices of {places} into {shape}")
    if reduction == "sub":
        value, reduction = call.node("neg", [value]), "add"
    whole = call.reshape(call.wide(rows), [product(shape[:depth]), *rest])
    written = call.node("scatter", [whole, flat, call.reshape(value, [count, *given[len(places) - 1 :]])], reduction=reduction)
    return call.back(call.reshape(written, shape), updates)


@lowers(*UPDATES)
def tensor_scatter(call: Call) -> Typed:
    return _scattered(call, call.value(0), call.shape(0), 1, 2, UPDATES[call.source.op])


@lowers("ScatterNd")
def scatter_nd(call: Call) -> Typed:
    """Sums of the updates at each position, in a tensor of zeros."""
    shape = call.dims(2, "the shape")
    zero = call.like(0, call.wide(call.value(1)))
    return _scattered(call, call.node("expand", [zero], shape=shape), shape, 0, 1, "add")


@lowers("SparseToDense")
def sparse_to_dense(call: Call) -> Typed:
    """Values at indices, and a default everywhere else. Indices: one position [R], a list of them [M, R], or with rank 1 [M]."""
    shape = call.ints(1, "the shape")
    places = call.sizes(0, "the indices")
    indices = call.wide(call.value(0))
    if len(places) > 2 or (len(places) == 2 and places[1] != len(shape)) or (len(places) < 2 and len(shape) != 1):
        call.fail(f"indices of shape {places} do not fit {shape}")
    count = places[0] if places else 1
    default = call.reshape(call.wide(call.value(3)), [])
    if math.prod(shape) == 0 or count == 0:
        raise Refused("nothing to write, or nothing to write it to")
    rows = call.node("expand", [default], shape=[math.prod(shape)])
    flat = call.reshape(nd_places(call, call.reshape(indices, [count, len(shape)]), list(shape)), [count])
    value = call.wide(call.value(2))
    values = call.reshape(value, [count]) if call.rank(2) == 1 else call.node("expand", [call.reshape(value, [1])], shape=[count])
    return call.back(call.reshape(call.node("scatter", [rows, flat, values]), list(shape)), 2)


@lowers("InvertPermutation")
def invert_permutation(call: Call) -> str:
    count = call.sizes(0, "the permutation")[0]
    zeros = call.constant(np.zeros(count, np.int32))
    return call.node("scatter", [zeros, call.value(0), call.constant(call.positions(count))])
