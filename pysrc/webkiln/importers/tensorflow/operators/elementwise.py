"""Element-wise operators."""

from __future__ import annotations

import math
from collections.abc import Callable

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.arithmetic import floor_divide, integer_power
from webkiln.importers.lowerings.casting import cast_to
from webkiln.importers.lowerings.functions import FUNCTIONS
from webkiln.importers.lowerings.trigonometry import angle_of
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers

UNARY = {
    **FUNCTIONS,
    "Rsqrt": "rsqrt",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Elu": "elu",
    "Rint": "round",
    "Inv": "reciprocal",
    "Invert": "bitwise_not",
}
BINARY = {
    "Add": "add",
    "AddV2": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "RealDiv": "div",
    "TruncateDiv": "div",
    "FloorMod": "mod",
    "Maximum": "max",
    "Minimum": "min",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
}
COMPARISONS = {
    "Equal": "equal",
    "NotEqual": "not_equal",
    "Less": "less",
    "LessEqual": "less_equal",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
}
TESTS = {"IsNan": "is_nan", "IsInf": "is_inf", "LogicalNot": "logical_not"}
LOGIC = {"LogicalAnd": "logical_and", "LogicalOr": "logical_or", "LogicalXor": "logical_xor"}
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _unary(op: str) -> Callable[[Call], str]:
    return lambda call: call.compute(op, call.value(0))


def _binary(op: str) -> Callable[[Call], str]:
    return lambda call: call.compute(op, call.value(0), call.value(1))


def _plain(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, call.values())


