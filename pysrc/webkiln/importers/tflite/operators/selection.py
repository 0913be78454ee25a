"""Results whose size depends on the data."""

from __future__ import annotations

from webkiln.importers.lowerings.selection import in_order_of_appearance, nonzero
from webkiln.importers.lowerings.selection import unique as different
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


@lowers("WHERE")
def where(call: Call) -> str:
    """Where the elements are not 0: [N, rank], in order."""
    return nonzero(call, call.lowering.elements, call.value(0), 1)


@lowers("UNIQUE")
def unique(call: Call) -> list[str]:
    """The different elements of a vector, in the order in which they first appear, and which of them each one is."""
    call.rank(0, 1)
    x, shape = call.value(0), call.shape(0)
    found = in_order_of_appearance(call, different(call, call.lowering.elements, call.reshape(x, [*shape, 1]), nan_is_one=False))
    return [call.node("gather", [x, found.first], axis=0), found.kinds]
