"""Quantized integers: to and from floats, and products of them.

A quotient is rounded to the nearest even and clipped while it is a float, which holds the integers of up to 16 bits exactly. Products are
summed as 32-bit integers.
"""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.convolution import convolve
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.dtypes import CARRIERS, RANGES, canonical, name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.windows import channels_first, channels_last, windows
from webkiln.importers.onnx.registry import lowers


def _check(dtype: str) -> None:
    if dtype not in RANGES:
        raise Refused(f"quantization to {dtype}", "Only integers are quantized to")


def _along(call: Call, value: str, x: str) -> str:
    """A scale or zero point for all, for each position of an axis, or for each block, spread over x."""
    shape, own = call.builder.shape(x), call.builder.shape(value)
    if len(own) == 0 or own == [1]:
        return call.reshape(value, [])
    axis = call.axis(call.integer("axis", 1), len(shape)) if len(shape) > 1 else 0
    if len(own) == 1:
        return call.reshape(value, [size if i == axis else 1 for i, size in enumerate([*shape[:axis], own[0], *shape[axis + 1 :]])])
    block = call.integer("block_size", 0)
    if block < 1 or len(own) != len(shape):
        call.fail(f"scales of shape {own} for {shape} in blocks of {block}")
    spread = call.node("expand", [call.reshape(value, [*own[: axis + 1], 1, *own[axis + 1 :]])], shape=[*own[: axis + 1], block, *own[axis + 1 :]])
    whole: list[Dim] = [*own[:axis], own[axis] * block, *own[axis + 1 :]]
    return part(call, call.reshape(spread, whole), axis, 0, shape[axis])


def saturated(call: Call, value: str, dtype: str) -> str:
    """A rounded float as an integer type, clipped to its range."""
    _check(dtype)
    low, high = RANGES[dtype]
    return call.cast(call.cast(call.node("clip", [value], minimum=float(low), maximum=float(high)), "i32"), canonical(dtype))


@lowers("QuantizeLinear")
@lowers("QuantizeLinear", domain="com.microsoft")
def quantize_linear(call: Call) -> Typed:
    """`saturate(round(x / scale) + zero_point)`."""
    x = call.cast(call.value(0), "f32")
    dtype = call.dtype(2) if call.has(2) else name_of(call.integer("output_dtype", 0) or 2)
    _check(dtype)
    value = call.node("round", [call.node("div", [x, _along(call, call.value(1), x)])])
    if call.has(2):
        value = call.node("add", [value, _along(call, call.cast(call.value(2), "f32"), x)])
    return Typed(saturated(call, value, dtype), dtype)


@lowers("DequantizeLinear")
@lowers("DequantizeLinear", domain="com.microsoft")
def dequantize_linear(call: Call) -> Typed:
    """`(x − zero_point) · scale`, the difference as integers."""
    if call.dtype(0) not in RANGES and call.dtype(0) not in CARRIERS:
        raise Refused(f"dequantization of {call.dtype(0)}")
    x = call.wide(call.value(0))
    if call.has(2):
        x = call.node("sub", [x, _along(call, call.wide(call.value(2)), x)])
    x = call.cast(x, "f32")
    dtype = name_of(call.integer("output_dtype", 0)) if call.integer("output_dtype", 0) else call.dtype(1)
    return Typed(call.node("mul", [x, _along(call, call.value(1), x)]), dtype)


@lowers("DynamicQuantizeLinear")
def dynamic_quantize_linear(call: Call) -> list[Typed]:
    return dynamically_quantized(call, call.value(0))


def dynamically_quantized(call: Call, x: str) -> list[Typed]:
    """To 0 … 255 by the range of the data, which is made to hold 0: the integers, the scale, the zero point."""
    axes = list(range(len(call.builder.shape(x))))
    zero = call.like(0.0, x)
    least = call.node("min", [call.node("reduce_min", [x], axes=axes, keep_dims=False), zero])
    greatest = call.node("max", [call.node("reduce_max", [x], axes=axes, keep_dims=False), zero])
    scale = call.node("div", [call.node("sub", [greatest, least]), call.like(255.0, x)])
    nothing = call.node("equal", [scale, zero])
    point = call.node("round", [call.node("neg", [call.node("div", [least, call.node("where", [nothing, call.like(1.0, x), scale])])])])
    point = call.node("clip", [point], minimum=0.0, maximum=255.0)
    quotient = call.node("round", [call.node("div", [x, call.node("where", [nothing, call.like(1.0, x), scale])])])
    value = saturated(call, call.node("add", [quotient, point]), "uint8")
    return [Typed(value, "uint8"), Typed(scale, "float32"), Typed(saturated(call, point, "uint8"), "uint8")]


