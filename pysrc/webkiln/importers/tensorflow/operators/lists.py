"""Lists of tensors of one shape, and arrays of tensors, which are lists too: their flow carries the list, their handle nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.graph.graph import Value
from webkiln.importers.elements import canonical
from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings.movement import part
from webkiln.importers.tensorflow.lists import element_of, list_of, zeros
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import differ


def _list(call: Call, value: str, i: int = 0) -> Typed:
    """A list of elements of the type of those of input `i`."""
    return Typed(value, list_of(element_of(call.dtype(i))))


def _tensor(call: Call, value: str, i: int = 0) -> Typed:
    return Typed(value, element_of(call.dtype(i)))


def _fitting(call: Call, i: int, shape: Sequence[Dim]) -> str:
    """The list that is input `i`, where its elements are known to have this shape; they may not have been known at all."""
    own = call.shape(i)
    if list(shape) != own[1:] and 0 in own[1:]:
        return zeros(call, Value(call.builder.dtype(call.value(i)), (own[0], *shape)))
    return call.value(i)


def _unset(call: Call, count: Dim, shape: Sequence[Dim], dtype: str) -> Typed:
    """Zeros, until they are replaced."""
    known = [0 if isinstance(size, int) and size < 0 else size for size in shape]
    return Typed(zeros(call, Value(canonical(dtype), (count, *known))), list_of(dtype))


@lowers("TensorListFromTensor")
def from_tensor(call: Call) -> Typed:
    if call.rank(0) == 0:
        call.fail("a scalar has no elements")
    return Typed(call.same().value, list_of(call.dtype(0)))


@lowers("TensorListStack")
def stack(call: Call) -> Typed:
    count = call.integer("num_elements", -1)
    if count != -1 and differ(call.shape(0)[0], count):
        call.fail(f"a list of {call.shape(0)[0]} elements, expected {count}")
    shape = [own if isinstance(size, int) and size < 0 else size for size, own in zip(call.dims(1, "the shape of an element"), call.shape(0)[1:], strict=False)]
    return _tensor(call, _fitting(call, 0, shape) if len(shape) == len(call.shape(0)) - 1 else call.value(0))


@lowers("TensorListReserve", "EmptyTensorList")
def reserve(call: Call) -> Typed:
    count: Dim = call.size(1, "the number of elements") if call.source.op == "TensorListReserve" else 0
    return _unset(call, count, call.dims(0, "the shape of an element"), call.text("element_dtype"))


@lowers("TensorListLength")
def length(call: Call) -> np.ndarray:
    return objects(call.shape(0)[0])


@lowers("TensorListElementShape")
def element_shape(call: Call) -> Typed:
    return Typed(objects(call.shape(0)[1:]), call.text("shape_type", "int32"))


@lowers("TensorListGetItem")
def get_item(call: Call) -> Typed:
    return _item(call, 0, 1)


def _item(call: Call, i: int, place: int) -> Typed:
    at = call.reshape(call.wide(call.value(place)), [])
    return _tensor(call, call.node("gather", [call.value(i), at], axis=0), i)


@lowers("TensorListSetItem")
def set_item(call: Call) -> Typed:
    return _with_item(call, 0, 1, 2)


def _with_item(call: Call, i: int, place: int, item: int) -> Typed:
    at = call.reshape(call.wide(call.value(place)), [1])
    whole = _fitting(call, i, call.shape(item))
    element = call.reshape(call.value(item), [1, *call.builder.shape(whole)[1:]])
    return _list(call, call.node("scatter", [whole, at, element]), i)


@lowers("TensorListPushBack")
def push_back(call: Call) -> Typed:
    element = call.reshape(call.value(1), [1, *call.shape(1)])
    return _list(call, call.node("concat", [_fitting(call, 0, call.shape(1)), element], axis=0))


@lowers("TensorListPopBack")
def pop_back(call: Call) -> list[Typed]:
    """The list without its last element, and that."""
    count, *shape = call.shape(0)
    if count == 0:
        call.fail("it takes an element from a list without elements")
    value = call.value(0)
    last = call.reshape(part(call, value, 0, count - 1, 1), shape)
    return [_list(call, part(call, value, 0, 0, count - 1)), _tensor(call, last)]


@lowers("TensorListGather")
def gather(call: Call) -> Typed:
    return _tensor(call, call.node("gather", [call.value(0), call.wide(call.value(1))], axis=0))


@lowers("TensorListScatter", "TensorListScatterV2")
def scatter(call: Call) -> Typed:
    """A list of as many elements as are wanted, or as the greatest index says."""
    wanted = call.one(3, "the number of elements") if call.source.op.endswith("V2") else -1
    if wanted < 0:
        places = call.ints(1, "the indices of the elements")
        wanted = max(places, default=-1) + 1
    whole = zeros(call, Value(call.builder.dtype(call.value(0)), (wanted, *call.shape(0)[1:])))
    return _list(call, call.node("scatter", [whole, call.wide(call.value(1)), call.value(0)]))


@lowers("TensorListSplit")
def split(call: Call) -> Typed:
    return _split(call, 0, 2)


def _split(call: Call, i: int, lengths: int) -> Typed:
    """Rows of the first axis that belong together become an element; all must be as many."""
    found = call.ints(lengths, "the lengths of the elements")
    rows, *rest = call.shape(i)
    if len(set(found)) != 1 or differ(len(found) * found[0], rows):
        raise Refused(f"elements of the lengths {found[:8]}, of {rows} rows", "Let all be of one length")
    return _list(call, call.reshape(call.value(i), [len(found), found[0], *rest]), i)


@lowers("TensorListResize")
def resize(call: Call) -> Typed:
    """Elements that are new are zeros."""
    value, shape = call.value(0), call.sizes(0, "the list")
    count = call.one(1, "the number of elements")
    if count <= shape[0]:
        return _list(call, part(call, value, 0, 0, count))
    none = [0] * len(shape)
    return _list(call, call.node("pad", [value], low=none, high=[count - shape[0], *none[1:]], interior=none, value=0.0))


@lowers("TensorListConcat", "TensorListConcatV2")
def concat(call: Call) -> list[Typed]:
    return _joined(call, 0)


def _joined(call: Call, i: int) -> list[Typed]:
    """The elements one after another along their first axis, and their lengths."""
    shape = call.shape(i)
    if len(shape) < 2:
        call.fail("elements that are scalars have no axis along which to join them")
    whole = call.reshape(call.value(i), [shape[0] * shape[1], *shape[2:]])
    lengths = call.node("expand", [call.length(shape[1])], shape=[shape[0]])
    return [_tensor(call, whole, i), Typed(lengths, "int64")]


@lowers("TensorArrayV3")
def array(call: Call) -> list[Typed]:
    """A handle, from which nothing is read, and the list."""
    shape = call.source.attributes.get("element_shape")
    known: Sequence[Dim] = shape if isinstance(shape, tuple) else (-1,)
    if call.flag("dynamic_size"):
        raise Refused("an array of tensors that grows", "Use an array of a fixed size")
    handle = call.constant(np.zeros((), np.float32))
    return [Typed(handle, "float32"), _unset(call, call.size(0, "the number of elements"), known, call.text("dtype"))]


@lowers("TensorArrayReadV3")
def read(call: Call) -> Typed:
    return _item(call, 2, 1)


@lowers("TensorArrayWriteV3")
def write(call: Call) -> Typed:
    return _with_item(call, 3, 1, 2)


@lowers("TensorArrayGatherV3")
def gathered(call: Call) -> Typed:
    return _tensor(call, call.node("gather", [call.value(2), call.wide(call.value(1))], axis=0), 2)


@lowers("TensorArrayScatterV3")
def scattered(call: Call) -> Typed:
    whole = _fitting(call, 3, call.shape(2)[1:])
    return _list(call, call.node("scatter", [whole, call.wide(call.value(1)), call.value(2)]), 3)


@lowers("TensorArraySizeV3")
def size(call: Call) -> Typed:
    return Typed(objects(call.shape(1)[0]), "int32")


@lowers("TensorArrayConcatV3")
def joined(call: Call) -> list[Typed]:
    return _joined(call, 1)


@lowers("TensorArraySplitV3")
def parted(call: Call) -> Typed:
    return _split(call, 1, 2)
