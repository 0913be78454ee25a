"""Slices of several axes, where the run finds out which axes these are, and computes how many elements are left of each."""

from __future__ import annotations

import numpy as np

from webkiln.importers.element_symbols import HIGHEST
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.onnx.lowering import Call


def computed_slice(call: Call) -> str:
    """x, starts, ends, axes and steps: elements picked along each axis. A run refuses axes that do not exist or are named twice, and steps of 0."""
    x, shape = call.value(0), call.shape(0)
    rank, (count,) = len(shape), call.shape(1)
    if not isinstance(count, int):
        raise Refused(f"a slice along {count} axes, whose number is not fixed", FIX_SIZES)
    starts, ends = _integers(call, 1), _integers(call, 2)
    axes = _integers(call, 3) if call.has(3) else call.constant(call.positions(count))
    steps = _integers(call, 4) if call.has(4) else call.node("expand", [call.constant(np.array(1, np.int32))], shape=[count])
    zero, one = call.like(0, axes), call.like(1, axes)
    sizes = call.node("concat", [call.reshape(call.length(size), [1]) for size in shape], axis=0)

    fronted = _where(call, call.node("less", [axes, zero]), call.node("add", [axes, call.like(rank, axes)]), axes)
    named = call.node("equal", [call.reshape(fronted, [1, count]), call.constant(np.arange(rank, dtype=np.int32)[:, None])])
    times = call.node("reduce_sum", [call.cast(named, "i32")], axes=[1], keep_dims=False)
    is_named = call.node("greater", [times, zero])

    def along(values: str, otherwise: str) -> str:
        """[rank]: what is given for each axis."""
        chosen = _where(call, named, call.reshape(values, [1, count]), zero)
        return _where(call, is_named, call.node("reduce_sum", [chosen], axes=[1], keep_dims=False), otherwise)

    step = along(steps, one)
    longest = call.node("max", [sizes, one])  # longer steps go as far
    step = _clamped(call, step, call.node("neg", [longest]), longest)
    backwards = call.cast(call.node("less", [step, zero]), "i32")
    low, high = call.node("neg", [backwards]), call.node("sub", [sizes, backwards])
    start, end = (_clamped(call, _from_front(call, along(*ends_of), sizes), low, high) for ends_of in ((starts, zero), (ends, sizes)))
    distance = call.node("abs", [step])
    span = call.node("mul", [call.node("sub", [end, start]), call.node("sign", [step])])
    reach = call.node("sub", [call.node("add", [span, distance]), one])
    counts = call.node("max", [call.node("div", [reach, distance]), zero])
    # What is wrong makes sizes below 0, which a run refuses.
    outside = call.node("not_equal", [call.node("reduce_sum", [times], axes=[0], keep_dims=False), call.like(count, times)])
    is_wrong = call.node("logical_or", [call.node("logical_or", [call.node("greater", [times, one]), call.node("equal", [step, zero])]), outside])
    left = call.lowering.elements.told(call.builder.graph, _where(call, is_wrong, call.like(-1, counts), counts), 0, HIGHEST)
    for axis, size in enumerate(left):
        first, stride = (call.reshape(call.node("slice", [one_of], start=[axis], size=[1], step=[1]), []) for one_of in (start, step))
        places = call.node("add", [call.node("mul", [call.places(size), stride]), first])
        x = call.node("gather", [x, places], axis=axis)
    return x


def _integers(call: Call, i: int) -> str:
    """Input `i` (i32); constants that stand for an end, however far, are the furthest that 32 bits hold."""
    array = call.array(i)
    return call.wide(call.value(i)) if array is None else call.constant(np.clip(array, -HIGHEST, HIGHEST).astype(np.int32))


def _where(call: Call, condition: str, a: str, b: str) -> str:
    return call.node("where", [condition, a, b])


def _clamped(call: Call, value: str, low: str, high: str) -> str:
    return call.node("min", [call.node("max", [value, low]), high])


def _from_front(call: Call, at: str, sizes: str) -> str:
    return _where(call, call.node("less", [at, call.like(0, at)]), call.node("add", [at, sizes]), at)
