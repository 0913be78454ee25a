"""Pictures at another size."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.resizing import nearest
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers

MAXIMUM_SIZE = 2**16


def _size(call: Call) -> list[Dim]:
    call.rank(0, 4)
    size = call.dims(1, "the new size")
    if len(size) != 2 or any(one < 1 or one > MAXIMUM_SIZE for one in size):
        call.fail(f"a new size of {size}, expected a height and a width of 1 to {MAXIMUM_SIZE}")
    return size


def _alignment(call: Call) -> tuple[bool, bool]:
    align_corners, half_pixel = call.flag("align_corners"), call.flag("half_pixel_centers")
    if align_corners and half_pixel:
        raise Refused("aligned corners together with half-pixel centres")
    return align_corners, half_pixel


@lowers("ResizeBilinear")
def resize_bilinear(call: Call) -> Typed:
    align_corners, half_pixel = _alignment(call)
    coordinates = "align_corners" if align_corners else "half_pixel" if half_pixel else "asymmetric"
    picture = call.cast(call.value(0), "f32")
    return Typed(call.node("resize", [picture], size=_size(call), mode="linear", coordinates=coordinates), "float32")


@lowers("ResizeNearestNeighbor")
def resize_nearest(call: Call) -> str:
    return nearest(call, call.value(0), _size(call), *_alignment(call))
