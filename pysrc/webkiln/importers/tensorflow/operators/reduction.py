"""Reductions, running sums, and where extremes lie."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.reduction import counted_along, reduced
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers

REDUCTIONS = {"Sum": "reduce_sum", "Max": "reduce_max", "Min": "reduce_min", "Prod": "reduce_prod"}


def _axes(call: Call) -> list[Dim]:
    """The axes, perhaps such as only a run tells."""
    axes = call.told_axes(1, "the axes", call.rank(0))
    return list(dict.fromkeys(axes)) if all(isinstance(axis, int) for axis in axes) else axes


def _reduce(op: str) -> Callable[[Call], Typed]:
    return lambda call: call.back(reduced(call, op, call.wide(call.value(0)), _axes(call), call.flag("keep_dims")))


for _name, _op in REDUCTIONS.items():
    lowers(_name)(_reduce(_op))


@lowers("Mean")
def mean(call: Call) -> Typed:
    axes, keep, x = _axes(call), call.flag("keep_dims"), call.wide(call.value(0))
    if call.builder.dtype(x) == "f32":
        return call.back(reduced(call, "reduce_mean", x, axes, keep))
    return call.back(call.node("div", [reduced(call, "reduce_sum", x, axes, keep), counted_along(call, call.shape(0), axes)]))


@lowers("EuclideanNorm")
def euclidean_norm(call: Call) -> str:
    x = call.value(0)
    return call.node("sqrt", [reduced(call, "reduce_sum", call.node("mul", [x, x]), _axes(call), call.flag("keep_dims"))])


def _quantifier(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        if call.dtype(0) != "bool":
            call.fail(f"elements of {call.dtype(0)}, expected bool")
        result = reduced(call, op, call.wide(call.value(0)), _axes(call), call.flag("keep_dims"))
        # Over nothing, the greatest is the least integer, which is not false; so compare with one.
        return call.node("greater_equal" if op == "reduce_min" else "equal", [result, call.like(1, result)])

    return lower


lowers("All")(_quantifier("reduce_min"))
lowers("Any")(_quantifier("reduce_max"))


def _position(op: str) -> Callable[[Call], Typed]:
    def lower(call: Call) -> Typed:
        axis = call.axis_input(1, call.rank(0)) if call.has(1) else 0
        return Typed(call.node(op, [call.wide(call.value(0))], axis=axis), call.text("output_type", "int64"))

    return lower


lowers("ArgMax")(_position("arg_max"))
lowers("ArgMin")(_position("arg_min"))


def _cumulative(op: str) -> Callable[[Call], Typed]:
    def lower(call: Call) -> Typed:
        options = {"exclusive": call.flag("exclusive"), "reverse": call.flag("reverse")}
        return call.back(call.node(op, [call.wide(call.value(0))], axis=call.axis_input(1, call.rank(0)), **options))

    return lower


lowers("Cumsum")(_cumulative("cumulative_sum"))
lowers("Cumprod")(_cumulative("cumulative_prod"))
