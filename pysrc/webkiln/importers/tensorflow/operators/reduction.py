"""Reductions, running sums, and where extremes lie."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.graph.dims import Dim
from webkiln.importers.axes import told_axis
from webkiln.importers.lowerings.reduction import reduced
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers

REDUCTIONS = {"Sum": "reduce_sum", "Max": "reduce_max", "Min": "reduce_min", "Prod": "reduce_prod"}


def _axes(call: Call) -> list[int]:
    rank = call.rank(0)
    return sorted({call.axis(axis, rank) for axis in call.ints(1, "the axes")})


def _told_axes(call: Call) -> list[Dim]:
    """The axes, perhaps such as only a run tells."""
    if all(isinstance(axis, int) for axis in call.dims(1, "the axes")):
        return [*_axes(call)]
    return [told_axis(call.lowering.elements, axis, call.rank(0)) for axis in call.dims(1, "the axes")]


def _reduce(op: str) -> Callable[[Call], Typed]:
    return lambda call: call.back(reduced(call, op, call.wide(call.value(0)), _told_axes(call), call.flag("keep_dims")))


for _name, _op in REDUCTIONS.items():
    lowers(_name)(_reduce(_op))


@lowers("Mean")
def mean(call: Call) -> Typed:
    keep, x = call.flag("keep_dims"), call.wide(call.value(0))
    if call.builder.dtype(x) == "f32":
        return call.back(reduced(call, "reduce_mean", x, _told_axes(call), keep))
    axes, count = _axes(call), 1
    for axis in axes:
        count *= call.sizes(0, "a tensor of integers whose mean is taken")[axis]
    total = call.node("reduce_sum", [x], axes=axes, keep_dims=keep)
    return call.back(call.node("div", [total, call.like(count, total)]))


@lowers("EuclideanNorm")
def euclidean_norm(call: Call) -> str:
    x = call.value(0)
    return call.node("sqrt", [call.node("reduce_sum", [call.node("mul", [x, x])], axes=_axes(call), keep_dims=call.flag("keep_dims"))])


def _quantifier(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        if call.dtype(0) != "bool":
            call.fail(f"elements of {call.dtype(0)}, expected bool")
        reduced = call.node(op, [call.wide(call.value(0))], axes=_axes(call), keep_dims=call.flag("keep_dims"))
        # Over nothing, the greatest is the least integer, which is not false; so compare with one.
        return call.node("greater_equal" if op == "reduce_min" else "equal", [reduced, call.like(1, reduced)])

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