def _comparison(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        a, b = call.value(0), call.value(1)
        if "bool" in (call.dtype(0), call.dtype(1)):
            differ = call.node("logical_xor", [a, b])
            return differ if op == "not_equal" else call.node("logical_not", [differ])
        return call.node(op, [call.wide(a), call.wide(b)])

    return lower


for _name, _op in UNARY.items():
    lowers(_name)(_unary(_op))
for _name, _op in BINARY.items():
    lowers(_name)(_binary(_op))
for _name, _op in COMPARISONS.items():
    lowers(_name)(_comparison(_op))
for _name, _op in {**TESTS, **LOGIC}.items():
    lowers(_name)(_plain(_op))


@lowers("Identity", "Snapshot", "StopGradient", "PreventGradient", "CheckNumerics", "EnsureShape", "PlaceholderWithDefault")
def identity(call: Call) -> Typed:
    return call.same()


@lowers("IdentityN")
def identities(call: Call) -> list[Typed]:
    return [call.same(i) for i in range(len(call))]


@lowers("IsFinite")
def is_finite(call: Call) -> str:
    x = call.value(0)
    return call.node("logical_not", [call.node("logical_or", [call.node("is_inf", [x]), call.node("is_nan", [x])])])


@lowers("Square")
def square(call: Call) -> str:
    return call.compute("mul", call.value(0), call.value(0))


@lowers("SquaredDifference")
def squared_difference(call: Call) -> str:
    difference = call.compute("sub", call.value(0), call.value(1))
    return call.compute("mul", difference, difference)


@lowers("AddN", "AccumulateNV2")
def add_n(call: Call) -> str:
    total, *rest = call.values()
    for value in rest:
        total = call.compute("add", total, value)
    return total


@lowers("Expm1")
def expm1(call: Call) -> str:
    """`eˣ − 1` as `tanh(x / 2) · (eˣ + 1)`, which loses nothing near 0."""
    x = call.value(0)
    half = call.node("tanh", [call.node("mul", [x, call.like(0.5, x)])])
    return call.node("mul", [half, call.node("add", [call.node("exp", [x]), call.like(1.0, x)])])


@lowers("Log1p")
def log1p(call: Call) -> str:
    """`log(1 + x)`, near 0 as `2 · atanh(x / (2 + x))`."""
    x = call.value(0)
    near = call.node("atanh", [call.node("div", [x, call.node("add", [x, call.like(2.0, x)])])])
    small = call.node("less", [call.node("abs", [x]), call.like(0.5, x)])
    far = call.node("log", [call.node("add", [x, call.like(1.0, x)])])
    return call.node("where", [small, call.node("mul", [near, call.like(2.0, x)]), far])


@lowers("Erfc")
def erfc(call: Call) -> str:
    x = call.value(0)
    return call.node("sub", [call.like(1.0, x), call.node("erf", [x])])


@lowers("Selu")
def selu(call: Call) -> str:
    x = call.value(0)
    return call.node("mul", [call.node("elu", [x], alpha=SELU_ALPHA), call.like(SELU_SCALE, x)])


@lowers("Softsign")
def softsign(call: Call) -> str:
    x = call.value(0)
    return call.node("div", [x, call.node("add", [call.node("abs", [x]), call.like(1.0, x)])])


@lowers("Relu", "Relu6", "ReluN1To1")
def relu(call: Call) -> Typed:
    return call.back(activate(call, call.wide(call.value(0)), call.source.op))


@lowers("LeakyRelu")
def leaky_relu(call: Call) -> str:
    return call.node("leaky_relu", [call.value(0)], alpha=call.number("alpha", 0.2))


@lowers("Prelu")
def prelu(call: Call) -> str:
    return call.node("prelu", [call.value(0), call.value(1)])


def activate(call: Call, value: str, name: str) -> str:
    """A value after an activation function that stands in a fused operator, or by itself. f32, or i32 where it is a limit."""
    if name in ("Relu6", "ReluN1To1") or (name == "Relu" and call.builder.dtype(value) != "f32"):
        low, high = {"Relu": (0.0, math.inf), "Relu6": (0.0, 6.0), "ReluN1To1": (-1.0, 1.0)}[name]
        if call.builder.dtype(value) == "f32":
            return call.node("clip", [value], minimum=low, maximum=high)
        value = call.node("max", [value, call.like(low, value)])
        return value if high == math.inf else call.node("min", [value, call.like(high, value)])
    if name == "LeakyRelu":
        return call.node("leaky_relu", [value], alpha=call.number("leakyrelu_alpha", 0.2))
    plain = {"Relu": "relu", "Elu": "elu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
    if name not in plain:
        raise Refused(f"the fused function {name}")
    return call.node(plain[name], [value])


@lowers("FloorDiv")
def floor_div(call: Call) -> Typed:
    return call.back(floor_divide(call, call.wide(call.value(0)), call.wide(call.value(1))))


@lowers("Mod", "TruncateMod")
def truncated_mod(call: Call) -> Typed:
    """The remainder with the sign of the dividend."""
    a, b = call.wide(call.value(0)), call.wide(call.value(1))
    size = call.node("mod", [call.node("abs", [a]), call.node("abs", [b])])
    return call.back(call.node("where", [call.node("less", [a, call.like(0, a)]), call.node("neg", [size]), size]))


@lowers("DivNoNan")
def div_no_nan(call: Call) -> str:
    """A quotient by zero is 0."""
    a, b = call.value(0), call.value(1)
    zero = call.like(0.0, b)
    return call.node("where", [call.node("equal", [b, zero]), zero, call.node("div", [a, b])])


@lowers("MulNoNan")
def mul_no_nan(call: Call) -> str:
    """A product with a second factor of zero is 0."""
    a, b = call.value(0), call.value(1)
    zero = call.like(0.0, b)
    return call.node("where", [call.node("equal", [b, zero]), zero, call.node("mul", [a, b])])


@lowers("Pow")
def power(call: Call) -> str | Typed:
    a, b = call.value(0), call.value(1)
    if call.builder.dtype(a) == "f32":
        return call.node("pow", [a, b])
    return call.back(integer_power(call, call.wide(a), call.wide(b)))


@lowers("Atan2")
def atan2(call: Call) -> str:
    return angle_of(call, call.value(0), call.value(1))


@lowers("LeftShift", "RightShift")
def shift(call: Call) -> Typed:
    op = "shift_left" if call.source.op == "LeftShift" else "shift_right"
    if call.dtype(0) in ("uint32", "uint64", "int64"):
        raise Refused(f"shifts of {call.dtype(0)}, which are computed with 32 bits and a sign", "Compute in int32")
    return call.back(call.node(op, [call.wide(call.value(0)), call.wide(call.value(1))]))


@lowers("Select", "SelectV2")
def select(call: Call) -> Typed:
    condition, a, b = call.value(0), call.value(1), call.value(2)
    rank = call.rank(1)
    if call.source.op == "Select" and call.rank(0) == 1 and rank > 1:
        # The older operator takes a vector that chooses along the first axis.
        condition = call.reshape(condition, [call.shape(0)[0], *[1] * (rank - 1)])
    if call.dtype(1) == "bool":
        return Typed(call.node("where", [condition, a, b]), "bool")
    return call.back(call.node("where", [condition, call.wide(a), call.wide(b)]), 1)


@lowers("ClipByValue")
def clip_by_value(call: Call) -> str:
    return call.compute("min", call.compute("max", call.value(0), call.value(1)), call.value(2))


@lowers("Cast")
def cast(call: Call) -> Typed:
    if call.flag("Truncate"):
        raise Refused("a conversion of floats that cuts bits off instead of rounding")
    return cast_to(call, call.text("DstT"))


@lowers("BiasAdd", "BiasAddV1")
def bias_add(call: Call) -> str:
    bias = call.value(1)
    if call.choice("data_format", "NHWC", "NCHW") == "NCHW":
        bias = call.reshape(bias, [call.shape(1)[0], *[1] * (call.rank(0) - 2)])
    return call.compute("add", call.value(0), bias)
