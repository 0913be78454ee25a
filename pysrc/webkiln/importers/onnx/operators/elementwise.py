"""Element-wise arithmetic, comparisons and logic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.arithmetic import integer_power
from webkiln.importers.lowerings.functions import FUNCTIONS
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers

ARITHMETIC = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div"}
COMPARISONS = {"Less": "less", "LessOrEqual": "less_equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Equal": "equal"}
LOGIC = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}


def operands(call: Call) -> tuple[str, str]:
    """Two inputs that broadcast. Before version 7 only the second did, when told to, with its axes put at `axis` of the first."""
    a, b = call.value(0), call.value(1)
    if call.version >= 7:
        return a, b
    rank, shape = call.rank(0), call.shape(1)
    if not call.integer("broadcast", 0):
        if shape != call.shape(0):
            call.fail(f"shapes {call.shape(0)} and {shape} differ, and `broadcast` is not set")
        return a, b
    axis = call.axis(call.integer("axis", rank - len(shape)), rank + 1)
    if axis + len(shape) > rank:
        call.fail(f"shape {shape} does not fit {call.shape(0)} at axis {axis}")
    return a, call.reshape(b, [*shape, *[1] * (rank - axis - len(shape))])


def _unary(op: str) -> Callable[[Call], str]:
    return lambda call: call.compute(op, call.value(0))


def _arithmetic(op: str) -> Callable[[Call], str]:
    return lambda call: call.compute(op, *operands(call))


def _comparison(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        a, b = operands(call)
        if call.builder.dtype(a) == "bool" and op == "equal":
            return call.node("logical_not", [call.node("logical_xor", [a, b])])
        return call.node(op, [call.wide(a), call.wide(b)])

    return lower


def _logic(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, list(operands(call)))


for _name, _op in FUNCTIONS.items():
    lowers(_name)(_unary(_op))
for _name, _op in ARITHMETIC.items():
    lowers(_name)(_arithmetic(_op))
for _name, _op in COMPARISONS.items():
    lowers(_name)(_comparison(_op))
for _name, _op in LOGIC.items():
    lowers(_name)(_logic(_op))


@lowers("Not")
def logical_not(call: Call) -> str:
    return call.node("logical_not", [call.value(0)])


@lowers("IsNaN")
def is_nan(call: Call) -> str:
    return call.node("is_nan", [call.value(0)])


@lowers("IsInf")
def is_inf(call: Call) -> str:
    x = call.value(0)
    found = call.node("is_inf", [x])
    positive, negative = call.integer("detect_positive", 1), call.integer("detect_negative", 1)
    if not positive:
        found = call.node("logical_and", [found, call.node("less", [x, call.like(0.0, x)])])
    if not negative:
        found = call.node("logical_and", [found, call.node("greater", [x, call.like(0.0, x)])])
    return found


def _folded(op: str) -> Callable[[Call], str]:
    def lower(call: Call) -> str:
        total, *rest = call.values()
        for value in rest:
            total = call.compute(op, total, value)
        return total

    return lower


lowers("Max")(_folded("max"))
lowers("Min")(_folded("min"))
lowers("Sum")(_folded("add"))


@lowers("Mean")
def mean(call: Call) -> str:
    total = _folded("add")(call)
    return call.node("div", [total, call.like(len(call), total)])


@lowers("Mod")
def mod(call: Call) -> str:
    """The remainder with the sign of the divisor, or with `fmod` that of the dividend."""
    a, b = call.wide(call.value(0)), call.wide(call.value(1))
    if not call.integer("fmod", 0):
        return call.narrow(_remainder(call, a, b), call.dtype(0))
    size = _remainder(call, call.node("abs", [a]), call.node("abs", [b]))
    return call.narrow(call.node("where", [call.node("less", [a, call.like(0, a)]), call.node("neg", [size]), size]), call.dtype(0))


def _remainder(call: Call, a: str, b: str) -> str:
    """With the sign of the divisor. What an infinite one leaves is the number itself, or the divisor when their signs differ."""
    value = call.node("mod", [a, b])
    if call.builder.dtype(a) != "f32" or (call.array(1) is not None and np.isfinite(call.numbers(1, "the divisor")).all()):
        return value
    zero = call.like(0.0, a)
    apart = call.node("less", [call.node("mul", [call.node("sign", [a]), call.node("sign", [b])]), zero])
    kept = call.node("where", [apart, b, a])
    finite = call.node("logical_not", [call.node("logical_or", [call.node("is_inf", [a]), call.node("is_nan", [a])])])
    return call.node("where", [call.node("logical_and", [call.node("is_inf", [b]), finite]), kept, value])


@lowers("Pow")
def power(call: Call) -> str:
    a, b = operands(call)
    if call.builder.dtype(a) == "f32":
        return call.node("pow", [a, call.cast(b, "f32")])
    base = call.wide(a)
    if call.builder.dtype(b) != "f32":
        return call.narrow(integer_power(call, base, call.wide(b)), call.dtype(0))
    whole = call.node("equal", [b, call.node("trunc", [b])])
    exact = integer_power(call, base, call.cast(b, "i32"))
    rounded = call.cast(call.node("pow", [call.cast(base, "f32"), b]), "i32")
    return call.narrow(call.node("where", [whole, exact, rounded]), call.dtype(0))


@lowers("Where")
def where(call: Call) -> str | Typed:
    a, b = call.value(1), call.value(2)
    dtype = call.dtype(1)
    narrow = call.builder.dtype(a) in ("u8", "i8")
    value = call.node("where", [call.value(0), call.wide(a) if narrow else a, call.wide(b) if narrow else b])
    return Typed(call.narrow(value, dtype) if narrow else value, dtype)


@lowers("Clip")
def clip(call: Call) -> str:
    x = call.value(0)
    if call.version < 11:  # the limits were attributes, those of float32 by default
        limits = [call.number("min", -3.4028234663852886e38), call.number("max", 3.4028234663852886e38)]
        return call.node("clip", [x], minimum=limits[0], maximum=limits[1])
    bounds = [_bound(call, i, free) for i, free in ((1, -np.inf), (2, np.inf))]
    if call.builder.dtype(x) == "f32" and all(bound is not None for bound in bounds):
        return call.node("clip", [x], minimum=bounds[0], maximum=bounds[1])
    value = call.wide(x)
    for i, op, bound in ((1, "max", bounds[0]), (2, "min", bounds[1])):
        if bound is None:
            value = call.node(op, [value, call.reshape(call.wide(call.value(i)), [])])
        elif abs(bound) < np.inf:
            if (bound < -(2**31) and op == "min") or (bound >= 2**31 and op == "max"):
                raise Refused(f"a limit of {bound:.0f}, which does not fit in 32 bits")
            value = call.node(op, [value, call.like(np.clip(bound, -(2**31), 2**31 - 1), value)])
    return call.narrow(value, call.dtype(0))


def _bound(call: Call, i: int, free: float) -> float | None:
    """A limit of `Clip`, when it is known; one that is not given, or is NaN, limits nothing."""
    if not call.has(i):
        return free
    array = call.array(i)
    if array is None or array.size != 1:
        return None
    number = float(array.reshape(-1)[0])
    return free if np.isnan(number) else number


@lowers("Identity")
def identity(call: Call) -> Typed:
    return call.same()


@lowers("Dropout")
def dropout(call: Call) -> list[str | Typed]:
    """Nothing is dropped when a model is used."""
    if call.has(2) and call.numbers(2, "whether it is trained").any():
        ratio = call.numbers(1, "the ratio") if call.has(1) else np.array(0.5)
        if ratio.any():
            raise Refused("dropout in training", "Export the model for inference")
    result: list[str | Typed] = [call.same()]
    if call.wants(1):
        mask = call.node("expand", [call.constant(np.array(True))], shape=call.shape(0))
        result.append(Typed(mask, "bool") if call.version >= 10 else call.cast(mask, "f32"))
    return result
