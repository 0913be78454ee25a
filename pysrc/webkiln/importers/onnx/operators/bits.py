"""Bitwise operators. Unsigned integers of 32 and 64 bits are held as signed ones of 32, whose bits are the same up to there."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.dtypes import RANGES, name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers


def _bitwise(op: str) -> Callable[[Call], str]:
    return lambda call: call.compute(op, call.value(0), call.value(1))


lowers("BitwiseAnd")(_bitwise("bitwise_and"))
lowers("BitwiseOr")(_bitwise("bitwise_or"))
lowers("BitwiseXor")(_bitwise("bitwise_xor"))


@lowers("BitwiseNot")
def bitwise_not(call: Call) -> str:
    return call.compute("bitwise_not", call.value(0))


@lowers("BitShift")
def bit_shift(call: Call) -> str:
    """A shift by as many bits as the type has, or more, leaves 0, or the sign."""
    left = call.choice("direction", "RIGHT", "LEFT") == "LEFT"
    x, count = call.wide(call.value(0)), call.wide(call.value(1))
    return call.narrow(call.node("shift_left" if left else "shift_right", [x, count]), call.dtype(0))


@lowers("BitCast")
def bit_cast(call: Call) -> Typed:
    """The same bits as another type of as many, up to 32; numbers of 64 bits, which are held in 32, have lost theirs."""
    source, target = call.dtype(0), name_of(call.integer("to", 0))
    if source == target:
        return call.same()
    if _BITS.get(source) != _BITS.get(target, 0):
        raise Refused(f"the bits of {source} as {target}")
    value = call.wide(call.value(0))
    if "float32" in (source, target):
        return Typed(call.node("bitcast", [value]), target)
    return Typed(call.node("not_equal", [value, call.like(0, value)]) if target == "bool" else call.narrow(value, target), target)


_BITS = {dtype: (high - low).bit_length() for dtype, (low, high) in RANGES.items() if high < 2**32} | {"float32": 32, "bool": 8}
