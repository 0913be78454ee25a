"""Pictures at another size."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.resizing import nearest
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

MAXIMUM_SIZE = 2**16


def _size(call: Call) -> list[Dim]:
    call.rank(0, 4)
    size = call.dims(1, "the new size")
    if len(size) != 2 or any(one < 1 or one > MAXIMUM_SIZE for one in size):
        call.fail(f"a new size of {size}, expected a height and a width of 1 to {MAXIMUM_SIZE}")
    return size


@lowers("RESIZE_BILINEAR", options="ResizeBilinearOptions")
def resize_bilinear(call: Call) -> str:
    options = call.options
    if options.align_corners and options.half_pixel:
        raise Refused("aligned corners together with half-pixel centres")
    coordinates = "align_corners" if options.align_corners else "half_pixel" if options.half_pixel else "asymmetric"
    return call.node("resize", [call.value(0)], size=_size(call), mode="linear", coordinates=coordinates)


@lowers("RESIZE_NEAREST_NEIGHBOR", options="ResizeNearestNeighborOptions")
def resize_nearest(call: Call) -> str:
    return nearest(call, call.value(0), _size(call), call.options.align_corners, call.options.half_pixel)
