"""Reductions."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.graph.dims import Dim, apply
from webkiln.importers.axes import chosen, remaining_shape
from webkiln.importers.lowerings.reduction import reduced
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.movement import any_axes_of
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product

Step = Callable[[Call, str], str]


def _same(call: Call, value: str) -> str:
    return value


def _square(call: Call, value: str) -> str:
    return call.node("mul", [value, value])


def _root(call: Call, value: str) -> str:
    """The root; of integers, rounded towards zero."""
    if call.builder.dtype(value) == "f32":
        return call.node("sqrt", [value])
    return call.cast(call.node("sqrt", [call.cast(value, "f32")]), "i32")


def _log(call: Call, value: str) -> str:
    return call.node("log", [value])


def _abs(call: Call, value: str) -> str:
    return call.node("abs", [value])


def _reduce(op: str, before: Step = _same, after: Step = _same) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        x = call.value(0)
        axes = _axes(call)
        value = before(call, call.wide(x))
        if axes is not None:
            value = reduced(call, op, value, axes, bool(call.integer("keepdims", 1)))
        return _back(call, after(call, value), call.builder.dtype(x))

    return lower


def _back(call: Call, value: str, dtype: str) -> str:
    """In the dtype of the input. The greatest of no truth values is the least integer, which is no truth."""
    return call.node("greater", [value, call.like(0, value)]) if dtype == "bool" else call.narrow(value, call.dtype(0))


def _axes(call: Call) -> list[Dim] | None:
    """The axes; all when none are given; `None` when nothing is to be reduced."""
    rank = call.rank(0)
    axes = any_axes_of(call, 1, rank)
    if not axes:
        return None if call.integer("noop_with_empty_axes", 0) else list(range(rank))
    return axes


lowers("ReduceSum")(_reduce("reduce_sum"))
lowers("ReduceMax")(_reduce("reduce_max"))
lowers("ReduceMin")(_reduce("reduce_min"))
lowers("ReduceProd")(_reduce("reduce_prod"))
lowers("ReduceL1")(_reduce("reduce_sum", before=_abs))
lowers("ReduceL2")(_reduce("reduce_sum", before=_square, after=_root))
lowers("ReduceSumSquare")(_reduce("reduce_sum", before=_square))
lowers("ReduceLogSum")(_reduce("reduce_sum", after=_log))


@lowers("ReduceMean")
def reduce_mean(call: Call) -> str:
    if call.builder.dtype(call.value(0)) == "f32":
        return _reduce("reduce_mean")(call)
    total, axes, shape = _reduce("reduce_sum")(call), _axes(call) or [], call.shape(0)
    count = product([apply("max", 0, 1 + chosen(axes, i) * (size - 1)) for i, size in enumerate(shape)])
    return call.compute("div", total, call.length(count))


def _position(op: str) -> Callable[[Call], Typed]:
    def lower(call: Call) -> Typed:
        axis = call.axis(call.integer("axis", 0), call.rank(0))
        last, keep = bool(call.integer("select_last_index", 0)), bool(call.integer("keepdims", 1))
        return Typed(call.node(op, [call.wide(call.value(0))], axis=axis, keep_dims=keep, last=last), "int64")

    return lower


lowers("ArgMax")(_position("arg_max"))
lowers("ArgMin")(_position("arg_min"))


def _cumulative(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        x, rank = call.wide(call.value(0)), call.rank(0)
        options = {"exclusive": bool(call.integer("exclusive", 0)), "reverse": bool(call.integer("reverse", 0))}
        if call.known(1) is not None:
            axis = call.axis(call.ints(1, "the axis")[0], rank)
            return call.narrow(call.node(op, [x], axis=axis, **options), call.dtype(0))
        # Which axis only a run tells: along each of them, and then a choice.
        chosen = call.reshape(call.wide(call.value(1)), [])
        chosen = call.node("mod", [chosen, call.like(rank, chosen)])
        result = x
        for axis in range(rank):
            along = call.node(op, [x], axis=axis, **options)
            result = call.node("where", [call.node("equal", [chosen, call.like(axis, chosen)]), along, result])
        return call.narrow(result, call.dtype(0))

    return lower


lowers("CumSum")(_cumulative("cumulative_sum"))
lowers("CumProd")(_cumulative("cumulative_prod"))


@lowers("ReduceLogSumExp")
def reduce_log_sum_exp(call: Call) -> str:
    """`m + log Σ exp(x − m)` with the greatest element as m, unless that is infinite (or there is none)."""
    x, axes = call.value(0), _axes(call)
    if axes is None:
        return x
    greatest = reduced(call, "reduce_max", x, axes, True)
    offset = call.node("where", [call.node("is_inf", [greatest]), call.like(0.0, x), greatest])
    total = reduced(call, "reduce_sum", call.node("exp", [call.node("sub", [x, offset])]), axes, True)
    value = call.node("add", [call.node("log", [total]), offset])
    if call.integer("keepdims", 1):
        return value
    return call.reshape(value, remaining_shape(call.shape(0), axes))
