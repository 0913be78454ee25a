"""Operators on quantized tensors computed with integers, as TFLite does, bit for bit.

A real factor is a 32-bit multiplier and a shift, and products with it are rounded by `requantize`. How, depends on who computes in TFLite.
Tensors of 8 bits go to XNNPACK, which is on by default: it multiplies in float32, and takes factors of few bits where the range allows it.
Tensors of 16 bits, and what XNNPACK leaves, go to the kernels of TFLite, whose products are fixed-point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.elements import RANGES, canonical
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.tflite import schema
from webkiln.importers.tflite.file import Operator, Subgraph, Tensor
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.linear import batch_matmul
from webkiln.importers.tflite.operators.windows import padding
from webkiln.importers.tflite.scales import is_scaled, one_scale, parameters

# Sums of products, with weights as input 1, whose ordinary lowerings convolve and multiply integers as they do floats.
PRODUCTS = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"))
WEIGHTS = 1


def fixed_point(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts (i32), `factor ≈ multiplier · 2^(shift − 31)`: QuantizeMultiplier of TFLite."""
    multipliers, shifts = [], []
    for factor in factors.tolist():
        fraction, shift = math.frexp(factor)
        multiplier = math.floor(fraction * 2**31 + 0.5)
        if multiplier == 2**31:
            multiplier, shift = multiplier // 2, shift + 1
        if shift < -31:
            multiplier, shift = 0, 0
        if shift > 30:
            raise Refused(f"integers scaled by {factor}")
        multipliers.append(multiplier)
        shifts.append(shift)
    return np.array(multipliers, np.int32), np.array(shifts, np.int32)


