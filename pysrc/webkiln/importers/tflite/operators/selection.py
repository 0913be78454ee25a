"""Results whose size depends on the data."""

from __future__ import annotations

from webkiln.importers.lowerings.selection import in_order_of_appearance, nonzero
from webkiln.importers.lowerings.selection import unique as different
from webkiln.importers.lowerings.suppression import best_boxes, in_place, no_lowering, padded, padded_indices
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


@lowers("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def non_max_suppression(call: Call) -> list[str]:
    """Boxes [boxes, 4] as two corners and their scores [boxes]: the indices of those that are left, best first and zeros behind them; in V5 their scores; how many there are."""
    if call.operator.name.endswith("V5"):
        no_lowering(call.array(5))
    wanted = call.told_one(2, "the number of boxes wanted")
    best = best_boxes(call, call.value(0), call.value(1), wanted, call.reshape(call.value(3), []), call.reshape(call.value(4), []))
    results = [padded_indices(call, best, wanted), best.count]
    if call.operator.name.endswith("V5"):
        results.insert(1, padded(call, in_place(call, best, call.value(1)), wanted))
    return results
