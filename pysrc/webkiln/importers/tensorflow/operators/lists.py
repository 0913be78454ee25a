"""Lists of tensors of one shape, whose length is known. A list is held as one tensor, its elements along the first axis."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.graph.dtypes import CANONICAL
from webkiln.importers.elements import canonical
from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings.movement import part
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import differ


@lowers("TensorListFromTensor")
def from_tensor(call: Call) -> Typed:
    if call.rank(0) == 0:
        call.fail("a scalar has no elements")
    return call.same()


@lowers("TensorListStack")
def stack(call: Call) -> Typed:
    count = call.integer("num_elements", -1)
    if count != -1 and differ(call.shape(0)[0], count):
        call.fail(f"a list of {call.shape(0)[0]} elements, expected {count}")
    return call.same()


@lowers("TensorListReserve", "EmptyTensorList")
def reserve(call: Call) -> Typed:
    """Zeros, until they are replaced."""
    shape = call.dims(0, "the shape of an element")
    count: Dim = call.size(1, "the number of elements") if call.source.op == "TensorListReserve" else 0
    if any(size == -1 for size in shape):
        raise Refused("elements of a shape that is not known before there are any")
    dtype = call.text("element_dtype")
    zero = call.constant(np.zeros((), CANONICAL[canonical(dtype)]))
    return Typed(call.node("expand", [zero], shape=[count, *shape]), dtype)


@lowers("TensorListLength")
def length(call: Call) -> np.ndarray:
    return objects(call.shape(0)[0])


@lowers("TensorListGetItem")
def get_item(call: Call) -> Typed:
    at = call.reshape(call.wide(call.value(1)), [])
    return Typed(call.node("gather", [call.value(0), at], axis=0), call.dtype(0))


@lowers("TensorListSetItem")
def set_item(call: Call) -> Typed:
    at = call.reshape(call.wide(call.value(1)), [1])
    element = call.reshape(call.value(2), [1, *call.shape(0)[1:]])
    return Typed(call.node("scatter", [call.value(0), at, element]), call.dtype(0))


@lowers("TensorListGather")
def gather(call: Call) -> Typed:
    return Typed(call.node("gather", [call.value(0), call.wide(call.value(1))], axis=0), call.dtype(0))


@lowers("TensorListResize")
def resize(call: Call) -> Typed:
    """Elements that are new are zeros."""
    value, shape = call.value(0), call.sizes(0, "the list")
    count = call.one(1, "the number of elements")
    if count <= shape[0]:
        return Typed(part(call, value, 0, 0, count), call.dtype(0))
    none = [0] * len(shape)
    return Typed(call.node("pad", [value], low=none, high=[count - shape[0], *none[1:]], interior=none, value=0.0), call.dtype(0))


@lowers("TensorListConcat", "TensorListConcatV2")
def concat(call: Call) -> list[Typed]:
    """The elements one after another along their first axis, and their lengths."""
    shape = call.shape(0)
    if len(shape) < 2:
        call.fail("elements that are scalars have no axis along which to join them")
    whole = call.reshape(call.value(0), [shape[0] * shape[1], *shape[2:]])
    lengths = call.node("expand", [call.length(shape[1])], shape=[shape[0]])
    return [Typed(whole, call.dtype(0)), Typed(lengths, "int64")]
