"""Operators that make tensors from little: constants, ranges, unit matrices."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import apply
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.onnx.dtypes import RANGES, carrier, name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.exact import ceiling_of_quotient
from webkiln.importers.onnx.registry import lowers


@lowers("Constant")
def constant(call: Call) -> Typed:
    found = call.tensor("value")
    if found is not None:
        return Typed(*found)
    if call.given("value_float"):
        return Typed(np.array(call.number("value_float", 0.0), np.float32), "float32")
    if call.given("value_floats"):
        return Typed(np.array(call.floats("value_floats"), np.float32), "float32")
    if call.given("value_int"):
        return Typed(np.array(call.integer("value_int", 0), np.int64), "int64")
    if call.given("value_ints"):
        return Typed(np.array(call.integers("value_ints"), np.int64), "int64")
    if call.given("sparse_value"):
        tensor = call.operation.attributes["sparse_value"].sparse_tensor
        return Typed(*call.lowering.tensors.sparse(tensor, f"the constant of {call.where}"))
    raise Refused("a constant that is no tensor of numbers")


@lowers("ConstantOfShape")
def constant_of_shape(call: Call) -> Typed:
    array, dtype = call.tensor("value") or (np.zeros(1, np.float32), "float32")
    if array.size != 1:
        call.fail(f"its value has {array.size} elements, expected 1")
    shape = call.dims(0, "the shape")
    if all(isinstance(size, int) for size in shape) and len(shape) <= 1 and math.prod(shape) <= 64 and array.dtype.kind == "i":
        return Typed(np.full(shape, array.reshape(-1)[0]), dtype)  # type: ignore[arg-type]
    return Typed(call.node("expand", [call.constant(array.reshape(()))], shape=shape), dtype)


@lowers("Range")
def arange(call: Call) -> Typed:
    """A constant, or for ends that are symbolic sizes as many whole numbers as there are."""
    dtype = call.dtype(0)
    ends = [call.array(i) for i in range(3)]
    if any(end is None for end in ends):
        if dtype not in RANGES:
            return Typed(_fractions(call), dtype)
        first, last, step = (call.dims(i, "an end of a range")[0] for i in range(3))
        if step == 0:
            call.fail("a range in steps of 0")
        steps = call.places(apply("max", (first - last) // step * -1, 0))
        scaled = steps if step == 1 else call.node("mul", [steps, call.signed(step)])
        return Typed(call.narrow(scaled if first == 0 else call.node("add", [scaled, call.signed(first)]), dtype), dtype)
    start, limit, delta = (end.reshape(-1)[0].item() for end in ends if end is not None)
    if delta == 0:
        call.fail("a range in steps of 0")
    count = max(0, math.ceil((limit - start) / delta))
    if count > POSITIONS_LIMIT:
        raise Refused(f"a range of {count} numbers")
    return Typed((start + np.arange(count) * delta).astype(carrier(dtype)), dtype)


def _fractions(call: Call) -> str:
    """As many numbers from the first on as come before the limit, in steps."""
    if call.dtype(0) not in ("float32", "float16"):
        raise Refused(f"a range of {call.dtype(0)} whose ends are known only when the model runs: in float32 it may have another length")
    start, limit, step = (call.reshape(call.value(i), []) for i in range(3))
    count = ceiling_of_quotient(call, call.node("sub", [limit, start]), step)
    (size,) = call.lowering.elements.told(call.builder.graph, call.reshape(call.node("max", [count, call.like(0, count)]), [1]), 0, POSITIONS_LIMIT)
    return call.node("add", [start, call.node("mul", [call.cast(call.places(size), "f32"), step])])


@lowers("EyeLike")
def eye_like(call: Call) -> Typed:
    call.rank(0, 2)
    rows, columns = call.sizes(0, "the matrix")
    dtype = name_of(call.integer("dtype", 0)) if call.given("dtype") else call.dtype(0)
    if rows * columns > POSITIONS_LIMIT:
        raise Refused(f"a constant of {rows * columns} elements")
    return Typed(np.eye(rows, columns, call.integer("k", 0)).astype(carrier(dtype)), dtype)


@lowers("Trilu")
def trilu(call: Call) -> str:
    """The upper or the lower triangle of matrices, from the diagonal `k` on; the rest is 0."""
    shape = call.shape(0)
    if len(shape) < 2:
        call.fail(f"a triangle of shape {shape}")
    above = call.node("sub", [call.places(shape[-1]), call.reshape(call.places(shape[-2]), [shape[-2], 1])])
    diagonal = call.reshape(call.value(1), []) if call.has(1) else call.like(0, above)
    kept = call.node("greater_equal" if call.integer("upper", 1) else "less_equal", [above, diagonal])
    x = call.value(0)
    if call.builder.dtype(x) == "bool":
        return call.node("logical_and", [x, kept])
    wide = call.wide(x)
    return call.narrow(call.node("where", [kept, wide, call.like(0, wide)]), call.dtype(0))


