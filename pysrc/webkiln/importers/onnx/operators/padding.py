"""Paddings: with a number, with what is near the end (edge, reflect), or with the other end (wrap)."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import MAXIMUM_ELEMENTS, Dim, apply
from webkiln.importers.axes import chosen, spread
from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.movement import any_axes_of
from webkiln.importers.onnx.registry import lowers

RUNS_LIMIT = 16  # slices that an extended axis may be put together from; more are gathered


@lowers("Pad")
@lowers("Pad", domain="com.microsoft")
def pad(call: Call) -> str:
    rank = call.rank(0)
    low, high = _amounts(call, rank)
    mode = call.choice("mode", "constant", "edge", "reflect", "wrap")
    value = _cut(call, call.value(0), low, high)
    low, high = ([_positive(amount) for amount in amounts] for amounts in (low, high))
    if mode == "constant":
        return _constant(call, value, low, high)
    for axis in range(rank):
        before, after = low[axis], high[axis]
        if before != 0 or after != 0:
            value = _filled(call, value, axis, before, after, mode)
    return value


def _amounts(call: Call, rank: int) -> tuple[list[Dim], list[Dim]]:
    """What is put before and after each axis."""
    if _by_inputs(call):
        pads = call.dims(1, "the pads")
        axes = any_axes_of(call, 3, rank)
    else:
        pads, axes = list(call.integers("pads" if call.version >= 2 else "paddings")), None
    axes = [*range(rank)] if axes is None else axes
    if len(pads) != 2 * len(axes):
        call.fail(f"{len(pads)} pads do not fit {len(axes)} axes")
    none: list[Dim] = [0] * rank
    # An axis named twice takes everything away and more, which a run refuses.
    twice = [apply("max", 0, chosen(axes, i) - 1) * MAXIMUM_ELEMENTS for i in range(rank)]
    low, high = (spread(axes, part_, none) for part_ in (pads[: len(axes)], pads[len(axes) :]))
    return [amount - much for amount, much in zip(low, twice, strict=True)], high


def _by_inputs(call: Call) -> bool:
    """Whether amounts and number are inputs; before version 11 they were attributes."""
    return call.version >= 11 or call.operation.domain != ""


def _positive(amount: Dim) -> Dim:
    return apply("max", amount, 0)


def _cut(call: Call, value: str, low: list[Dim], high: list[Dim]) -> str:
    """Negative padding takes elements away."""
    for axis, (before, after) in enumerate(zip(low, high, strict=True)):
        if not (before >= 0 and after >= 0):
            first, last = (apply("max", amount * -1, 0) for amount in (before, after))
            value = part(call, value, axis, first, call.builder.shape(value)[axis] - first - last)
    return value


def _constant(call: Call, value: str, low: list[Dim], high: list[Dim]) -> str:
    none = [0] * len(low)
    if not _by_inputs(call) or not call.has(2):
        number = 0.0 if _by_inputs(call) else call.number("value", 0.0)
        return call.node("pad", [value], low=low, high=high, interior=none, value=number)
    array = call.array(2)
    if (array is not None and array.size == 1 and abs(float(array.reshape(-1)[0])) < 2**24) or (call.builder.dtype(value) == "f32" and array is not None):
        return call.node("pad", [value], low=low, high=high, interior=none, value=float(array.reshape(-1)[0]))
    # A number that is computed, or an integer that float32 does not hold: chosen where a padded mask says so.
    inside = call.node("expand", [call.constant(np.array(1, np.float32))], shape=call.builder.shape(value))
    mask = call.node("equal", [call.node("pad", [inside], low=low, high=high, interior=none, value=0.0), call.like(1.0, inside)])
    wide = call.wide(call.node("pad", [value], low=low, high=high, interior=none, value=0.0))
    filled = call.node("where", [mask, wide, call.wide(call.reshape(call.value(2), []))])
    return call.cast(filled, "bool") if call.dtype(0) == "bool" else call.narrow(filled, call.dtype(0))


def _filled(call: Call, value: str, axis: int, before: Dim, after: Dim, mode: str) -> str:
    """One axis extended by its own elements; reflections and wraps that are longer than it are repeated."""
    size = call.builder.shape(value)[axis]
    if mode == "edge":
        parts = [_repeated(call, value, axis, 0, before), value, _repeated(call, value, axis, size - 1, after)]
        return _joined(call, parts, axis)
    if not isinstance(size, int) or not isinstance(before, int) or not isinstance(after, int):
        # Longer than the axis they may not be, which a run refuses.
        if mode == "reflect":
            return _joined(call, [_some(call, value, axis, before, before, -1), value, _some(call, value, axis, size - 2, after, -1)], axis)
        return _joined(call, [_some(call, value, axis, size - before, before, 1), value, _some(call, value, axis, 0, after, 1)], axis)
    if size == 0:
        call.fail(f"axis {axis} is empty and cannot be extended by {mode}")
    if before + size + after > POSITIONS_LIMIT:
        raise Refused(f"{mode} padding to {before + size + after} elements")
    places = [_place(i - before, size, mode) for i in range(before + size + after)]
    runs = _runs(places)
    if len(runs) > RUNS_LIMIT:
        return call.node("gather", [value, call.constant(np.array(places, np.int32))], axis=axis)
    return _joined(call, [part(call, value, axis, *run) for run in runs], axis)


def _place(i: int, size: int, mode: str) -> int:
    """Which element stands at position i of an endless repetition."""
    if mode == "wrap":
        return i % size
    period = max(2 * (size - 1), 1)
    return min(i % period, period - i % period) if size > 1 else 0


def _runs(places: list[int]) -> list[tuple[int, int, int]]:
    """Positions as (start, count, step) of runs that go up or down by one."""
    runs: list[tuple[int, int, int]] = []
    for place in places:
        if runs:
            start, count, step = runs[-1]
            if count == 1 and abs(place - start) == 1:
                runs[-1] = (start, 2, place - start)
                continue
            if count > 1 and place == start + count * step:
                runs[-1] = (start, count + 1, step)
                continue
        runs.append((place, 1, 1))
    return runs


def _some(call: Call, value: str, axis: int, start: Dim, count: Dim, step: int) -> str:
    return part(call, value, axis, start, count, step) if count != 0 else ""


def _repeated(call: Call, value: str, axis: int, at: Dim, count: Dim) -> str:
    """One element of an axis `count` times; "" for none."""
    if count == 0:
        return ""
    shape = call.builder.shape(value)
    one = part(call, value, axis, at, 1)
    return call.node("expand", [one], shape=[count if i == axis else size for i, size in enumerate(shape)])


def _joined(call: Call, parts: list[str], axis: int) -> str:
    kept = [one for one in parts if one]
    return call.node("concat", kept, axis=axis) if len(kept) > 1 else kept[0]