class IntegerCall(Call):
    """An operator that sees integers less their zero points, as i32. What it makes is in steps of the output, or brought to them by `activate`."""

    def scale(self, tensor: Tensor) -> np.ndarray:
        return parameters(tensor)[0]

    def value(self, i: int) -> str:
        value, tensor = super().value(i), self.tensor(i)
        return self._steps(value, tensor) if tensor.quantized else value

    def _steps(self, value: str, tensor: Tensor) -> str:
        zero_point = parameters(tensor)[1]
        value = self.wide(value)
        return self.node("sub", [value, self.constant(zero_point.reshape(()).astype(np.int32))]) if zero_point.any() else value

    def array(self, i: int) -> np.ndarray | None:
        array, tensor = super().array(i), self.tensor(i)
        if array is None or not tensor.quantized:
            return array
        return np.asarray(array.astype(np.int64) - parameters(tensor)[1][0])

    def permuted(self, i: int, permutation: Sequence[int]) -> str:
        array = self.array(i)
        return self.transpose(self.value(i), permutation) if array is None else self.constant(array.transpose(permutation))

    @property
    def _in_floats(self) -> bool:
        """Convolutions go to XNNPACK with their weights; for a layer that is fully connected, TFLite's own kernel rounds likewise."""
        parts = (WEIGHTS, 3 if self.operator.name == "TRANSPOSE_CONV" else 2)
        constant = all(self.array(i) is not None for i in parts if self.has(i))
        return self.eight_bits and (constant or self.operator.name == "FULLY_CONNECTED")

    @property
    def eight_bits(self) -> bool:
        """Whether XNNPACK takes the operator, by the type of its results."""
        return self.output().dtype in ("int8", "uint8")

    def requantized(self, value: str, factors: np.ndarray, rounding: str = "double") -> str:
        multiplier, shift = fixed_point(np.atleast_1d(factors))
        return self.node("requantize", [value, self.constant(multiplier), self.constant(shift)], rounding=rounding)

    def activate(self, value: str, activation: int) -> str:
        """Sums of products, in steps of the output."""
        x, weights, output = self.tensor(2 if self.operator.name == "TRANSPOSE_CONV" else 0), self.tensor(WEIGHTS), self.output()
        if self._in_floats:
            factors = self.scale(x) * self.scale(weights) / self.scale(output)
            return self.finished(self.requantized(value, factors, "float"), activation)
        if self.scale(weights).size == 1 and (weights.dtype == "uint8" or self.operator.name == "FULLY_CONNECTED"):
            # With one scale for all weights, the product of the scales is rounded to float32.
            product = (self.scale(x) * self.scale(weights)).astype(np.float64)
        else:
            product = self.scale(x).astype(np.float64) * self.scale(weights).astype(np.float64)
        return self.finished(self.requantized(value, product / self.scale(output).astype(np.float64), self._rounding()), activation)

    def _rounding(self) -> str:
        """How TFLite multiplies the sums: those that it keeps in 64 bits, for a bias of 64 bits, with fewer bits of the factor."""
        i = 3 if self.operator.name == "TRANSPOSE_CONV" else 2
        if not self.has(i) or self.tensor(i).dtype != "int64":
            return "double"
        weights, bias = self.array(WEIGHTS), self.array(i)
        if weights is None or bias is None:
            raise Refused("sums of 64 bits with weights that are not constant")
        # The sums are kept in 32 bits here, where they must fit.
        axis = weights.ndim - 1 if self.operator.name == "DEPTHWISE_CONV_2D" else 0
        sums = np.abs(weights).sum(axis=tuple(k for k in range(weights.ndim) if k != axis)) * 2**15
        if (sums + np.abs(bias)).max(initial=0) >= 2**31:
            raise Refused("sums that may need more than 32 bits")
        return "reduced"

    def finished(self, value: str, activation: int = 0) -> str:
        """Steps of the output as its elements: with its zero point, clipped to its range and that of an activation."""
        zero_point = int(parameters(self.output())[1][0])
        return self.clamped(self.node("add", [value, self.like(zero_point, value)]) if zero_point else value, activation)

    def clamped(self, value: str, activation: int) -> str:
        """Elements of the output, with its zero point already, clipped."""
        output = self.output()
        scale, zero_points = parameters(output)
        zero_point = int(zero_points[0])
        low, high = RANGES[output.dtype]
        name = self.choice(schema.ACTIVATIONS, activation, "activation function")
        bounds = {"NONE": (-math.inf, math.inf), "RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
        if name not in bounds:
            raise Refused(f"the fused activation function {name}")
        least, most = bounds[name]
        if least > -math.inf:
            low = max(low, zero_point + _rounded(np.float32(least) / scale[0]))
        if most < math.inf:
            high = min(high, zero_point + _rounded(np.float32(most) / scale[0]))
        if (low, high) != RANGES["int32"]:
            value = self.node("min", [self.node("max", [value, self.like(low, value)]), self.like(high, value)])
        return self.cast(value, canonical(output.dtype))


def _rounded(number: float) -> int:
    """Halves away from zero."""
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


def _scales(call: IntegerCall, inputs: int) -> list[np.float32]:
    """Those of so many inputs, and of the output."""
    return [call.scale(tensor)[0] for tensor in (*(call.tensor(i) for i in range(inputs)), call.output())]


def _sum(op: str) -> Callable[[IntegerCall], str]:
    def lower(call: IntegerCall) -> str:
        bits = 15 if call.output().dtype == "int16" else 20
        a, b, output = _scales(call, 2)
        if call.eight_bits and all(2.0**-10 <= scale / output < 2.0**8 for scale in (a, b)):
            return call.finished(_sum_of_products(call, op, a / output, b / output), call.options.activation)
        # Both are brought to twice the larger scale, with bits to spare below.
        twice = 2 * max(float(a), float(b))
        raised = []
        for i, scale in enumerate((a, b)):
            value = call.value(i)
            shifted = call.node("mul", [value, call.like(2**bits, value)])
            raised.append(call.requantized(shifted, np.array(float(scale) / twice)))
        total = call.requantized(call.node(op, raised), np.array(twice / (2**bits * float(output))))
        return call.finished(total, call.options.activation)

    return lower


def _sum_of_products(call: IntegerCall, op: str, a: np.float32, b: np.float32) -> str:
    """With integers of at most 21 bits for the factors `a` and `b`, the larger of which has all of them."""
    bits = 21 - math.frexp(float(max(a, b)))[1]
    products = []
    for i, factor in enumerate((a, b)):
        value = call.value(i)
        products.append(call.node("mul", [value, call.like(round(math.ldexp(float(factor), bits)), value)]))
    return call.requantized(call.node(op, products), np.array(2.0**-bits), "single")


def _product(call: IntegerCall) -> str:
    a, b, output = _scales(call, 2)
    product = call.node("mul", [call.value(0), call.value(1)])
    factor = np.array(a * b / output)  # in float32, as TFLite has it
    return call.finished(call.requantized(product, factor, "float" if call.eight_bits else "double"), call.options.activation)


def _rescaled(call: IntegerCall, value: str, factor: np.float32) -> str:
    """Times a factor of which XNNPACK keeps 8 binary places."""
    return call.requantized(value, np.array(round(256 * float(factor)) / 256), "single")


def _is_rescaled(call: IntegerCall, *factors: np.float32) -> bool:
    return call.eight_bits and call.tensor(0).dtype == call.output().dtype and all(2.0**-8 <= abs(factor) <= 2.0**7 for factor in factors)


def _leaky_relu(call: IntegerCall) -> str:
    (x, output), alpha = _scales(call, 1), np.float32(call.options.alpha)
    value, factor = call.value(0), x / output
    if _is_rescaled(call, factor, factor * alpha):
        above, below = _rescaled(call, value, factor), _rescaled(call, value, factor * alpha)
    else:
        above, below = (call.requantized(value, np.array(float(one))) for one in (factor, x * alpha / output))
    return call.finished(call.node("where", [call.node("less", [value, call.like(0, value)]), below, above]))


def _requantize(call: IntegerCall) -> str:
    x, output = _scales(call, 1)
    if _is_rescaled(call, x / output):
        return call.finished(_rescaled(call, call.value(0), x / output))
    return call.finished(call.requantized(call.value(0), np.array(float(x) / float(output))))


def _mean(call: IntegerCall) -> str:
    """The sum times a factor that holds the division too, as far as the multiplier has room."""
    shape = call.sizes(0, "integers whose mean is taken")
    axes = sorted({call.axis(axis, len(shape)) for axis in call.ints(1, "the axes")})
    count = math.prod(shape[axis] for axis in axes)
    x, output = _scales(call, 1)
    total = call.node("reduce_sum", [call.value(0)], axes=axes, keep_dims=call.options.keep_dims)
    if call.eight_bits:
        factor = x / output if call.operator.name == "SUM" else x / output / np.float32(count)
        return call.finished(call.requantized(total, np.array(factor), "float"))
    ratio = float(x) / float(output)
    multiplier, shift = (int(one[0]) for one in fixed_point(np.array([ratio])))
    if count > 1 and call.operator.name == "MEAN":
        bits = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << bits) // count, shift - bits
    factors = [call.constant(np.array([one], np.int32)) for one in (multiplier, shift)]
    return call.finished(call.node("requantize", [total, *factors]))


