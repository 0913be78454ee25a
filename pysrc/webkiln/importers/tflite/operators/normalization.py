"""Normalizations over the last axis."""

from __future__ import annotations

from webkiln.importers.lowerings.normalization import local_response, log_softmax_of, softmax_of
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
    return softmax_of(call, x, *_last(call))


@lowers("LOG_SOFTMAX")
def log_softmax(call: Call) -> str:
    return log_softmax_of(call, call.value(0), *_last(call))


@lowers("L2_NORMALIZATION", options="L2NormOptions")
def l2_normalization(call: Call) -> str:
    """x divided by its length along the last axis, which counts as at least 1e-6."""
    x = call.value(0)
    total = call.node("reduce_sum", [call.node("mul", [x, x])], axes=_last(call), keep_dims=True)
    length = call.node("sqrt", [total])
    return call.activate(call.node("div", [x, call.node("max", [length, call.like(1e-6, x)])]), call.options.activation)


@lowers("LOCAL_RESPONSE_NORMALIZATION", options="LocalResponseNormalizationOptions")
def local_response_normalization(call: Call) -> str:
    """By the squares of the channels around."""
    options = call.options
    if options.radius < 0:
        call.fail(f"a radius of {options.radius}")
    call.rank(0, 4)
    return local_response(call, call.value(0), 3, options.radius, options.radius, float(options.alpha), float(options.beta), float(options.bias))
