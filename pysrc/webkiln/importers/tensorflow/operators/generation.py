"""Operators that make tensors out of numbers."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dtypes import CANONICAL
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.lowerings.counting import counted, counted_floats
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers


@lowers("Fill")
def fill(call: Call) -> Typed:
    return Typed(call.node("expand", [call.value(1)], shape=call.dims(0, "the shape")), call.dtype(1))


@lowers("ZerosLike", "OnesLike")
def number_like(call: Call) -> Typed:
    number = 0 if call.source.op == "ZerosLike" else 1
    dtype = call.builder.dtype(call.value(0))
    value = call.constant(np.asarray(number, CANONICAL[dtype]))
    return Typed(call.node("expand", [value], shape=call.shape(0)), call.dtype(0))


@lowers("Range")
def arange(call: Call) -> Typed:
    """A constant when its ends are known; of integers, they may also be sizes, or what a run reads from an input of the model."""
    ends = [call.array(i) for i in range(3)]
    if any(end is None for end in ends) and call.builder.dtype(call.value(0)) == "f32":
        return Typed(counted_floats(call, call.lowering.elements, *(call.value(i) for i in range(3))), call.dtype(0))
    if any(end is None for end in ends):
        start, limit, delta = (call.size(i, "an end of the range") for i in range(3))
        return Typed(counted(call, start, limit, delta), call.dtype(0))
    first, last, step = (end.reshape(-1)[:1] for end in ends if end is not None)
    if first.size != 1 or last.size != 1 or step.size != 1 or step[0] == 0:
        call.fail(f"a range from {first} to {last} in steps of {step}")
    count = max(0, math.ceil((last[0].item() - first[0].item()) / step[0].item()))
    if count > POSITIONS_LIMIT:
        raise Refused(f"a range of {count} numbers")
    numbers = np.asarray(first[0].item() + np.arange(count) * step[0].item())
    return Typed(numbers.astype(first.dtype), call.dtype(0))


@lowers("LinSpace")
def linspace(call: Call) -> Typed:
    """A constant; its ends must be known."""
    start, stop = call.numbers(0, "the start"), call.numbers(1, "the end")
    count = call.one(2, "the number")
    if start.size != 1 or stop.size != 1 or not 0 < count <= POSITIONS_LIMIT:
        call.fail(f"{count} numbers from {start} to {stop}")
    return Typed(np.linspace(start.item(), stop.item(), count).astype(start.dtype), call.dtype(0))
