"""What is fused into a convolution or a product of matrices: a bias, or a batch normalization, and an activation function."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.operators.elementwise import activate
from webkiln.importers.tensorflow.operators.normalization import batch_normalized


def _steps(call: Call) -> list[str]:
    return call.texts("fused_ops") if call.given("fused_ops") else []


def _is_vector(call: Call, channels: Dim) -> bool:
    return call.shape(2) == [channels]


def fused_bias(call: Call, channels: Dim) -> str:
    """The bias [channels] that is added first; "" for none, and for one of another shape, which `after_fused` adds."""
    return call.value(2) if _steps(call)[:1] == ["BiasAdd"] and _is_vector(call, channels) else ""


def after_fused(call: Call, value: str) -> str:
    """What is computed after the sum of products [N, …, O], a bias [O] excepted."""
    for i, name in enumerate(_steps(call)):
        if name == "BiasAdd" and i == 0:
            value = value if _is_vector(call, call.builder.shape(value)[-1]) else _added(call, value)
        elif name == "FusedBatchNorm":
            scale, offset, mean, variance = (call.value(k) for k in range(2, 6))
            value = batch_normalized(call, value, scale, offset, mean, variance, call.number("epsilon", 0.0001))
        elif name == "Prelu":
            value = call.node("prelu", [value, call.value(len(call) - 1)])
        else:
            value = activate(call, value, name)
    return value


def _added(call: Call, value: str) -> str:
    """A whole tensor may be added in the place of a bias."""
    if call.text("data_format", "NHWC") != "NHWC":
        raise Refused(f"a bias of shape {[str(size) for size in call.shape(2)]} where channels do not come last")
    return call.node("add", [value, call.value(2)])
