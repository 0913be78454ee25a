"""Writing elements at indices, and sorting."""

from __future__ import annotations

import math

import numpy as np

from webkiln.importers.lowerings.indexing import flat_places, nd_places, picked_along
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.indexing import indices_of
from webkiln.importers.onnx.registry import lowers


def _scatter(call: Call, rows: str, indices: str, updates: str, reduction: str) -> str:
    """Rows written or combined; truth values and integers of 8 bits as 32."""
    narrow = call.builder.dtype(rows)
    if reduction != "none" and narrow in ("u8", "i8", "bool"):
        rows, updates = call.wide(rows), call.wide(updates)
    value = call.node("scatter", [rows, indices, updates], reduction=reduction)
    return call.cast(value, "bool") if narrow == "bool" else call.narrow(value, call.dtype(0))


@lowers("ScatterElements", "Scatter")
def scatter_elements(call: Call) -> str:
    shape, places = call.sizes(0, "what is written to"), call.sizes(1, "the indices")
    axis = call.axis(call.integer("axis", 0), len(shape))
    flat = flat_places(call, indices_of(call, 1, shape[axis]), list(shape), list(places), axis)
    count = math.prod(places)
    rows, updates = call.reshape(call.value(0), [math.prod(shape)]), call.reshape(call.value(2), [count])
    value = _scatter(call, rows, call.reshape(flat, [count]), updates, call.choice("reduction", "none", "add", "mul", "max", "min"))
    return call.reshape(value, list(shape))


@lowers("ScatterND")
def scatter_nd(call: Call) -> str:
    shape, places = call.sizes(0, "what is written to"), call.sizes(1, "the indices")
    depth = places[-1] if places else 0
    if not 0 < depth <= len(shape):
        call.fail(f"indices of shape {places} do not fit {shape}")
    count, rest = math.prod(places[:-1]), shape[depth:]
    flat = call.reshape(nd_places(call, call.wide(call.value(1)), list(shape[:depth])), [count])
    rows = call.reshape(call.value(0), [math.prod(shape[:depth]), *rest])
    updates = call.reshape(call.value(2), [count, *rest])
    value = _scatter(call, rows, flat, updates, call.choice("reduction", "none", "add", "mul", "max", "min"))
    return call.reshape(value, list(shape))


@lowers("TensorScatter")
def tensor_scatter(call: Call) -> str:
    """Rows of a cache replaced from an index on, which each batch may have of its own."""
    shape, update = call.sizes(0, "the cache"), call.sizes(1, "the update")
    axis = call.axis(call.integer("axis", -2), len(shape))
    length, size, batch = update[axis], shape[axis], shape[0]
    rest = math.prod(shape[axis + 1 :])
    groups = math.prod(shape[:axis])
    start = call.wide(call.value(2)) if call.has(2) else call.constant(np.zeros(batch, np.int32))
    at = call.node("add", [call.reshape(start, [batch, 1, 1]), call.constant(call.positions(length).reshape(1, 1, length))])
    if call.choice("mode", "linear", "circular") == "circular":
        at = call.node("mod", [at, call.like(size, at)])
    offsets = (call.positions(groups) * size).reshape(batch, groups // max(batch, 1), 1)
    indices = call.node("add", [at, call.constant(offsets.astype(np.int32))])
    rows = call.reshape(call.value(0), [groups * size, rest])
    updates = call.reshape(call.value(1), [groups * length, rest])
    return call.reshape(_scatter(call, rows, call.reshape(indices, [groups * length]), updates, "none"), list(shape))


@lowers("TopK")
def top_k(call: Call) -> list[Typed]:
    """The k greatest (or least) along an axis, in order, and where they were."""
    shape = call.shape(0)
    axis = call.axis(call.integer("axis", -1), len(shape))
    count = call.dims(1, "how many there are to be")[0] if call.version >= 10 else call.integer("k", 1)
    x = call.wide(call.value(0))
    order = call.node("argsort", [x], axis=axis, descending=bool(call.integer("largest", 1)))
    places = part(call, order, axis, 0, count)
    return [Typed(call.narrow(picked_along(call, x, places, axis), call.dtype(0)), call.dtype(0)), Typed(places, "int64")]


@lowers("MaxUnpool")
def max_unpool(call: Call) -> str:
    """Each element back at its index in a flattened tensor; 0 elsewhere."""
    shape = call.sizes(0, "what is unpooled")
    window = call.integers("kernel_shape")
    count = len(window)
    stride, pads = call.integers("strides", [1] * count), call.integers("pads", [0] * 2 * count)
    size = [(shape[2 + i] - 1) * stride[i] + window[i] - pads[i] - pads[count + i] for i in range(count)]
    natural = [*shape[:2], *size]
    result = call.dims(2, "the output shape") if call.has(2) else natural
    total, made = math.prod(natural), math.prod(shape)
    zeros = call.node("expand", [call.filled(0, call.value(0))], shape=[total])
    indices = call.reshape(call.value(1), [made])
    value = call.reshape(call.node("scatter", [zeros, indices, call.reshape(call.value(0), [made])]), list(natural))
    if list(result) == natural:
        return value
    high = [wanted - own for wanted, own in zip(result, natural, strict=True)]
    return call.node("pad", [value], low=[0] * len(shape), high=high, interior=[0] * len(shape), value=0.0)
