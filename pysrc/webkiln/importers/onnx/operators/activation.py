"""Activation functions."""

from __future__ import annotations

import math

from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers


@lowers("Relu")
def relu(call: Call) -> str:
    x = call.value(0)
    if call.builder.dtype(x) == "f32":
        return call.node("relu", [x])
    wide = call.wide(x)
    return call.compute("max", wide, call.like(0, wide))


@lowers("Sigmoid")
def sigmoid(call: Call) -> str:
    return call.node("sigmoid", [call.value(0)])


@lowers("Softplus")
def softplus(call: Call) -> str:
    return call.node("softplus", [call.value(0)])


@lowers("Softsign")
def softsign(call: Call) -> str:
    x = call.value(0)
    return call.node("div", [x, call.node("add", [call.node("abs", [x]), call.like(1.0, x)])])


@lowers("HardSwish")
def hard_swish(call: Call) -> str:
    return call.node("hard_swish", [call.value(0)])


@lowers("HardSigmoid")
def hard_sigmoid(call: Call) -> str:
    return hard_sigmoid_of(call, call.value(0), call.number("alpha", 0.2), call.number("beta", 0.5))


def hard_sigmoid_of(call: Call, x: str, alpha: float, beta: float) -> str:
    line = call.node("add", [call.node("mul", [x, call.like(alpha, x)]), call.like(beta, x)])
    return call.node("clip", [line], minimum=0.0, maximum=1.0)


@lowers("Elu")
def elu(call: Call) -> str:
    return call.node("elu", [call.value(0)], alpha=call.number("alpha", 1.0))


@lowers("Selu")
def selu(call: Call) -> str:
    alpha, gamma = call.number("alpha", 1.67326319217681884765625), call.number("gamma", 1.05070102214813232421875)
    value = call.node("elu", [call.value(0)], alpha=alpha)
    return call.node("mul", [value, call.like(gamma, value)])


@lowers("Celu")
def celu(call: Call) -> str:
    """`max(x, 0) + min(0, α (exp(x / α) − 1))`."""
    x = call.value(0)
    alpha = call.like(call.number("alpha", 1.0), x)
    return call.node("mul", [call.node("elu", [call.node("div", [x, alpha])]), alpha])


@lowers("LeakyRelu")
def leaky_relu(call: Call) -> str:
    return call.node("leaky_relu", [call.value(0)], alpha=call.number("alpha", 0.01))


@lowers("PRelu")
def prelu(call: Call) -> str:
    x, slope = call.value(0), call.value(1)
    if call.version < 7 and call.rank(1) == 1 and call.rank(0) > 2:
        slope = call.reshape(slope, [*call.shape(1), *[1] * (call.rank(0) - 2)])  # one a channel
    if call.builder.dtype(x) == "f32":
        return call.node("prelu", [x, slope])
    wide = call.wide(x)
    return call.narrow(call.node("where", [call.node("less", [wide, call.like(0, wide)]), call.node("mul", [wide, call.wide(slope)]), wide]), call.dtype(0))


@lowers("ThresholdedRelu")
def thresholded_relu(call: Call) -> str:
    x = call.value(0)
    above = call.node("greater", [x, call.like(call.number("alpha", 1.0), x)])
    return call.node("where", [above, x, call.like(0.0, x)])


@lowers("Mish")
def mish(call: Call) -> str:
    x = call.value(0)
    return call.node("mul", [x, call.node("tanh", [call.node("softplus", [x])])])


@lowers("Swish")
def swish(call: Call) -> str:
    return _swish(call)


def _swish(call: Call) -> str:
    x, alpha = call.value(0), call.number("alpha", 1.0)
    scaled = x if alpha == 1.0 else call.node("mul", [x, call.like(alpha, x)])
    return call.node("mul", [x, call.node("sigmoid", [scaled])])


@lowers("SwiGLU")
def swiglu(call: Call) -> str:
    return call.node("mul", [_swish(call), call.value(1)])


@lowers("Shrink")
def shrink(call: Call) -> str:
    """`x + bias` below −lambd, `x − bias` above lambd, 0 between; integers are computed as floats."""
    bias, limit = call.number("bias", 0.0), call.number("lambd", 0.5)
    x = call.cast(call.value(0), "f32")
    low = call.node("less", [x, call.like(-limit, x)])
    high = call.node("greater", [x, call.like(limit, x)])
    above = call.node("where", [high, call.node("sub", [x, call.like(bias, x)]), call.like(0.0, x)])
    value = call.node("where", [low, call.node("add", [x, call.like(bias, x)]), above])
    integer = call.builder.dtype(call.value(0)) != "f32"
    return call.narrow(call.cast(value, "i32"), call.dtype(0)) if integer else value


@lowers("Gelu")
def gelu(call: Call) -> str:
    return gelu_of(call, call.value(0), call.choice("approximate", "none", "tanh") == "tanh")


@lowers("Gelu", domain="com.microsoft")
def gelu_microsoft(call: Call) -> str:
    return gelu_of(call, call.value(0), approximate=False)


@lowers("FastGelu", "BiasGelu", domain="com.microsoft")
def fast_gelu(call: Call) -> str:
    x = call.value(0)
    if call.has(1):
        x = call.node("add", [x, call.value(1)])
    return gelu_of(call, x, approximate=call.operation.type == "FastGelu")


@lowers("QuickGelu", domain="com.microsoft")
def quick_gelu(call: Call) -> str:
    x = call.value(0)
    return call.node("mul", [x, call.node("sigmoid", [call.node("mul", [x, call.like(call.number("alpha", 1.702), x)])])])


def gelu_of(call: Call, x: str, approximate: bool) -> str:
    """`x · (1 + erf(x / √2)) / 2`, or its approximation with tanh."""
    half = call.node("mul", [x, call.like(0.5, x)])
    if approximate:
        cube = call.node("mul", [call.node("mul", [x, x]), x])
        inner = call.node("add", [x, call.node("mul", [cube, call.like(0.044715, x)])])
        curve = call.node("tanh", [call.node("mul", [inner, call.like(math.sqrt(2 / math.pi), x)])])
    else:
        curve = call.node("erf", [call.node("mul", [x, call.like(math.sqrt(0.5), x)])])
    return call.node("mul", [half, call.node("add", [curve, call.like(1.0, x)])])
