"""Pools over one, two or three axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product as every

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import strides_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.windows import Windows, channels_first, channels_last, padded, windows
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product

TAPS_LIMIT = 1024


def _windows(call: Call) -> tuple[Windows, list[Dim]]:
    """The windows, and how much further than the padding the last of them reach (`ceil_mode`)."""
    rank = call.rank(0)
    if rank < 3:
        call.fail(f"its input has rank {rank}, expected at least 3")
    found = windows(call, call.integers("kernel_shape"))
    beyond: list[Dim] = []
    for i, size in enumerate(call.shape(0)[2:]):
        step, room = found.stride[i], size + found.low[i] + found.high[i] - found.span(i)
        if not call.integer("ceil_mode", 0) or call.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
            beyond.append(0)
            continue
        count = (room + step - 1) // step + 1
        # A window that would begin in the padding at the end is left out.
        outside = (count - 1) * step >= size + found.low[i]
        if outside:
            count = count - 1
        elif not (count - 1) * step < size + found.low[i]:
            raise Refused(f"`ceil_mode` over {size} elements, which are not fixed")
        beyond.append(apply("max", (count - 1) * step - room, 0))
    return found, beyond


def pool(call: Call, x: str, op: str, found: Windows, high: list[Dim], count_padding: bool = False) -> str:
    """x [N, …, C]: two axes at once, three as two and one; dilated windows as strided slices."""
    count = len(found.window)
    if any(step > 1 and size > 1 for step, size in zip(found.dilation, found.window, strict=True)):
        return _dilated(call, x, op, found, high, count_padding)
    if count == 2:
        window = found.window
        low, high = list(found.low), list(high)
        if any(amount >= size or amount < 0 for amount, size in zip([*low, *high], [*window, *window], strict=True)):
            if op == "average_pool2d" and not count_padding:
                raise Refused(f"padding of {low} and {high} around windows of {window}")
            x = padded(call, x, low, high, -math.inf if op == "max_pool2d" else 0.0)
            low, high = [0, 0], [0, 0]
        attributes = {"count_padding": count_padding} if op == "average_pool2d" else {}
        return call.node(op, [x], window=window, stride=found.stride, padding=[*low, *high], **attributes)
    # The mean (over what is there), like the maximum, of a box is that of its layers' ones, since each has as many elements.
    shape = call.builder.shape(x)
    if count == 1:
        flat = call.reshape(x, [shape[0], 1, shape[1], shape[2]])
        plane = Windows([1, *found.window], [1, *found.stride], [1, 1], [0, *found.low], [0, *found.high])
        value = pool(call, flat, op, plane, [0, *high], count_padding)
        made = call.builder.shape(value)
        return call.reshape(value, [made[0], made[2], made[3]])
    if count != 3:
        raise Refused(f"a pool over {count} axes")
    plane = Windows(found.window[1:], found.stride[1:], found.dilation[1:], found.low[1:], found.high[1:])
    value = pool(call, call.reshape(x, [shape[0] * shape[1], *shape[2:]]), op, plane, high[1:], count_padding)
    made = call.builder.shape(value)
    column = Windows([found.window[0], 1], [found.stride[0], 1], [1, 1], [found.low[0], 0], [found.high[0], 0])
    value = pool(call, call.reshape(value, [shape[0], shape[1], made[1] * made[2], made[3]]), op, column, [high[0], 0], count_padding)
    depth = call.builder.shape(value)[1]
    return call.reshape(value, [shape[0], depth, *made[1:]])


def _dilated(call: Call, x: str, op: str, found: Windows, high: list[Dim], count_padding: bool) -> str:
    """One strided slice for each place in the window; their maximum, or their mean."""
    if math.prod(found.window) > TAPS_LIMIT:
        raise Refused(f"dilated windows of {found.window}")
    whole = padded(call, x, found.low, high, -math.inf if op == "max_pool2d" else 0.0)
    result = _over_taps(call, whole, found, "max" if op == "max_pool2d" else "add")
    if op == "max_pool2d":
        return result
    if count_padding:
        return call.node("div", [result, call.like(math.prod(found.window), result)])
    shape = call.builder.shape(x)
    ones = call.node("expand", [call.like(1.0, x)], shape=[1, *shape[1:-1], 1])
    return call.node("div", [result, _over_taps(call, padded(call, ones, found.low, high, 0.0), found, "add")])


def _over_taps(call: Call, whole: str, found: Windows, op: str) -> str:
    result, *rest = _taps(call, whole, found)
    for one in rest:
        result = call.node(op, [result, one])
    return result


def _taps(call: Call, whole: str, found: Windows) -> list[str]:
    """One strided slice of the padded [N, …, C] for each place in the window."""
    shape = call.builder.shape(whole)
    size = [(shape[1 + i] - found.span(i)) // found.stride[i] + 1 for i in range(len(found.window))]
    slices = []
    for taps in every(*(range(length) for length in found.window)):
        start = [0, *(tap * step for tap, step in zip(taps, found.dilation, strict=True)), 0]
        slices.append(call.node("slice", [whole], start=start, size=[shape[0], *size, shape[-1]], step=[1, *found.stride, 1]))
    return slices


def _beyond(found: Windows, beyond: list[Dim]) -> list[Dim]:
    return [amount + more for amount, more in zip(found.high, beyond, strict=True)]


@lowers("MaxPool")
def max_pool(call: Call) -> list[str | Typed]:
    found, beyond = _windows(call)
    x = call.value(0)
    narrow = call.builder.dtype(x) != "f32"  # integers of 8 bits are exact as floats
    last = channels_last(call, call.cast(x, "f32"))
    value = channels_first(call, pool(call, last, "max_pool2d", found, _beyond(found, beyond)))
    results: list[str | Typed] = [call.narrow(call.cast(value, "i32"), call.dtype(0)) if narrow else value]
    if call.wants(1):
        results.append(Typed(_greatest(call, call.cast(x, "f32"), found, _beyond(found, beyond)), "int64"))
    return results


def _greatest(call: Call, x: str, found: Windows, high: list[Dim]) -> str:
    """Where in the flattened x [N, C, …] the greatest element of each window lies: the first of several.

    `storage_order` 1 counts along the first axis of a picture first.
    """
    if math.prod(found.window) > TAPS_LIMIT:
        raise Refused(f"indices of the greatest elements in windows of {found.window}")
    shape = call.builder.shape(x)
    size, axes = shape[2:], len(found.window)
    whole = padded(call, channels_last(call, x), found.low, high, -math.inf)
    taken = [call.reshape(one, [*call.builder.shape(one), 1]) for one in _taps(call, whole, found)]
    at = call.node("arg_max", [call.node("concat", taken, axis=axes + 2)], axis=axes + 2)  # [N, …, C], which element of the window
    counts = call.builder.shape(at)[1:-1]
    strides = strides_of(size) if not call.integer("storage_order", 0) else strides_of(size[::-1])[::-1]
    total = _stepped(call, shape[0], product(shape[1:]), 0, axes + 2)
    total = call.node("add", [total, _stepped(call, shape[1], product(size), axes + 1, axes + 2)])
    for i, places in enumerate(np.indices(found.window).reshape(axes, -1)):
        inside = call.node("gather", [call.constant((places * found.dilation[i]).astype(np.int32)), at], axis=0)
        start = call.node("sub", [_stepped(call, counts[i], found.stride[i], 1 + i, axes + 2), call.signed(found.low[i])])
        total = call.node("add", [total, call.node("mul", [call.node("add", [inside, start]), call.length(strides[i])])])
    return channels_first(call, total)


def _stepped(call: Call, count: Dim, step: Dim, axis: int, rank: int) -> str:
    """0, step, 2 · step, … along one axis."""
    places = call.node("mul", [call.places(count), call.length(step)])
    return call.reshape(places, [count if i == axis else 1 for i in range(rank)])


@lowers("AveragePool")
def average_pool(call: Call) -> str:
    return averaged(call, call.value(0))


def averaged(call: Call, x: str) -> str:
    """The means of windows of x [N, C, …], which has the shape of input 0."""
    found, beyond = _windows(call)
    x = channels_last(call, x)
    if call.integer("count_include_pad", 0):
        # What the padding covers counts; what a window reaches beyond it does not.
        if any(amount != 0 for amount in beyond):
            x = padded(call, x, found.low, found.high, 0.0)
            found.low, found.high = [0] * len(beyond), [0] * len(beyond)
            return channels_first(call, pool(call, x, "average_pool2d", found, beyond))
        return channels_first(call, pool(call, x, "average_pool2d", found, found.high, count_padding=True))
    return channels_first(call, pool(call, x, "average_pool2d", found, _beyond(found, beyond)))


@lowers("LpPool")
def lp_pool(call: Call) -> str:
    """The root of the sum of the powers of a window."""
    found, beyond = _windows(call)
    p = call.integer("p", 2)
    powers = _powers(call, channels_last(call, call.value(0)), p)
    mean = pool(call, powers, "average_pool2d", found, _beyond(found, beyond), count_padding=True)
    total = call.node("mul", [mean, call.like(math.prod(found.window), mean)])
    return channels_first(call, _rooted(call, total, p))


def _powers(call: Call, x: str, p: int) -> str:
    if p == 2:
        return call.node("mul", [x, x])
    size = call.node("abs", [x])
    return size if p == 1 else call.node("pow", [size, call.like(p, size)])


def _rooted(call: Call, total: str, p: int) -> str:
    return total if p == 1 else call.node("sqrt", [total]) if p == 2 else call.node("pow", [total, call.like(1 / p, total)])


def _global(op: str) -> Callable[[Call], str]:
    return lambda call: call.node(op, [call.value(0)], axes=list(range(2, call.rank(0))), keep_dims=True)


lowers("GlobalAveragePool")(_global("reduce_mean"))
lowers("GlobalMaxPool")(_global("reduce_max"))


@lowers("GlobalLpPool")
def global_lp_pool(call: Call) -> str:
    p = call.integer("p", 2)
    total = call.node("reduce_sum", [_powers(call, call.value(0), p)], axes=list(range(2, call.rank(0))), keep_dims=True)
    return _rooted(call, total, p)
