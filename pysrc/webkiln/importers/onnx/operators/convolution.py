"""Convolutions over one, two or three axes, and their transposes."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.convolution import convolve
from webkiln.importers.lowerings.movement import reversed_axis
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.windows import Windows, channels_first, channels_last, padded, windows
from webkiln.importers.onnx.registry import lowers


@lowers("Conv")
def conv(call: Call) -> str:
    rank = call.rank(0, 3, 4, 5)
    call.rank(1, rank)
    sizes = call.sizes(1, "the weights")
    group_channels, channels, groups = sizes[1], call.shape(0)[1], call.integer("group", 1)
    if call.given("kernel_shape") and call.integers("kernel_shape") != sizes[2:]:
        call.fail(f"its kernel_shape {call.integers('kernel_shape')} is not that of the weights {sizes}")
    if groups < 1 or channels != group_channels * groups:
        call.fail(f"{channels} channels cannot be convolved with weights for {group_channels} in {groups} groups")
    weights = call.lowering.permuted(call.name(1), [*range(2, rank), 1, 0])
    value = convolve(call, channels_last(call, call.value(0)), weights, windows(call, sizes[2:]), groups, call.value(2) if call.has(2) else "")
    return channels_first(call, value)


@lowers("ConvTranspose")
def conv_transpose(call: Call) -> str:
    """The gradient of a convolution: a convolution, with flipped weights, over the input spread out by the stride."""
    rank = call.rank(0, 3, 4, 5)
    call.rank(1, rank)
    shape, sizes, groups = call.shape(0), call.sizes(1, "the weights"), call.integer("group", 1)
    channels, group_outputs, kernel = sizes[0], sizes[1], sizes[2:]
    count = rank - 2
    if groups < 1 or channels % groups or shape[1] != channels:
        call.fail(f"{shape[1]} channels cannot be convolved with weights {sizes} in {groups} groups")
    window = windows(call, kernel, automatic=False)
    extra = call.integers("output_padding", [0] * count)
    kind = call.choice("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    wanted: list[Dim] | None = None
    if call.given("output_shape"):
        wanted = [*call.integers("output_shape")[-count:]]
    elif kind.startswith("SAME"):
        wanted = [size * step for size, step in zip(shape[2:], window.stride, strict=True)]
    low: list[Dim] = []
    high: list[Dim] = []
    for i in range(count):
        span, step, size = window.span(i), window.stride[i], shape[2 + i]
        before, after = (0, 0) if kind == "VALID" else (window.low[i], window.high[i])
        if wanted is not None:
            total = step * (size - 1) + extra[i] + span - wanted[i]
            before = total // 2 if kind == "SAME_UPPER" else total - total // 2
            after = total - before
        low.append(span - 1 - before)
        high.append(span - 1 - after + extra[i])
    x = padded(call, channels_last(call, call.value(0)), low, high, 0.0, [step - 1 for step in window.stride])
    inner = Windows(kernel, [1] * count, window.dilation, [0] * count, [0] * count)
    value = convolve(call, x, _flipped(call, groups, channels, group_outputs, kernel), inner, groups, call.value(2) if call.has(2) else "")
    return channels_first(call, value)


def _flipped(call: Call, groups: int, channels: int, group_outputs: int, kernel: list[int]) -> str:
    """The weights [C, O/groups, …] as […, C/groups, O], each axis of the window backwards."""
    value, count = call.value(1), len(kernel)
    for axis in range(2, 2 + count):
        if kernel[axis - 2] > 1:
            value = reversed_axis(call, value, axis)
    split = call.reshape(value, [groups, channels // groups, group_outputs, *kernel])
    moved = call.transpose(split, [*range(3, 3 + count), 1, 0, 2])
    return call.reshape(moved, [*kernel, channels // groups, groups * group_outputs])

