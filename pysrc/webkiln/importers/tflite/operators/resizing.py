"""Pictures at another size."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.ops.reference import resize_coordinates

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
    """By the operator where it picks the same elements; else by picking rows and columns."""
    options, value = call.options, call.value(0)
    size, shape = _size(call), call.shape(0)
    # Half-pixel centres pick floor((i + 0.5) · scale), which is round((i + 0.5) · scale − 0.5).
    coordinates = "align_corners" if options.align_corners else "half_pixel" if options.half_pixel else "asymmetric"
    rounding = "floor" if coordinates == "asymmetric" else "round"
    fixed = all(isinstance(one, int) for one in (*size, *shape[1:3]))
    picked = []
    if fixed:
        pairs = [(shape[i + 1], size[i]) for i in range(2)]
        picked = [_picked(before, after, options.align_corners, options.half_pixel) for before, after in pairs]  # type: ignore[arg-type]
        same = all((rows == _canonical(before, after, coordinates, rounding)).all() for rows, (before, after) in zip(picked, pairs, strict=True))  # type: ignore[arg-type]
    else:
        same = not (options.align_corners and options.half_pixel)
        if not same:
            raise Refused("aligned corners together with half-pixel centres, at sizes that are not fixed", "Fix the sizes of the inputs: --input NAME=SHAPE")
    if same and call.dtype(0) == "f32":
        return call.node("resize", [value], size=size, mode="nearest", coordinates=coordinates, rounding=rounding)
    if not fixed:
        raise Refused(f"elements of {call.tensor(0).dtype} at sizes that are not fixed", "Fix the sizes of the inputs: --input NAME=SHAPE")
    for axis, indices in enumerate(picked, 1):
        value = call.node("gather", [value, call.constant(indices)], axis=axis)
    return value


def _picked(before: int, after: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """The elements that TFLite picks; it computes in float32."""
    scale = np.float32(before - 1) / np.float32(after - 1) if align_corners and after > 1 else np.float32(before) / np.float32(after)
    at = (np.arange(after, dtype=np.float32) + np.float32(0.5 if half_pixel else 0)) * np.float32(scale)
    rounded = np.floor(at + np.float32(0.5)) if align_corners else np.floor(at)
    return np.asarray(np.clip(rounded, 0, before - 1), np.int32)


def _canonical(before: int, after: int, coordinates: str, rounding: str) -> np.ndarray:
    at = resize_coordinates(before, after, coordinates) + (0.5 if rounding == "round" else 0.0)
    return np.clip(np.floor(at), 0, before - 1).astype(np.int32)
