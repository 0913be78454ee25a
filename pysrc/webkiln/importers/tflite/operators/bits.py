"""Bits of integers. Unsigned integers of 32 bits are held as signed ones, whose bits are the same."""

from __future__ import annotations

from webkiln.importers.elements import RANGES
from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


def _bits(call: Call, dtype: str) -> int:
    low, high = RANGES.get(dtype, (0, 0))
    bits = (high - low).bit_length()
    if bits not in (8, 16, 32):
        raise Refused(f"the bits of {dtype}")
    return bits


@lowers("BITWISE_XOR")
def bitwise_xor(call: Call) -> str:
    if call.dtype(0) == "bool":
        return call.node("logical_xor", [call.value(0), call.value(1)])
    return call.back(call.node("bitwise_xor", [call.wide(call.value(0)), call.wide(call.value(1))]))


@lowers("RIGHT_SHIFT")
def right_shift(call: Call) -> str:
    """By 0 to one bit less than there are: a count outside is clamped. Unsigned integers get zeros in front."""
    dtype = call.tensor(0).dtype
    bits = _bits(call, dtype)
    x, count = call.wide(call.value(0)), call.wide(call.value(1))
    if dtype == "uint32":  # a count beyond 2^31 is held as a negative one
        count = call.node("where", [call.node("less", [count, call.like(0, count)]), call.like(bits, count), count])
    count = call.node("min", [call.node("max", [count, call.like(0, count)]), call.like(bits - 1, count)])
    value = call.node("shift_right", [x, count])
    if dtype == "uint32":
        signs = call.node("shift_left", [call.like(-1, x), call.node("sub", [call.like(bits, count), count])])
        value = call.node("bitwise_and", [value, call.node("bitwise_not", [signs])])
    return call.back(value)


@lowers("BITCAST")
def bitcast(call: Call) -> str:
    """The same bits as another type: a wider one takes as many elements of the last axis as it holds, a narrower one adds an axis of its parts,
    the lowest bits first."""
    source, target = call.tensor(0).dtype, call.output().dtype
    if source == target:
        return call.value(0)
    x, shape = call.wide(call.value(0)), call.shape(0)
    own, wanted = _bits(call, source), _bits(call, target)
    if own == wanted:
        return call.narrow(x, target)
    if own > wanted:
        parts = [call.reshape(call.node("shift_right", [x, call.like(at, x)]), [*shape, 1]) for at in range(0, own, wanted)]
        return call.narrow(call.node("concat", parts, axis=len(shape)), target)
    count = wanted // own
    if not shape or shape[-1] != count:
        call.fail(f"{shape} has no last axis of {count} parts")
    masked = call.node("bitwise_and", [x, call.like(2**own - 1, x)])
    places = call.constant(call.positions(count) * own)
    return call.narrow(call.node("reduce_sum", [call.node("shift_left", [masked, places])], axes=[len(shape) - 1], keep_dims=False), target)
