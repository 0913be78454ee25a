"""Element-wise operators."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from webkiln.graph.dtypes import CANONICAL, canonical_dtype
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.arithmetic import floor_divide
from webkiln.importers.lowerings.trigonometry import angle_of
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

UNARY = {
    "ABS": "abs",
    "NEG": "neg",
    "EXP": "exp",
    "LOG": "log",
    "SQRT": "sqrt",
    "RSQRT": "rsqrt",
    "SIN": "sin",
    "COS": "cos",
    "TANH": "tanh",
    "LOGISTIC": "sigmoid",
    "RELU": "relu",
    "ELU": "elu",
    "HARD_SWISH": "hard_swish",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "ROUND": "round",
    "SIGN": "sign",
    "LOGICAL_NOT": "logical_not",
}
CLIPS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}
BINARY = {"MAXIMUM": "max", "MINIMUM": "min", "LOGICAL_AND": "logical_and", "LOGICAL_OR": "logical_or"}
FUSED = {"ADD": "add", "SUB": "sub", "MUL": "mul", "DIV": "div"}
COMPARISONS = {
    "EQUAL": "equal",
    "NOT_EQUAL": "not_equal",
    "LESS": "less",
    "LESS_EQUAL": "less_equal",
    "GREATER": "greater",
    "GREATER_EQUAL": "greater_equal",
}


def _unary(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, [call.value(0)])


def _binary(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, [call.value(0), call.value(1)])


def _fused(op: str) -> Callable[[Call], str]:
    return lambda call: call.activate(call.node(op, [call.value(0), call.value(1)]), call.options.activation)


def _clip(low: float, high: float) -> Callable[[Call], str]:
    return lambda call: call.node("clip", [call.value(0)], minimum=low, maximum=high)


def _comparison(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        a, b = call.value(0), call.value(1)
        if call.dtype(0) == "bool" and op in ("equal", "not_equal"):
            differ = call.node("logical_xor", [a, b])
            return differ if op == "not_equal" else call.node("logical_not", [differ])
        return call.node(op, [call.wide(a), call.wide(b)])

    return lower


for _name, _op in UNARY.items():
    lowers(_name)(_unary(_op))
for _name, _bounds in CLIPS.items():
    lowers(_name)(_clip(*_bounds))
for _name, _op in BINARY.items():
    lowers(_name)(_binary(_op))
for _name, _op in FUSED.items():
    lowers(_name, options=f"{_name.title()}Options")(_fused(_op))
for _name, _op in COMPARISONS.items():
    lowers(_name)(_comparison(_op))


@lowers("SQUARE")
def square(call: Call) -> str:
    x = call.value(0)
    return call.node("mul", [x, x])


@lowers("SQUARED_DIFFERENCE")
def squared_difference(call: Call) -> str:
    difference = call.node("sub", [call.value(0), call.value(1)])
    return call.node("mul", [difference, difference])


@lowers("ADD_N")
def add_n(call: Call) -> str:
    total, *rest = call.values()
    for value in rest:
        total = call.node("add", [total, value])
    return total


@lowers("POW")
def power(call: Call) -> str:
    x = call.value(0)
    if call.dtype(0) == "f32":
        return call.node("pow", [x, call.value(1)])
    exponent = call.array(1)
    if exponent is None or exponent.size != 1 or not 0 <= int(exponent.reshape(-1)[0]) <= 31:
        raise Refused("integers to a power that is not one constant from 0 to 31", "Compute in float32")
    number = int(exponent.reshape(-1)[0])
    shape = call.shape(0) if exponent.ndim <= call.rank(0) else [*[1] * (exponent.ndim - call.rank(0)), *call.shape(0)]
    result = call.node("expand", [call.like(1, x)], shape=shape) if number == 0 else ""
    while number:  # by repeated squaring
        if number % 2:
            result = call.node("mul", [result, x]) if result else x
        number //= 2
        if number:
            x = call.node("mul", [x, x])
    return call.reshape(result, shape)


@lowers("FLOOR_DIV")
def floor_div(call: Call) -> str:
    return floor_divide(call, call.value(0), call.value(1))


@lowers("FLOOR_MOD")
def floor_mod(call: Call) -> str:
    return call.back(call.node("mod", [call.wide(call.value(0)), call.wide(call.value(1))]))


@lowers("ATAN2")
def atan2(call: Call) -> str:
    return angle_of(call, call.value(0), call.value(1))


@lowers("LEAKY_RELU", options="LeakyReluOptions")
def leaky_relu(call: Call) -> str:
    return call.node("leaky_relu", [call.value(0)], alpha=float(call.options.alpha))


@lowers("PRELU")
def prelu(call: Call) -> str:
    return call.node("prelu", [call.value(0), call.value(1)])


@lowers("GELU", options="GeluOptions")
def gelu(call: Call) -> str:
    """`x · (1 + erf(x / √2)) / 2`, or its approximation with tanh."""
    x = call.value(0)
    half = call.node("mul", [x, call.like(0.5, x)])
    if call.options.approximate:
        cube = call.node("mul", [call.node("mul", [x, x]), x])
        inner = call.node("add", [x, call.node("mul", [cube, call.like(0.044715, x)])])
        curve = call.node("tanh", [call.node("mul", [inner, call.like(math.sqrt(2 / math.pi), x)])])
    else:
        curve = call.node("erf", [call.node("mul", [x, call.like(math.sqrt(0.5), x)])])
    return call.node("mul", [half, call.node("add", [curve, call.like(1.0, x)])])


@lowers("SELECT", "SELECT_V2")
def select(call: Call) -> str:
    condition, a, b = call.value(0), call.value(1), call.value(2)
    rank = call.rank(1)
    if call.operator.name == "SELECT" and call.rank(0) == 1 and rank > 1:
        # The older operator takes a vector that chooses along the first axis.
        condition = call.reshape(condition, [call.shape(0)[0], *[1] * (rank - 1)])
    if call.dtype(1) in ("u8", "i8"):
        a, b = call.wide(a), call.wide(b)
    return call.cast(call.node("where", [condition, a, b]), call.dtype(1))


@lowers("CAST")
def cast(call: Call) -> str:
    x, source, target = call.value(0), call.dtype(0), call.output().dtype
    to = canonical_dtype(target)
    value = x if source == to else call.node("cast", [x], to=to)
    if target in ("int16", "uint16") and call.tensor(0).dtype not in ("bool", "int8", "uint8", target):
        # Held in 32 bits, where narrowing must still wrap.
        low = -(2**15) if target == "int16" else 0
        wrapped = call.node("mod", [call.node("sub", [value, call.like(low, value)]), call.like(2**16, value)])
        return call.node("add", [wrapped, call.like(low, value)])
    return value


@lowers("QUANTIZE", "DEQUANTIZE")
def same_numbers(call: Call) -> str | np.ndarray:
    """The numbers as they are: what they are held as is seen to before and after. float16 constants stay float16."""
    if call.operator.name == "DEQUANTIZE" and call.tensor(0).dtype not in ("float16", "float32"):
        call.fail(f"{call.tensor(0).name!r} of {call.tensor(0).dtype} has no scale")
    array = call.array(0)
    return call.value(0) if array is None else array


@lowers("DENSIFY")
def densify(call: Call) -> np.ndarray:
    """Sparse constants are spread out when they are read."""
    array = call.array(0)
    if array is None:
        raise Refused("a sparse tensor that is not constant")
    return array


@lowers("ZEROS_LIKE")
def zeros_like(call: Call) -> str:
    zero = call.constant(np.zeros((), CANONICAL[call.dtype(0)]))
    return call.node("expand", [zero], shape=call.shape(0))
