"""Windows of convolutions and pools over [N, …, C]."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import Emitter


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


def same_padding(size: Dim, span: int, stride: int, more_before: bool = False) -> tuple[Dim, Dim]:
    """Padding such that `ceil(size / stride)` windows that reach over `span` fit; an odd one goes after, or before."""
    total = ((size + stride - 1) // stride - 1) * stride + span - size
    # A window that is as long as its stride never reaches too short, and a single element never too far.
    total = 0 if span == 1 else total if span >= stride else apply("max", total, 0)
    half = total // 2
    return (total - half, half) if more_before else (half, total - half)


def channels_last(emitter: Emitter, value: str) -> str:
    """[N, C, …] as [N, …, C]."""
    rank = len(emitter.builder.shape(value))
    return emitter.transpose(value, [0, *range(2, rank), 1])


def channels_first(emitter: Emitter, value: str) -> str:
    """[N, …, C] as [N, C, …]."""
    rank = len(emitter.builder.shape(value))
    return emitter.transpose(value, [0, rank - 1, *range(1, rank - 1)])


def padded(emitter: Emitter, value: str, low: list[Dim], high: list[Dim], number: float, interior: list[int] | None = None) -> str:
    """[N, …, C] with its spatial axes padded, or cut where the padding is negative."""
    inside: list[Dim] = list(interior or [0] * len(low))
    before: list[Dim] = [apply("max", amount, 0) for amount in low]
    after: list[Dim] = [apply("max", amount, 0) for amount in high]
    if any(amount != 0 for amount in (*before, *after, *inside)):
        value = emitter.node("pad", [value], low=[0, *before, 0], high=[0, *after, 0], interior=[0, *inside, 0], value=number)
    cut = [(apply("max", a * -1, 0), apply("max", b * -1, 0)) for a, b in zip(low, high, strict=True)]
    if any(a != 0 or b != 0 for a, b in cut):
        shape = emitter.builder.shape(value)
        start: list[Dim] = [0, *(a for a, _ in cut), 0]
        size: list[Dim] = [shape[0], *(whole - a - b for whole, (a, b) in zip(shape[1:-1], cut, strict=True)), shape[-1]]
        value = emitter.node("slice", [value], start=start, size=size, step=[1] * len(shape))
    return value
