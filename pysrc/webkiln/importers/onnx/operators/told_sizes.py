"""Sizes that a run computes."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.onnx.lowering import Call


def told_sizes(call: Call, value: str, low: int, high: int) -> list[Dim]:
    """The elements of a small value of the graph (i32) as sizes, which a run tells, and refuses outside of a range."""
    elements = call.lowering.elements
    elements.add(value, value, call.builder.shape(value), low, high)
    if value not in elements.arrays:
        raise Refused("sizes whose number is not fixed", FIX_SIZES)
    return list(elements.arrays[value].reshape(-1))
