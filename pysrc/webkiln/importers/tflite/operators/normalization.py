"""Softmax and its kin, over the last axis."""

from __future__ import annotations

from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


def _last(call: Call) -> list[int]:
    rank = call.rank(0)
    if rank == 0:
        call.fail("it needs at least one axis")
    return [rank - 1]


@lowers("SOFTMAX", options="SoftmaxOptions")
def softmax(call: Call) -> str:
    x, beta = call.value(0), float(call.options.beta)
    if beta != 1.0:
        x = call.node("mul", [x, call.like(beta, x)])
    powers = call.node("exp", [call.node("sub", [x, call.node("reduce_max", [x], axes=_last(call), keep_dims=True)])])
    return call.node("div", [powers, call.node("reduce_sum", [powers], axes=_last(call), keep_dims=True)])


@lowers("LOG_SOFTMAX")
def log_softmax(call: Call) -> str:
    x = call.value(0)
    shifted = call.node("sub", [x, call.node("reduce_max", [x], axes=_last(call), keep_dims=True)])
    total = call.node("reduce_sum", [call.node("exp", [shifted])], axes=_last(call), keep_dims=True)
    return call.node("sub", [shifted, call.node("log", [total])])


@lowers("L2_NORMALIZATION", options="L2NormOptions")
def l2_normalization(call: Call) -> str:
    """x divided by its length along the last axis, which counts as at least 1e-6."""
    x = call.value(0)
    total = call.node("reduce_sum", [call.node("mul", [x, x])], axes=_last(call), keep_dims=True)
    length = call.node("sqrt", [total])
    return call.activate(call.node("div", [x, call.node("max", [length, call.like(1e-6, x)])]), call.options.activation)
