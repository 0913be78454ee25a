"""Windows of convolutions and pools: sizes, strides and padding as ONNX writes them."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.windows import Windows, channels_first, channels_last, padded, same_padding
from webkiln.importers.onnx.lowering import Call

__all__ = ["Windows", "channels_first", "channels_last", "padded", "windows"]


def windows(call: Call, window: list[int], *, automatic: bool = True) -> Windows:
    """The attributes `strides`, `dilations`, `pads` and (unless not `automatic`) `auto_pad` for input 0 of shape [N, C, …]."""
    size = call.shape(0)[2:]
    count = len(size)
    stride, dilation = call.integers("strides", [1] * count), call.integers("dilations", [1] * count)
    pads: list[Dim] = list(call.integers("pads", [0] * 2 * count))
    for amounts, what, expected in ((window, "window", count), (stride, "strides", count), (dilation, "dilations", count), (pads, "pads", 2 * count)):
        if len(amounts) != expected or (what != "pads" and any(amount < 1 for amount in amounts)):
            call.fail(f"its {what} {amounts} do not fit {count} axes")
    found = Windows(window, stride, dilation, pads[:count], pads[count:])
    kind = call.choice("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER") if automatic else "NOTSET"
    if kind == "VALID":
        found.low, found.high = [0] * count, [0] * count
    elif kind != "NOTSET":
        for i in range(count):
            found.low[i], found.high[i] = same_padding(size[i], found.span(i), stride[i], kind == "SAME_LOWER")
    return found
