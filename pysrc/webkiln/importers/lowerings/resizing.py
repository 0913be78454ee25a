"""Pictures [N, H, W, C] at another size."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Emitter, Refused
from webkiln.ops.reference import resize_coordinates


def nearest(emitter: Emitter, value: str, size: list[Dim], align_corners: bool, half_pixel: bool) -> str:
    """By the operator where it picks the same elements; else by picking rows and columns."""
    shape, dtype = emitter.builder.shape(value), emitter.builder.dtype(value)
    # Half-pixel centres pick floor((i + 0.5) · scale), which is round((i + 0.5) · scale − 0.5).
    coordinates = "align_corners" if align_corners else "half_pixel" if half_pixel else "asymmetric"
    rounding = "floor" if coordinates == "asymmetric" else "round"
    fixed = all(isinstance(one, int) for one in (*size, *shape[1:3]))
    picked = []
    if fixed:
        pairs = [(shape[i + 1], size[i]) for i in range(2)]
        picked = [_picked(before, after, align_corners, half_pixel) for before, after in pairs]  # type: ignore[arg-type]
        same = all((rows == _canonical(before, after, coordinates, rounding)).all() for rows, (before, after) in zip(picked, pairs, strict=True))  # type: ignore[arg-type]
    else:
        same = not (align_corners and half_pixel)
        if not same:
            raise Refused("aligned corners together with half-pixel centres, at sizes that are not fixed", FIX_SIZES)
    if same and dtype == "f32":
        return emitter.node("resize", [value], size=size, mode="nearest", coordinates=coordinates, rounding=rounding)
    if not fixed:
        raise Refused(f"elements of {dtype} at sizes that are not fixed", FIX_SIZES)
    for axis, indices in enumerate(picked, 1):
        value = emitter.node("gather", [value, emitter.constant(indices)], axis=axis)
    return value


def _picked(before: int, after: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """The elements that are picked, as computed in float32."""
    scale = np.float32(before - 1) / np.float32(after - 1) if align_corners and after > 1 else np.float32(before) / np.float32(after)
    at = (np.arange(after, dtype=np.float32) + np.float32(0.5 if half_pixel else 0)) * np.float32(scale)
    rounded = np.floor(at + np.float32(0.5)) if align_corners else np.floor(at)
    return np.asarray(np.clip(rounded, 0, before - 1), np.int32)


def _canonical(before: int, after: int, coordinates: str, rounding: str) -> np.ndarray:
    at = resize_coordinates(before, after, coordinates) + (0.5 if rounding == "round" else 0.0)
    return np.clip(np.floor(at), 0, before - 1).astype(np.int32)
