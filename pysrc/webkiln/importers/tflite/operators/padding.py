"""Paddings."""

from __future__ import annotations

from webkiln.graph.dims import Dim, is_unsized
from webkiln.importers.element_symbols import HIGHEST
from webkiln.importers.lowerings.padding import mirrored, padding_value
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.schema import MIRROR_MODES


def _amounts(call: Call) -> tuple[list[Dim], list[Dim]]:
    """What is put before and after each axis."""
    amounts, rank = call.told(1, "the paddings"), call.rank(0)
    if any(is_unsized(amount) for amount in amounts):
        for amount in amounts:
            call.lowering.elements.limit(amount, 0, HIGHEST)
    if len(amounts) != 2 * rank:
        call.fail(f"{len(amounts)} paddings do not fit rank {rank}")
    return amounts[::2], amounts[1::2]


@lowers("PAD", "PADV2")
def pad(call: Call) -> str:
    low, high = _amounts(call)
    value = padding_value(call.array(2)) if call.has(2) else 0.0
    return call.node("pad", [call.value(0)], low=low, high=high, interior=[0] * len(low), value=value)


@lowers("MIRROR_PAD", options="MirrorPadOptions")
def mirror_pad(call: Call) -> str:
    symmetric = call.choice(MIRROR_MODES, call.options.mode, "mode") == "SYMMETRIC"
    return mirrored(call, call.value(0), *_amounts(call), symmetric=symmetric)
