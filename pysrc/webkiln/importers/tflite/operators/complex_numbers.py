"""Operators on complex numbers, and those that make them. Their values are pairs, with one more axis than their tensors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings import complex_numbers
from webkiln.importers.lowerings.movement import squeezed
from webkiln.importers.lowerings.spectrum import transform_real
from webkiln.importers.shapes import resolve_shape
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers_complex


@lowers_complex("REAL")
def real(call: Call) -> str:
    return complex_numbers.parts_of(call, call.value(0))[0]


@lowers_complex("IMAG")
def imaginary(call: Call) -> str:
    return complex_numbers.parts_of(call, call.value(0))[1]


@lowers_complex("COMPLEX_ABS")
def magnitude(call: Call) -> str:
    return complex_numbers.magnitude(call, call.value(0))


@lowers_complex("RFFT2D")
def rfft2d(call: Call) -> str:
    """Of real matrices [..., rows, columns], cut or filled up with zeros to the lengths of the transform."""
    lengths = call.ints(1, "the lengths of the transform")
    if len(lengths) != 2 or len(call.shape(0)) < 2:
        call.fail(f"a transform of the lengths {lengths} of {call.shape(0)}")
    return transform_real(call, call.value(0), lengths)


def _fused(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        if call.options.activation:
            raise Refused("an activation function of complex numbers")
        if op == "mul":
            return complex_numbers.multiply(call, call.value(0), call.value(1))
        return call.node(op, [call.value(0), call.value(1)])

    return lower


for _name in ("ADD", "SUB", "MUL"):
    lowers_complex(_name, options=f"{_name.title()}Options")(_fused(_name.lower()))


@lowers_complex("NEG")
def negative(call: Call) -> str:
    return call.node("neg", [call.value(0)])


@lowers_complex("RESHAPE", options="ReshapeOptions")
def reshape(call: Call) -> str:
    target = call.told(1, "the new shape") if call.has(1) else call.options.shape.tolist()
    try:
        shape = resolve_shape(call.shape(0)[:-1], target, call.lowering.resized)
    except ValueError as error:
        call.fail(str(error))
    return call.reshape(call.value(0), [*shape, 2])


@lowers_complex("EXPAND_DIMS")
def expand_dims(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(call.one(1, "the axis"), len(shape))
    return call.reshape(call.value(0), [*shape[:axis], 1, *shape[axis:]])


@lowers_complex("SQUEEZE", options="SqueezeOptions")
def squeeze(call: Call) -> str:
    return squeezed(call, call.value(0), call.options.axes.tolist(), pairs=True)


@lowers_complex("TRANSPOSE")
def transpose(call: Call) -> str:
    rank = len(call.shape(0)) - 1
    permutation = [call.axis(axis, rank) for axis in call.ints(1, "the permutation")]
    return call.node("transpose", [call.value(0)], permutation=[*permutation, rank])


@lowers_complex("CONCATENATION", options="ConcatenationOptions")
def concatenation(call: Call) -> str:
    return call.node("concat", call.values(), axis=call.axis(call.options.axis, len(call.shape(0)) - 1))


@lowers_complex("SHAPE")
def shape_of(call: Call) -> np.ndarray:
    return objects(call.shape(0)[:-1])


@lowers_complex("RANK")
def rank_of(call: Call) -> np.ndarray:
    return objects(len(call.shape(0)) - 1)