def _average_pool(call: IntegerCall) -> str:
    """The sum of the elements as they are over their number, halves away from zero."""
    options, x, shape = call.options, call.lowering.value(call.tensor(0).index), call.shape(0)
    call.rank(0, 4)
    window, stride = [options.window_height, options.window_width], [options.stride_height, options.stride_width]
    amounts = padding(call, call.choice(schema.PADDINGS, options.padding, "padding"), shape, window, stride, [1, 1])

    def total(value: str, channels: Dim) -> str:
        ones = call.constant(np.ones((*window, 1, channels), np.int32))
        return call.node("conv2d", [value, ones], stride=stride, padding=amounts, groups=channels)

    if not isinstance(shape[3], int):
        raise Refused(f"means of integers in {shape[3]} channels", FIX_SIZES)
    sums = total(call.wide(x), shape[3])
    one = call.constant(np.ones((1, 1, 1, 1), np.int32))
    count = total(call.node("expand", [one], shape=[1, *shape[1:3], 1]), 1)
    half = call.node("div", [count, call.like(2, count)])
    above = call.node("less", [call.like(0, sums), sums])
    shifted = call.node("where", [above, call.node("add", [sums, half]), call.node("sub", [sums, half])])
    return call.clamped(call.node("div", [shifted, count]), options.activation)


def _batch_matmul(call: IntegerCall) -> str:
    a, b, output = (float(scale) for scale in _scales(call, 2))
    product = batch_matmul(call)
    assert isinstance(product, str)
    return call.finished(call.requantized(product, np.array(a * b / output)))


def _pad(call: IntegerCall) -> str:
    """With the zero point, or with an element given."""
    value = call.lowering.value(call.tensor(0).index)
    number = int(parameters(call.tensor(0))[1][0])
    if call.has(2):
        array = call.lowering.arrays.get(call.tensor(2).index)
        if array is None or array.size != 1:
            raise Refused("padding with a value that is computed when the model runs")
        number = int(array.reshape(-1)[0])
    amounts = call.dims(1, "the paddings")
    if len(amounts) != 2 * call.rank(0):
        call.fail(f"{len(amounts)} paddings do not fit rank {call.rank(0)}")
    return call.node("pad", [value], low=amounts[::2], high=amounts[1::2], interior=[0] * call.rank(0), value=float(number))


INTEGERS: dict[str, Callable[[IntegerCall], str]] = {
    "ADD": _sum("add"),
    "SUB": _sum("sub"),
    "MUL": _product,
    "LEAKY_RELU": _leaky_relu,
    "QUANTIZE": _requantize,
    "MEAN": _mean,
    "SUM": _mean,
    "PAD": _pad,
    "PADV2": _pad,
    "AVERAGE_POOL_2D": _average_pool,
    "BATCH_MATMUL": _batch_matmul,
}


def computes(subgraph: Subgraph, operator: Operator) -> bool:
    """Whether there is an integer rule for an operator with these tensors."""
    tensors = [subgraph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    scaled = [tensor for tensor in tensors if is_scaled(tensor, operator)]
    if any(tensor.dtype in ("float32", "float16") for tensor in tensors) or subgraph.tensors[operator.outputs[0]] not in scaled:
        return False
    if operator.name in PRODUCTS:
        # Factors of channels are those of symmetric weights.
        return all(parameters(tensor)[0].size == 1 or not parameters(tensor)[1].any() for tensor in scaled) and parameters(scaled[-1])[0].size == 1
    if operator.name in ("PAD", "PADV2", "AVERAGE_POOL_2D"):
        return one_scale(scaled)
    if operator.name == "BATCH_MATMUL" and any(tensor.dtype not in ("int8", "uint8") for tensor in tensors):
        return False
    if operator.name in ("ADD", "SUB"):
        scales = [float(parameters(tensor)[0][0]) for tensor in scaled]
        bits = 15 if scaled[-1].dtype == "int16" else 20
        if len(scales) != 3 or 2 * max(scales[:2]) >= 2**bits * scales[2]:
            return False
    return operator.name in INTEGERS and all(parameters(tensor)[0].size == 1 for tensor in scaled)
