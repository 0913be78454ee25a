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
    """The same bits as another type: of integers only, and where the type is held in as many bits."""
    source, target = call.dtype(0), name_of(call.integer("to", 0))
    if source == target:
        return call.same()
    if source not in RANGES or target not in RANGES or _bits(source) != _bits(target) or _bits(source) > 32:
        raise Refused(f"the bits of {source} as {target}")
    return Typed(call.narrow(call.wide(call.value(0)), target), target)


def _bits(dtype: str) -> int:
    low, high = RANGES[dtype]
    return (high - low).bit_length()
