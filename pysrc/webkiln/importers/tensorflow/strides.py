"""What `StridedSlice` takes from its input, as its masks and numbers say."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.slicing import Masks, masked_ranges
from webkiln.importers.tensorflow.lowering import Call


def strided_ranges(call: Call) -> tuple[list[Dim], list[Dim], list[Dim], list[Dim]]:
    """The start, size and step of each axis of the input, and the shape that the result has in the end."""
    return strided_ranges_of(call, call.shape(0))


def strided_ranges_of(call: Call, shape: list[Dim]) -> tuple[list[Dim], list[Dim], list[Dim], list[Dim]]:
    """The same for an input of this shape."""
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    masks = Masks(*(call.integer(name, 0) for name in names))
    begin, end = call.dims(1, "the begin"), call.dims(2, "the end")
    step: list[Dim] = call.dims(3, "the step") if call.has(3) else [1] * len(begin)
    return masked_ranges(call, shape, begin, end, step, masks)
