"""Paddings."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.padding import mirrored, padding_value
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.registry import lowers


def _amounts(call: Call) -> tuple[list[Dim], list[Dim]]:
    """What is put before and after each axis."""
    amounts, rank = call.dims(1, "the paddings"), call.rank(0)
    if len(amounts) != 2 * rank:
        call.fail(f"{len(amounts)} paddings do not fit rank {rank}")
    return amounts[::2], amounts[1::2]


@lowers("Pad", "PadV2")
def pad(call: Call) -> str:
    low, high = _amounts(call)
    value = 0.0
    if call.has(2):
        array = call.array(2)
        value = padding_value(array)
        if array is not None and int(value) != array.reshape(-1)[0] and call.builder.dtype(call.value(0)) != "f32":
            raise Refused(f"padding with {array.reshape(-1)[0]}")
    return call.node("pad", [call.value(0)], low=low, high=high, interior=[0] * len(low), value=value)


@lowers("MirrorPad")
def mirror_pad(call: Call) -> str:
    symmetric = call.choice("mode", "REFLECT", "SYMMETRIC") == "SYMMETRIC"
    return mirrored(call, call.value(0), *_amounts(call), symmetric=symmetric)
