"""The element-wise operators: a scalar expression, its meaning in NumPy, its derivatives, and where it is tested.

Expressions are Python syntax over the inputs and the float attributes. Derivatives are expressions over the same names, `y` (the
result) and `dy`, an expression an input; `""` says that the derivative is zero wherever it exists. The sum over broadcast axes
is added by whoever builds the graph (`graph.differentiate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import rules
from webkiln.ops.reference import convert
from webkiln.ops.table import EXACT, Attribute, Case, Operator, Tolerance, Unavailable

Variants = tuple[tuple[str, ...], ...]

FLOAT: Variants = (("f32", "f32"),)
NUMBER: Variants = (("f32", "f32"), ("i32", "i32"))
FLOAT_TEST: Variants = (("f32", "bool"),)
FLOATS: Variants = (("f32", "f32", "f32"),)
NUMBERS: Variants = (("f32", "f32", "f32"), ("i32", "i32", "i32"))
COMPARE: Variants = (("f32", "f32", "bool"), ("i32", "i32", "bool"))
INTEGERS: Variants = (("i32", "i32", "i32"),)
LOGICAL: Variants = (("bool", "bool", "bool"),)
SELECT: Variants = (("bool", "f32", "f32", "f32"), ("bool", "i32", "i32", "i32"), ("bool", "bool", "bool", "bool"))

POLYNOMIAL = Tolerance(2e-6, 1e-7, "a polynomial in float32, a few units in the last place")
COMPOSED = Tolerance(4e-6, 2e-7, "a few rounded operations and a polynomial")
SMALL_STEPS = Tolerance(5e-7, 0.0, "two or three rounded operations")
REDUCED = Tolerance(2e-6, 2e-7, "range reduction and a polynomial in float32")
STEEP = Tolerance(4e-6, 1e-6, "near 1 the function is steep")
POLES = Tolerance(4e-6, 1e-6, "a quotient of two polynomials; near the poles the reduced angle's rounding is magnified")
CANCELLED = Tolerance(2e-6, 2e-7, "exp(x) − 1 loses its small part in float32")
SHIFTED = Tolerance(1e-6, 3e-7, "x / 6 + 0.5 is rounded; near −3 it is small")
ROUNDED_LOG = Tolerance(2e-6, 2e-7, "1 + exp(−|x|) is rounded")
REMAINDER = Tolerance(0.0, 0.0, "the same three rounded operations")
POWER = Tolerance(5e-6, 1e-30, "exp(b · log a) with an extended logarithm")
CONSTANT_PIECES = ("",)
DISCRETE = Unavailable("the result is not a real number")

_SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 88.0, -88.0, 1e-30, -1e-30, 3e38, -3e38, math.inf, -math.inf, math.nan]
_INTEGERS = [0, 1, -1, 2**31 - 1, -(2**31), 46341, -65536]
_SHAPES: list[tuple[tuple[int, ...], ...]] = [
    ((), ()),
    ((1,), (1,)),
    ((0,), (1,)),
    ((3, 0, 2), (1, 1, 2)),
    ((7,), (7,)),
    ((5, 3), (3,)),
    ((4, 5, 3), (4, 1, 3)),
    ((2, 3, 4, 5), (4, 1)),
    ((3, 1), (1, 6)),
    ((1, 9, 9, 16), (16,)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 5, 1)),
    ((2, 257), (1, 257)),
    ((1, 1030), (1,)),
    ((4099,), (4099,)),
]


def _sample(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, low: float, high: float, special: bool) -> np.ndarray:
    """Random values of a dtype; with `special`, about a quarter of them extreme ones."""
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype in ("u8", "i8"):
        return rng.integers(-128 if dtype == "i8" else 0, 128 if dtype == "i8" else 256, shape).astype(CANONICAL[dtype])
    integer = dtype == "i32"
    values = rng.integers(-50, 51, shape).astype(np.int32) if integer else rng.uniform(low, high, shape).astype(np.float32)
    flat = np.asarray(values).reshape(-1)
    if special and flat.size:
        chosen = rng.integers(0, flat.size, max(1, flat.size // 4))
        flat[chosen] = rng.choice(np.array(_INTEGERS if integer else _SPECIAL, flat.dtype), chosen.size)
    return flat.reshape(shape)


def _cases(
    count: int, variants: Variants, low: float, high: float, attributes: list[dict[str, Any]]
) -> Callable[[np.random.Generator], Iterator[Case]]:
    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for variant in variants:
            for number, shapes in enumerate(_SHAPES):
                chosen = [shapes[0], shapes[1], shapes[0][-1:]][:count]
                if number % 3 == 1:
                    chosen.reverse()
                for special in (False, True):
                    inputs = [
                        _sample(rng, shape, dtype, low, high, special) for shape, dtype in zip(chosen, variant, strict=False)
                    ]
                    yield Case(inputs, attributes[number % len(attributes)])
            if variant[0] in ("f32", "i32"):  # every pair of extreme values
                values = np.array(_SPECIAL, np.float32) if variant[0] == "f32" else np.array(_INTEGERS, np.int32)
                first, second = (grid.reshape(-1) for grid in np.meshgrid(values, values))
                yield Case([first, second][:count], attributes[0])

    return cases


def _dtype_rule(name: str, variants: Variants) -> Callable[[list[str], dict[str, Any]], list[str]]:
    def rule(dtypes: list[str], attributes: dict[str, Any]) -> list[str]:
        for variant in variants:
            if list(variant[:-1]) == list(dtypes):
                return [variant[-1]]
        known = "; ".join(", ".join(variant[:-1]) for variant in variants)
        rules.fail(f"{name} has no variant for {', '.join(dtypes)}; it takes: {known}")

    return rule


def _same_attributes(permutation: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    return attributes, list(permutation)


def elementwise(
    name: str,
    expression: str,
    reference: Callable[..., Any],
    gradient: tuple[str, ...] | Unavailable,
    variants: Variants = FLOAT,
    *,
    inputs: tuple[str, ...] = (),
    tolerance: Tolerance = EXACT,
    domain: tuple[float, float] = (-10.0, 10.0),
    attributes: dict[str, Attribute] | None = None,
    attribute_cases: list[dict[str, Any]] | None = None,
    summary: str = "",
) -> Operator:
    """A row of the table. `domain`: where the random test inputs lie; `inputs`: `x`, or `a` and `b`, unless given."""
    inputs = inputs or (("x",) if len(variants[0]) == 2 else ("a", "b"))
    attributes = attributes or {}

    def run(arrays: list[np.ndarray], values: dict[str, Any]) -> np.ndarray:
        dtype = CANONICAL[rule([_name(array) for array in arrays], values)[0]]
        floats = [np.float32(values[key]) for key, attribute in attributes.items() if attribute.type == "float"]
        with np.errstate(all="ignore"):
            return np.asarray(reference(*arrays, *floats)).astype(dtype, copy=False)

    rule = _dtype_rule(name, variants)
    return Operator(
        name=name,
        summary=summary or f"`{expression}`",
        inputs=inputs,
        shape=rules.broadcast,
        dtype=rule,
        layout=_same_attributes,
        reference=run,
        gradient=gradient,
        cases=_cases(len(inputs), variants, *domain, attribute_cases or [{}]),
        tolerance=tolerance,
        attributes=attributes,
        expression=expression,
        variants=variants,
    )


def _name(array: np.ndarray) -> str:
    return next(name for name, dtype in CANONICAL.items() if dtype == array.dtype)


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function in float64: the reference is the correctly rounded value, as nearly as NumPy gives it."""
    return lambda *arrays: function(*(np.asarray(array, np.float64) for array in arrays))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _erf(x: np.ndarray) -> np.ndarray:
    """erf to about 1e-16, elementwise by the C library."""
    return np.array([math.erf(value) for value in x.reshape(-1)], np.float64).reshape(x.shape)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype != np.int32:
        return np.asarray(a / b)
    wide, divisor = a.astype(np.int64), np.where(b == 0, 1, b).astype(np.int64)
    quotient = np.sign(wide) * np.sign(divisor) * (np.abs(wide) // np.abs(divisor))
    return np.where(b == 0, 0, quotient).astype(np.int32)  # the least integer by −1 wraps


def _modulo(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype != np.int32:
        return np.asarray(a - np.floor(a / b) * b)
    return np.where(b == 0, 0, np.mod(a.astype(np.int64), np.where(b == 0, 1, b))).astype(np.int32)


def _shift_left(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    wide = a.astype(np.int64) << np.clip(b, 0, 31)
    return np.where((b < 0) | (b > 31), 0, wide).astype(np.int64).astype(np.int32)


def _shift_right(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a >> np.where((b < 0) | (b > 31), 31, b))


def _bits(x: np.ndarray) -> np.ndarray:
    return x.view(np.int32 if x.dtype == np.float32 else np.float32)


def _clip(x: np.ndarray, minimum: Any, maximum: Any) -> np.ndarray:
    return np.asarray(np.minimum(np.maximum(x, minimum), maximum))


def _elu(x: np.ndarray, alpha: Any) -> np.ndarray:
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


def _leaky(x: np.ndarray, slope: Any) -> np.ndarray:
    return np.where(x < 0, slope * x, x)


def _hard_swish(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * _clip(x / 6 + 0.5, 0, 1))


def _cast(arrays: list[np.ndarray], attributes: dict[str, Any]) -> np.ndarray:
    return convert(arrays[0], CANONICAL[attributes["to"]])


def _cast_cases(rng: np.random.Generator) -> Iterator[Case]:
    for source in CANONICAL:
        for to in CANONICAL:
            for shape in ((), (0, 3), (5,), (3, 7), (1025,)):
                yield Case([_sample(rng, shape, source, -300, 300, True)], {"to": to})


def _cast_dtype(dtypes: Any, attributes: Any) -> Any:
    return [attributes["to"]]


_BOUNDS = {"minimum": Attribute("float", -math.inf), "maximum": Attribute("float", math.inf)}
_BOUND_CASES: list[dict[str, Any]] = [{"minimum": 0.0, "maximum": 6.0}, {"maximum": 1.5}, {"minimum": -2.0}]
_ALPHA = {"alpha": Attribute("float", 1.0)}
_ALPHA_CASES: list[dict[str, Any]] = [{}, {"alpha": 0.25}]
_POW = ("dy * where(b == 0, 0.0, b * pow(a, b - 1))", "dy * y * log(where(a > 0, a, 1.0))")
_CLIP = "dy * where(x > minimum, where(x < maximum, 1.0, 0.0), 0.0)"
_HARD_SWISH = "dy * where(x > 3, 1.0, where(x > -3, x / 3 + 0.5, 0.0))"
_GREATER = ("dy * where(a >= b, 1.0, 0.0)", "dy * where(a >= b, 0.0, 1.0)")
_LESS = ("dy * where(a <= b, 1.0, 0.0)", "dy * where(a <= b, 0.0, 1.0)")
_WHERE = ("", "where(condition, dy, 0.0)", "where(condition, 0.0, dy)")
_PRELU = ("dy * where(x < 0, slope, 1.0)", "dy * where(x < 0, x, 0.0)")
_DIV = "`a / b`; integers truncate, and a division by 0 gives 0"
_SHIFTED_OUT = "by less than 0 or more than 31, every bit is shifted out"
_MOD = "the remainder with the sign of the divisor; integers modulo 0 give 0"

# fmt: off
OPERATORS: tuple[Operator, ...] = (
    elementwise("abs", "abs(x)", np.abs, ("dy * sign(x)",), NUMBER),
    elementwise("neg", "-x", np.negative, ("-dy",), NUMBER),
    elementwise("sign", "where(x > 0, 1, where(x < 0, -1, x))", np.sign, CONSTANT_PIECES, NUMBER),
    elementwise("exp", "exp(x)", _wide(np.exp), ("dy * y",), tolerance=POLYNOMIAL, domain=(-90, 90)),
    elementwise("log", "log(x)", _wide(np.log), ("dy / x",), tolerance=POLYNOMIAL, domain=(-0.1, 50)),
    elementwise("sqrt", "sqrt(x)", np.sqrt, ("dy * 0.5 / y",), domain=(-0.1, 50)),
    elementwise("rsqrt", "1 / sqrt(x)", _wide(lambda x: 1 / np.sqrt(x)), ("dy * -0.5 * y / x",), tolerance=SMALL_STEPS, domain=(-0.1, 50)),
    elementwise("reciprocal", "1 / x", lambda x: 1 / x, ("-dy * y * y",)),
    elementwise("floor", "floor(x)", np.floor, CONSTANT_PIECES),
    elementwise("ceil", "ceil(x)", np.ceil, CONSTANT_PIECES),
    elementwise("round", "round(x)", np.rint, CONSTANT_PIECES, summary="to the nearest integer, halves to even"),
    elementwise("trunc", "trunc(x)", np.trunc, CONSTANT_PIECES),
    elementwise("sin", "sin(x)", _wide(np.sin), ("dy * cos(x)",), tolerance=REDUCED, domain=(-100, 100)),
    elementwise("cos", "cos(x)", _wide(np.cos), ("-dy * sin(x)",), tolerance=REDUCED, domain=(-100, 100)),
    elementwise("tan", "tan(x)", _wide(np.tan), ("dy * (1 + y * y)",), tolerance=POLES, domain=(-1.4, 1.4)),
    elementwise("asin", "asin(x)", _wide(np.arcsin), ("dy / sqrt(1 - x * x)",), tolerance=COMPOSED, domain=(-1.1, 1.1)),
    elementwise("acos", "acos(x)", _wide(np.arccos), ("-dy / sqrt(1 - x * x)",), tolerance=COMPOSED, domain=(-1.1, 1.1)),
    elementwise("atan", "atan(x)", _wide(np.arctan), ("dy / (1 + x * x)",), tolerance=COMPOSED),
    elementwise("sinh", "sinh(x)", _wide(np.sinh), ("dy * cosh(x)",), tolerance=COMPOSED),
    elementwise("cosh", "cosh(x)", _wide(np.cosh), ("dy * sinh(x)",), tolerance=COMPOSED),
    elementwise("tanh", "tanh(x)", _wide(np.tanh), ("dy * (1 - y * y)",), tolerance=POLYNOMIAL),
    elementwise("asinh", "asinh(x)", _wide(np.arcsinh), ("dy / sqrt(x * x + 1)",), tolerance=COMPOSED, domain=(-1000, 1000)),
    elementwise("acosh", "acosh(x)", _wide(np.arccosh), ("dy / sqrt(x * x - 1)",), tolerance=STEEP, domain=(0.9, 1000)),
    elementwise("atanh", "atanh(x)", _wide(np.arctanh), ("dy / (1 - x * x)",), tolerance=COMPOSED, domain=(-1.1, 1.1)),
    elementwise("erf", "erf(x)", _wide(_erf), ("dy * 1.1283791670955126 * exp(-x * x)",), tolerance=POLYNOMIAL, domain=(-5, 5)),
    elementwise("sigmoid", "1 / (1 + exp(-x))", _wide(_sigmoid), ("dy * y * (1 - y)",), tolerance=POLYNOMIAL, domain=(-30, 30)),
    elementwise("relu", "max(x, 0)", lambda x: np.maximum(x, 0), ("dy * where(x > 0, 1.0, 0.0)",)),
    elementwise("clip", "min(max(x, minimum), maximum)", _clip, (_CLIP,), attributes=_BOUNDS, attribute_cases=_BOUND_CASES),
    elementwise("elu", "where(x < 0, alpha * (exp(x) - 1), x)", _wide(_elu), ("dy * where(x < 0, y + alpha, 1.0)",), tolerance=CANCELLED, attributes=_ALPHA, attribute_cases=_ALPHA_CASES),
    elementwise("leaky_relu", "where(x < 0, alpha * x, x)", _leaky, ("dy * where(x < 0, alpha, 1.0)",), attributes=_ALPHA, attribute_cases=_ALPHA_CASES),
    elementwise("hard_swish", "x * min(max(x / 6 + 0.5, 0), 1)", _wide(_hard_swish), (_HARD_SWISH,), tolerance=SHIFTED),
    elementwise("softplus", "max(x, 0) + log(1 + exp(-abs(x)))", _wide(lambda x: np.logaddexp(0, x)), ("dy / (1 + exp(-x))",), tolerance=ROUNDED_LOG),
    elementwise("is_nan", "isnan(x)", np.isnan, DISCRETE, FLOAT_TEST),
    elementwise("is_inf", "isinf(x)", np.isinf, DISCRETE, FLOAT_TEST),
    elementwise("bitwise_not", "~x", np.bitwise_not, DISCRETE, (("i32", "i32"),)),
    elementwise("bitcast", "bits(x)", _bits, DISCRETE, (("f32", "i32"), ("i32", "f32")), summary="the same 32 bits as the other dtype"),
    elementwise("logical_not", "not x", np.logical_not, DISCRETE, (("bool", "bool"),)),
    elementwise("add", "a + b", np.add, ("dy", "dy"), NUMBERS),
    elementwise("sub", "a - b", np.subtract, ("dy", "-dy"), NUMBERS),
    elementwise("mul", "a * b", np.multiply, ("dy * b", "dy * a"), NUMBERS),
    elementwise("div", "a / b", _divide, ("dy / b", "-dy * y / b"), NUMBERS, summary=_DIV),
    elementwise("mod", "a % b", _modulo, ("dy", "-dy * floor(a / b)"), NUMBERS, tolerance=REMAINDER, summary=_MOD),
    elementwise("pow", "pow(a, b)", _wide(np.power), _POW, FLOATS, tolerance=POWER, domain=(-4, 4)),
    elementwise("max", "max(a, b)", np.maximum, _GREATER, NUMBERS),
    elementwise("min", "min(a, b)", np.minimum, _LESS, NUMBERS),
    elementwise("prelu", "where(x < 0, slope * x, x)", _leaky, _PRELU, FLOATS, inputs=("x", "slope")),
    elementwise("equal", "a == b", np.equal, DISCRETE, COMPARE),
    elementwise("not_equal", "a != b", np.not_equal, DISCRETE, COMPARE),
    elementwise("less", "a < b", np.less, DISCRETE, COMPARE),
    elementwise("less_equal", "a <= b", np.less_equal, DISCRETE, COMPARE),
    elementwise("greater", "a > b", np.greater, DISCRETE, COMPARE),
    elementwise("greater_equal", "a >= b", np.greater_equal, DISCRETE, COMPARE),
    elementwise("logical_and", "a and b", np.logical_and, DISCRETE, LOGICAL),
    elementwise("logical_or", "a or b", np.logical_or, DISCRETE, LOGICAL),
    elementwise("logical_xor", "a != b", np.logical_xor, DISCRETE, LOGICAL),
    elementwise("bitwise_and", "a & b", np.bitwise_and, DISCRETE, INTEGERS),
    elementwise("bitwise_or", "a | b", np.bitwise_or, DISCRETE, INTEGERS),
    elementwise("bitwise_xor", "a ^ b", np.bitwise_xor, DISCRETE, INTEGERS),
    elementwise("shift_left", "a << b", _shift_left, DISCRETE, INTEGERS, summary=f"`a << b`; {_SHIFTED_OUT}"),
    elementwise("shift_right", "a >> b", _shift_right, DISCRETE, INTEGERS, summary=f"`a >> b`, the sign kept; {_SHIFTED_OUT}"),
    elementwise("where", "where(condition, a, b)", np.where, _WHERE, SELECT, inputs=("condition", "a", "b")),
    Operator(
        name="cast",
        summary="conversion of dtype; float to integer truncates, saturates at 32 bits, NaN gives 0; narrowing wraps",
        inputs=("x",),
        shape=rules.broadcast,
        dtype=_cast_dtype,
        layout=_same_attributes,
        reference=_cast,
        gradient=("dy",),  # where the dtypes are both f32; anything else has no derivative
        cases=_cast_cases,
        tolerance=EXACT,
        attributes={"to": Attribute("string", None, tuple(CANONICAL))},
        expression="x",
        variants=tuple((a, b) for a in CANONICAL for b in CANONICAL),
    ),
)
# fmt: on