def less_point(call: Call, i: int, point: int, column: bool = False) -> str:
    """Input `i` less its zero point, as 32-bit integers. A vector of points is one a row, or one a column."""
    value = call.wide(call.value(i))
    if not call.has(point):
        return value
    zero = call.wide(call.value(point))
    shape = call.builder.shape(zero)
    if len(shape) == 1 and shape != [1] and not column:
        zero = call.reshape(zero, [*shape, 1])
    elif shape == [1]:
        zero = call.reshape(zero, [])
    return call.node("sub", [value, zero])


def product_of_integers(call: Call, a: str, b: str) -> str:
    """The product of matrices of 32-bit integers; vectors as rows and columns."""
    p, q = call.builder.shape(a), call.builder.shape(b)
    value = call.node("matmul", [call.reshape(a, [1, *p]) if len(p) == 1 else a, call.reshape(b, [*q, 1]) if len(q) == 1 else b])
    shape = call.builder.shape(value)
    if len(q) == 1:
        shape = shape[:-1]
    if len(p) == 1:
        shape = [*shape[:-1]] if len(q) == 1 else [*shape[:-2], shape[-1]]
    return call.reshape(value, shape)


@lowers("MatMulInteger")
def matmul_integer(call: Call) -> Typed:
    return Typed(product_of_integers(call, less_point(call, 0, 2), less_point(call, 1, 3, column=True)), "int32")


@lowers("QLinearMatMul")
def qlinear_matmul(call: Call) -> Typed:
    """a, its scale and zero point; b, its scale and zero point; the result's scale and zero point."""
    total = product_of_integers(call, less_point(call, 0, 2), less_point(call, 3, 5, column=True))
    rows = call.value(1)
    shape = call.builder.shape(rows)
    if len(shape) == 1 and shape != [1]:
        rows = call.reshape(rows, [*shape, 1])
    scale = call.node("div", [call.node("mul", [scalar(call, rows), scalar(call, call.value(4))]), scalar(call, call.value(6))])
    return _requantized(call, total, scale, scalar(call, call.value(7)), call.dtype(7))


def scalar(call: Call, value: str) -> str:
    return call.reshape(value, []) if call.builder.shape(value) == [1] else value


def _requantized(call: Call, total: str, scale: str, point: str, dtype: str) -> Typed:
    value = call.node("round", [call.node("mul", [call.cast(total, "f32"), scale])])
    return Typed(saturated(call, call.node("add", [value, call.cast(point, "f32")]), dtype), dtype)


def _convolved(call: Call, x: str, weights: str, i: int, bias: str) -> str:
    """Integers [N, C, …] and [O, C/groups, …], zero points taken off, so that padding with 0 is right."""
    rank, sizes = call.rank(0), call.sizes(i, "the weights")
    filters = call.transpose(weights, [*range(2, rank), 1, 0])
    value = channels_last(call, x)
    return channels_first(call, convolve(call, value, filters, windows(call, sizes[2:]), call.integer("group", 1), bias))


@lowers("ConvInteger")
def conv_integer(call: Call) -> Typed:
    weights = call.wide(call.value(1))
    if call.has(3):
        weights = call.node("sub", [weights, _per_output(call, call.wide(call.value(3)), call.rank(1))])
    return Typed(_convolved(call, less_point(call, 0, 2), weights, 1, ""), "int32")


def _per_output(call: Call, value: str, rank: int) -> str:
    """A number for all, or for each output channel, the first axis of the weights."""
    shape = call.builder.shape(value)
    return call.reshape(value, [] if shape in ([], [1]) else [*shape, *[1] * (rank - 1)])


@lowers("QLinearConv")
def qlinear_conv(call: Call) -> Typed:
    """x, scale, zero point; weights, scale, zero point; the result's scale and zero point; a bias in units of both scales."""
    rank = call.rank(0)
    weights = call.node("sub", [call.wide(call.value(3)), _per_output(call, call.wide(call.value(5)), rank)])
    total = _convolved(call, less_point(call, 0, 2), weights, 3, call.value(8) if call.has(8) else "")
    filters = scalar(call, call.value(4))
    if call.builder.shape(filters):
        filters = call.reshape(filters, [*call.builder.shape(filters), *[1] * (rank - 2)])
    scale = call.node("div", [call.node("mul", [scalar(call, call.value(1)), filters]), scalar(call, call.value(6))])
    return _requantized(call, total, scale, scalar(call, call.value(7)), call.dtype(7))


