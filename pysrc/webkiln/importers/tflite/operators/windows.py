"""Padding of convolutions and pools, as TFLite's SAME and VALID mean it."""

from __future__ import annotations

from webkiln.graph.dims import Dim, apply
from webkiln.importers.tflite.lowering import Call


def same_padding(size: Dim, window: int, stride: int, dilation: int = 1) -> tuple[Dim, Dim]:
    """Zeros before and after an axis such that `ceil(size / stride)` windows fit; an odd one goes after."""
    span = (window - 1) * dilation + 1
    steps = (size + stride - 1) // stride - 1
    total = steps * stride + span - size
    # A window that is as long as its stride never reaches too short, and a single element never too far.
    total = 0 if span == 1 else total if span >= stride else apply("max", total, 0)
    before = total // 2
    return before, total - before


def padding(call: Call, kind: str, shape: list[Dim], window: list[int], stride: list[int], dilation: list[int]) -> list[Dim]:
    """[top, left, bottom, right] for a picture of shape [N, H, W, C]."""
    for size, what in ((window, "window"), (stride, "stride"), (dilation, "dilation")):
        if min(size) < 1:
            call.fail(f"its {what} is {size}, which must be at least 1")
    if kind == "VALID":
        return [0, 0, 0, 0]
    top, bottom = same_padding(shape[1], window[0], stride[0], dilation[0])
    left, right = same_padding(shape[2], window[1], stride[1], dilation[1])
    return [top, left, bottom, right]
