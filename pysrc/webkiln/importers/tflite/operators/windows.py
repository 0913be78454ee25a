"""Padding of convolutions and pools, as TFLite's SAME and VALID mean it."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.windows import same_padding
from webkiln.importers.tflite.lowering import Call


def padding(call: Call, kind: str, shape: list[Dim], window: list[int], stride: list[int], dilation: list[int]) -> list[Dim]:
    """[top, left, bottom, right] for a picture of shape [N, H, W, C]."""
    for size, what in ((window, "window"), (stride, "stride"), (dilation, "dilation")):
        if min(size) < 1:
            call.fail(f"its {what} is {size}, which must be at least 1")
    if kind == "VALID":
        return [0, 0, 0, 0]
    top, bottom = same_padding(shape[1], (window[0] - 1) * dilation[0] + 1, stride[0])
    left, right = same_padding(shape[2], (window[1] - 1) * dilation[1] + 1, stride[1])
    return [top, left, bottom, right]
