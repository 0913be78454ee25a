"""Paddings."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.schema import MIRROR_MODES


def _amounts(call: Call) -> tuple[list[Dim], list[Dim]]:
    """What is put before and after each axis."""
    amounts, rank = call.dims(1, "the paddings"), call.rank(0)
    if len(amounts) != 2 * rank:
        call.fail(f"{len(amounts)} paddings do not fit rank {rank}")
    return amounts[::2], amounts[1::2]


@lowers("PAD", "PADV2")
def pad(call: Call) -> str:
    low, high = _amounts(call)
    value = 0.0
    if call.has(2):
        array = call.array(2)
        if array is None or array.size != 1:
            raise Refused("padding with a value that is computed when the model runs")
        value = float(array.reshape(-1)[0])
    return call.node("pad", [call.value(0)], low=low, high=high, interior=[0] * len(low), value=value)


@lowers("MIRROR_PAD", options="MirrorPadOptions")
def mirror_pad(call: Call) -> str:
    """Axis by axis: the elements near each end, backwards, around the tensor."""
    # REFLECT leaves the element at the end itself out.
    skip = 1 if call.choice(MIRROR_MODES, call.options.mode, "mode") == "REFLECT" else 0
    value = call.value(0)
    for axis, (before, after) in enumerate(zip(*_amounts(call), strict=True)):
        shape = call.builder.shape(value)
        size = shape[axis]
        for amount in (before, after):
            if amount < 0 or amount > size - skip:
                call.fail(f"{amount} elements cannot be mirrored from axis {axis} of {shape}")
        parts = [
            _backwards(call, value, axis, before + skip - 1, before),
            value,
            _backwards(call, value, axis, size - 1 - skip, after),
        ]
        parts = [part for part in parts if part]
        value = call.node("concat", parts, axis=axis) if len(parts) > 1 else value
    return value


def _backwards(call: Call, value: str, axis: int, start: Dim, count: Dim) -> str:
    """`count` elements of an axis from `start` towards the front; "" for none."""
    if count == 0:
        return ""
    shape = call.builder.shape(value)
    rank = len(shape)
    return call.node(
        "slice",
        [value],
        start=[start if i == axis else 0 for i in range(rank)],
        size=[count if i == axis else shape[i] for i in range(rank)],
        step=[-1 if i == axis else 1 for i in range(rank)],
    )
