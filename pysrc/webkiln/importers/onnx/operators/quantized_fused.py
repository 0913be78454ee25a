"""Quantized operators of com.microsoft: products of integers as integers, everything else as floats between two quantizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.normalization import softmax_of
from webkiln.importers.onnx.lowering import Call, Result, Typed
from webkiln.importers.onnx.operators.fused import attend
from webkiln.importers.onnx.operators.pooling import averaged
from webkiln.importers.onnx.operators.quantization import (
    dynamically_quantized,
    less_point,
    product_of_integers,
    qlinear_conv,
    saturated,
    scalar,
)
from webkiln.importers.onnx.registry import lowers

MICROSOFT = "com.microsoft"


def _floats(call: Call, i: int) -> str:
    """Input `i`, followed by its scale and zero point (which may be left out), as floats."""
    value = call.cast(less_point(call, i, i + 2), "f32")
    return call.node("mul", [value, scalar(call, call.value(i + 1))])


def _quantized(call: Call, value: str, scale: int, of: int = 0) -> Typed:
    """A float by the scale at an input and the zero point after it; of the type of that, or of input `of`."""
    rounded = call.node("round", [call.node("div", [value, scalar(call, call.value(scale))])])
    has_point = call.has(scale + 1)
    if has_point:
        rounded = call.node("add", [rounded, call.cast(scalar(call, call.value(scale + 1)), "f32")])
    dtype = call.dtype(scale + 1 if has_point else of)
    return Typed(saturated(call, rounded, dtype), dtype)


@lowers("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def qlinear_arithmetic(call: Call) -> Typed:
    op = call.operation.type.removeprefix("QLinear").lower()
    return _quantized(call, call.node(op, [_floats(call, 0), _floats(call, 3)]), 6)


def _leaky(call: Call, x: str) -> str:
    return call.node("leaky_relu", [x], alpha=call.number("alpha", 0.01))


def _softmax(call: Call, x: str) -> str:
    rank, axis = len(call.builder.shape(x)), call.integer("axis", -1)
    axis = call.axis(axis, rank)
    if call.integer("opset", 13) < 13 and axis != rank - 1:
        raise Refused("a softmax over several axes as one")
    return softmax_of(call, x, axis)


def _global_average(call: Call, x: str) -> str:
    rank = len(call.builder.shape(x))
    axes = list(range(1, rank - 1)) if call.integer("channels_last", 0) else list(range(2, rank))
    return call.node("reduce_mean", [x], axes=axes, keep_dims=True)


_FUNCTIONS: dict[str, Callable[[Call, str], str]] = {
    "QLinearSigmoid": lambda call, x: call.node("sigmoid", [x]),
    "QLinearLeakyRelu": _leaky,
    "QLinearSoftmax": _softmax,
    "QLinearGlobalAveragePool": _global_average,
}


@lowers(*_FUNCTIONS, domain=MICROSOFT)
def qlinear_function(call: Call) -> Typed:
    """x, its scale and zero point, the result's scale and zero point."""
    return _quantized(call, _FUNCTIONS[call.operation.type](call, _floats(call, 0)), 3)


@lowers("QLinearAveragePool", domain=MICROSOFT)
def qlinear_average_pool(call: Call) -> Typed:
    if call.integer("channels_last", 0):
        raise Refused("channels that stand last")
    return _quantized(call, averaged(call, _floats(call, 0)), 3)


@lowers("QLinearWhere", domain=MICROSOFT)
def qlinear_where(call: Call) -> Typed:
    """A condition; x, scale, zero point; y, scale, zero point; the result's scale and zero point."""
    return _quantized(call, call.node("where", [call.value(0), _floats(call, 1), _floats(call, 4)]), 7, of=1)


@lowers("MatMulInteger16", domain=MICROSOFT)
def matmul_integer_16(call: Call) -> Typed:
    return Typed(product_of_integers(call, call.value(0), call.value(1)), "int32")


@lowers("QLinearConv", domain=MICROSOFT)
def qlinear_conv_microsoft(call: Call) -> Result | Sequence[Result]:
    if call.integer("channels_last", 0):
        raise Refused("channels that stand last")
    return qlinear_conv(call)


@lowers("QGemm", domain=MICROSOFT)
def qgemm(call: Call) -> Typed:
    """alpha · A · B + C of integers, C in units of both scales: quantized again where a scale is given for that, else floats.

    A, scale, zero point; B, scale, zero point, of one or one a column; C; the result's scale and zero point.
    """
    factors = []
    for i, turned in ((0, "transA"), (3, "transB")):
        call.rank(i, 2)
        value = call.wide(call.value(i))
        value = call.transpose(value, [1, 0]) if call.integer(turned, 0) else value
        factors.append(call.node("sub", [value, call.wide(scalar(call, call.value(i + 2)))]) if call.has(i + 2) else value)
    total = product_of_integers(call, *factors)
    if call.has(6):
        total = call.node("add", [total, call.value(6)])
    scale = call.node("mul", [scalar(call, call.value(1)), scalar(call, call.value(4))])
    scale = call.node("mul", [scale, call.like(call.number("alpha", 1.0), scale)])
    value = call.node("mul", [call.cast(total, "f32"), scale])
    return _quantized(call, value, 7) if call.has(7) else Typed(value, "float32")


@lowers("QAttention", domain=MICROSOFT)
def qattention(call: Call) -> list[str]:
    """Attention whose projection is a product of integers: x, weights, bias, their scales, mask, their zero points, past."""
    column = len(call.shape(7)) == 1 if call.has(7) else False
    total = product_of_integers(call, less_point(call, 0, 6), less_point(call, 1, 7, column=column))
    scale = call.node("mul", [scalar(call, call.value(3)), scalar(call, call.value(4))])
    projected = call.node("add", [call.node("mul", [call.cast(total, "f32"), scale]), call.value(2)])
    return attend(call, projected, 5, -1, 8)


@lowers("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(call: Call) -> Typed:
    """The result's scale and zero point, then each part with its own."""
    if len(call) < 5 or (len(call) - 2) % 3:
        call.fail(f"it has {len(call)} inputs, expected 2 and then 3 for each part")
    parts = [_quantized(call, _floats(call, i), 0, of=i) for i in range(2, len(call), 3)]
    values = [str(part.value) for part in parts]
    axis = call.axis(call.integer("axis", 0), call.rank(2))
    return Typed(call.node("concat", values, axis=axis), parts[0].dtype)


def _scaled(call: Call, total: str, scale: str, bias: int) -> str:
    value = call.node("mul", [call.cast(total, "f32"), scale])
    return call.node("add", [value, call.value(bias)]) if call.has(bias) else value


@lowers("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_integer_to_float(call: Call) -> str:
    """A, B, their scales, their zero points, a bias: the product of the integers as floats."""
    total = product_of_integers(call, less_point(call, 0, 4), less_point(call, 1, 5, column=True))
    scale = call.node("mul", [scalar(call, call.value(2)), scalar(call, call.value(3))])
    return _scaled(call, total, scale, 6)


@lowers("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_quantize_matmul(call: Call) -> str:
    """A in floats, quantized to 0 … 255 by its range; B with its scale and zero point; a bias."""
    value, a_scale, point = (str(one.value) for one in dynamically_quantized(call, call.value(0)))
    left = call.node("sub", [call.wide(value), call.wide(point)])
    total = product_of_integers(call, left, less_point(call, 1, 3, column=True))
    return _scaled(call, total, call.node("mul", [a_scale, scalar(call, call.value(2))]), 4)
