"""Reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

REDUCTIONS = {"SUM": "reduce_sum", "REDUCE_MAX": "reduce_max", "REDUCE_MIN": "reduce_min", "REDUCE_PROD": "reduce_prod"}


def _axes(call: Call) -> list[int]:
    rank = call.rank(0)
    return sorted({call.axis(axis, rank) for axis in call.ints(1, "the axes")})


def _reduce(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, [call.value(0)], axes=_axes(call), keep_dims=call.options.keep_dims)


for _name, _op in REDUCTIONS.items():
    lowers(_name, options="ReducerOptions")(_reduce(_op))


@lowers("MEAN", options="ReducerOptions")
def mean(call: Call) -> str:
    axes, keep = _axes(call), call.options.keep_dims
    if call.dtype(0) == "f32":
        return call.node("reduce_mean", [call.value(0)], axes=axes, keep_dims=keep)
    count = 1
    for axis in axes:
        count *= call.sizes(0, "a tensor of integers whose mean is taken")[axis]
    total = call.node("reduce_sum", [call.value(0)], axes=axes, keep_dims=keep)
    return call.node("div", [total, call.like(count, total)])


def _quantifier(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        if call.dtype(0) != "bool":
            call.fail(f"elements of {call.tensor(0).dtype}, expected bool")
        wide = call.node("cast", [call.value(0)], to="i32")
        reduced = call.node(op, [wide], axes=_axes(call), keep_dims=call.options.keep_dims)
        # Over nothing, the greatest is the least integer, which is not false; so compare with one.
        one = call.like(1, reduced)
        return call.node("greater_equal" if op == "reduce_min" else "equal", [reduced, one])

    return lower


lowers("REDUCE_ALL", options="ReducerOptions")(_quantifier("reduce_min"))
lowers("REDUCE_ANY", options="ReducerOptions")(_quantifier("reduce_max"))


def _position(op: str) -> Callable[[Call], str]:
    """The first position of the extreme: the least index at which the element equals it."""

    def lower(call: Call) -> str:
        shape = call.shape(0)
        axes = call.ints(1, "the axis")
        if len(axes) != 1:
            call.fail(f"the axis is {axes}, expected one number")
        axis = call.axis(axes[0], len(shape))
        count = shape[axis]
        if not isinstance(count, int):
            raise Refused(f"an extreme along an axis of {count} elements", "Fix the sizes of the inputs: --input NAME=SHAPE")
        if count == 0:
            call.fail(f"axis {axis} of {shape} is empty")
        x = call.value(0)
        if call.builder.dtype(x) in ("u8", "i8"):
            x = call.node("cast", [x], to="i32")
        extreme = call.node(op, [x], axes=[axis], keep_dims=True)
        positions = call.constant(call.positions(count).reshape([-1 if i == axis else 1 for i in range(len(shape))]))
        found = call.node("where", [call.node("equal", [x, extreme]), positions, call.constant(np.array(count - 1, np.int32))])
        return call.node("reduce_min", [found], axes=[axis], keep_dims=False)

    return lower


lowers("ARG_MAX")(_position("reduce_max"))
lowers("ARG_MIN")(_position("reduce_min"))
