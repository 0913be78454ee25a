"""Reductions."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.reduction import counted_along, reduced
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

REDUCTIONS = {"SUM": "reduce_sum", "REDUCE_MAX": "reduce_max", "REDUCE_MIN": "reduce_min", "REDUCE_PROD": "reduce_prod"}


def _axes(call: Call) -> list[Dim]:
    axes = call.told_axes(1, "the axes", call.rank(0))
    return list(dict.fromkeys(axes)) if all(isinstance(axis, int) for axis in axes) else axes


def _reduce(op: str) -> Callable[[Call], str]:
    return lambda call: reduced(call, op, call.value(0), _axes(call), call.options.keep_dims)


for _name, _op in REDUCTIONS.items():
    lowers(_name, options="ReducerOptions")(_reduce(_op))


@lowers("MEAN", options="ReducerOptions")
def mean(call: Call) -> str:
    axes, keep = _axes(call), call.options.keep_dims
    if call.dtype(0) == "f32":
        return reduced(call, "reduce_mean", call.value(0), axes, keep)
    return call.node("div", [reduced(call, "reduce_sum", call.value(0), axes, keep), counted_along(call, call.shape(0), axes)])


def _quantifier(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        if call.dtype(0) != "bool":
            call.fail(f"elements of {call.tensor(0).dtype}, expected bool")
        wide = call.node("cast", [call.value(0)], to="i32")
        result = reduced(call, op, wide, _axes(call), call.options.keep_dims)
        # Over nothing, the greatest is the least integer, which is not false; so compare with one.
        one = call.like(1, result)
        return call.node("greater_equal" if op == "reduce_min" else "equal", [result, one])

    return lower


lowers("REDUCE_ALL", options="ReducerOptions")(_quantifier("reduce_min"))
lowers("REDUCE_ANY", options="ReducerOptions")(_quantifier("reduce_max"))


def _position(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        axis = call.axis(call.one(1, "the axis"), call.rank(0))
        if call.shape(0)[axis] == 0:
            call.fail(f"axis {axis} of {call.shape(0)} is empty")
        return call.node(op, [call.wide(call.value(0))], axis=axis)

    return lower


lowers("ARG_MAX")(_position("arg_max"))
lowers("ARG_MIN")(_position("arg_min"))


@lowers("CUMSUM", options="CumsumOptions")
def cumulative_sum(call: Call) -> str:
    axis = call.axis(call.one(1, "the axis"), call.rank(0))
    value = call.node("cumulative_sum", [call.wide(call.value(0))], axis=axis, exclusive=call.options.exclusive, reverse=call.options.reverse)
    return call.back(value)
