"""Softmax and its kin, and the normalizations."""

from __future__ import annotations

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.normalization import local_response, log_softmax_of, softmax_of
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.registry import lowers


def _last(call: Call) -> int:
    rank = call.rank(0)
    if rank == 0:
        call.fail("it needs at least one axis")
    return rank - 1


@lowers("Softmax")
def softmax(call: Call) -> str:
    return softmax_of(call, call.value(0), _last(call))


@lowers("LogSoftmax")
def log_softmax(call: Call) -> str:
    return log_softmax_of(call, call.value(0), _last(call))


@lowers("LRN")
def local_response_normalization(call: Call) -> str:
    radius = call.integer("depth_radius", 5)
    if radius < 0:
        call.fail(f"a depth_radius of {radius}")
    call.rank(0, 4)
    alpha, beta, bias = call.number("alpha", 1.0), call.number("beta", 0.5), call.number("bias", 1.0)
    return local_response(call, call.value(0), 3, radius, radius, alpha, beta, bias)


@lowers("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def fused_batch_norm(call: Call) -> list[str]:
    """Also the mean and the variance, as they are given."""
    if call.flag("is_training", True):
        raise Refused("the mean and variance of the batch itself", "Export the model for inference")
    scale, offset, mean, variance = (call.value(i) for i in range(1, 5))
    if call.text("data_format", "NHWC") in ("NCHW", "NCDHW"):
        spread = [call.shape(1)[0], *[1] * (call.rank(0) - 2)]
        parts = [call.reshape(value, spread) for value in (scale, offset, mean, variance)]
    else:
        parts = [scale, offset, mean, variance]
    value = batch_normalized(call, call.value(0), parts[0], parts[1], parts[2], parts[3], call.number("epsilon", 0.0001))
    return [value, mean, variance, mean, variance, variance]


def batch_normalized(call: Call, x: str, scale: str, offset: str, mean: str, variance: str, epsilon: float) -> str:
    """`(x − mean) · scale / √(variance + ε) + offset`."""
    factor = call.node("mul", [scale, call.node("rsqrt", [call.node("add", [variance, call.like(epsilon, variance)])])])
    return call.node("add", [call.node("mul", [call.node("sub", [x, mean]), factor]), offset])
