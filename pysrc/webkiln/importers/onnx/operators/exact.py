"""Quotients and products of float32 that decide between integers, where rounding would decide otherwise."""

from __future__ import annotations

from webkiln.importers.onnx.lowering import Call

BELOW_ONE = 1 - 2.0**-24


def product_of(call: Call, a: str, b: str) -> tuple[str, str]:
    """a · b, and what is lost by rounding it: T. J. Dekker, A floating-point technique for extending the available precision (1971)."""
    product = call.node("mul", [a, b])
    (high_a, low_a), (high_b, low_b) = _halves(call, a), _halves(call, b)
    error = call.node("sub", [call.node("mul", [high_a, high_b]), product])
    for left, right in ((high_a, low_b), (low_a, high_b), (low_a, low_b)):
        error = call.node("add", [error, call.node("mul", [left, right])])
    return product, error


def _halves(call: Call, x: str) -> tuple[str, str]:
    """x as a sum of two numbers of 12 bits each."""
    wide = call.node("mul", [x, call.like(4097.0, x)])
    high = call.node("sub", [wide, call.node("sub", [wide, x])])
    return high, call.node("sub", [x, high])


def remainder_of(call: Call, x: str, count: str, divisor: str) -> str:
    """x − count · divisor, where these are near each other."""
    product, error = product_of(call, count, divisor)
    return call.node("sub", [call.node("sub", [x, product]), error])


def floor_of_product(call: Call, a: str, b: str) -> str:
    """The integer (i32) at or below a · b."""
    product, error = product_of(call, a, b)
    floor = call.node("floor", [product])
    is_below = call.node("logical_and", [call.node("equal", [floor, product]), call.node("less", [error, call.like(0.0, error)])])
    return call.node("sub", [call.cast(floor, "i32"), call.cast(is_below, "i32")])


def ceiling_of_quotient(call: Call, x: str, divisor: str) -> str:
    """The integer (i32) at or above x / divisor."""
    nearest = call.node("round", [call.node("div", [x, divisor])])
    rest = remainder_of(call, x, nearest, divisor)
    is_above = call.node("greater", [call.node("mul", [rest, call.node("sign", [divisor])]), call.like(0.0, rest)])
    return call.node("add", [call.cast(nearest, "i32"), call.cast(is_above, "i32")])


def divided(call: Call, x: str, divisor: str) -> tuple[str, str]:
    """The integer (i32) at or below x / divisor, which is above 0, and what is left of the quotient, of at least 0 and less than 1."""
    count = call.node("floor", [call.node("div", [x, divisor])])
    rest = remainder_of(call, x, count, divisor)
    one = call.like(1.0, rest)
    under, over = call.node("less", [rest, call.like(0.0, rest)]), call.node("greater_equal", [rest, divisor])
    count = call.node("where", [under, call.node("sub", [count, one]), call.node("where", [over, call.node("add", [count, one]), count])])
    part = call.node("div", [remainder_of(call, x, count, divisor), divisor])
    return call.cast(count, "i32"), call.node("clip", [part], minimum=0.0, maximum=BELOW_ONE)
