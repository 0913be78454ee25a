"""Windows of convolutions and pools: sizes, strides and padding as ONNX writes them."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Dim, apply
from webkiln.importers.onnx.lowering import Call


@dataclass
class Windows:
    """An entry a spatial axis. `low`, `high`: the padding before and after."""

    window: list[int]
    stride: list[int]
    dilation: list[int]
    low: list[Dim]
    high: list[Dim]

    def span(self, i: int) -> int:
        """How far a window reaches."""
        return (self.window[i] - 1) * self.dilation[i] + 1


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


def same_padding(size: Dim, span: int, stride: int, more_before: bool) -> tuple[Dim, Dim]:
    """Padding such that `ceil(size / stride)` windows fit; an odd one goes after, or before."""
    total = ((size + stride - 1) // stride - 1) * stride + span - size
    total = 0 if span == 1 else total if span >= stride else apply("max", total, 0)
    half = total // 2
    return (total - half, half) if more_before else (half, total - half)


def channels_last(call: Call, value: str) -> str:
    """[N, C, …] as [N, …, C]."""
    rank = len(call.builder.shape(value))
    return call.transpose(value, [0, *range(2, rank), 1])


def channels_first(call: Call, value: str) -> str:
    """[N, …, C] as [N, C, …]."""
    rank = len(call.builder.shape(value))
    return call.transpose(value, [0, rank - 1, *range(1, rank - 1)])


def padded(call: Call, value: str, low: list[Dim], high: list[Dim], number: float, interior: list[int] | None = None) -> str:
    """[N, …, C] with its spatial axes padded, or cut where the padding is negative."""
    inside: list[Dim] = list(interior or [0] * len(low))
    before: list[Dim] = [apply("max", amount, 0) for amount in low]
    after: list[Dim] = [apply("max", amount, 0) for amount in high]
    if any(amount != 0 for amount in (*before, *after, *inside)):
        value = call.node("pad", [value], low=[0, *before, 0], high=[0, *after, 0], interior=[0, *inside, 0], value=number)
    cut = [(apply("max", a * -1, 0), apply("max", b * -1, 0)) for a, b in zip(low, high, strict=True)]
    if any(a != 0 or b != 0 for a, b in cut):
        shape = call.builder.shape(value)
        start: list[Dim] = [0, *(a for a, _ in cut), 0]
        size: list[Dim] = [shape[0], *(whole - a - b for whole, (a, b) in zip(shape[1:-1], cut, strict=True)), shape[-1]]
        value = call.node("slice", [value], start=start, size=size, step=[1] * len(shape))
    return value
