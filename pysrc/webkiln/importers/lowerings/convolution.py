"""Convolutions over one, two or three axes."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.windows import Windows, padded, same_padding


def convolve(emitter: Emitter, x: str, weights: str, window: Windows, groups: int, bias: str) -> str:
    """x [N, …, C] with weights […, C/groups, O]; one axis as two, and three as the sum of products of slices."""
    if any(amount < 0 for amount in (*window.low, *window.high)):
        x = padded(emitter, x, window.low, window.high, 0.0)
        window.low = window.high = [0] * len(window.low)
    shape, kernel = emitter.builder.shape(x), emitter.builder.shape(weights)
    if len(window.window) == 3:
        return _three(emitter, x, weights, window, groups, bias)
    one = len(window.window) == 1
    if one:
        x, weights = emitter.reshape(x, [shape[0], 1, *shape[1:]]), emitter.reshape(weights, [1, *kernel])
    value = emitter.node(
        "conv2d",
        [x, weights] + ([bias] if bias else []),
        stride=[1, *window.stride] if one else window.stride,
        padding=[0, *window.low, 0, *window.high] if one else [*window.low, *window.high],
        dilation=[1, *window.dilation] if one else window.dilation,
        groups=groups,
    )
    made = emitter.builder.shape(value)
    return emitter.reshape(value, [made[0], *made[2:]]) if one else value


def _three(emitter: Emitter, x: str, weights: str, window: Windows, groups: int, bias: str) -> str:
    none: list[Dim] = [0, 0]
    x = padded(emitter, x, [window.low[0], *none], [window.high[0], *none], 0.0)
    shape, kernel = emitter.builder.shape(x), emitter.builder.shape(weights)
    depth: Dim = (shape[1] - window.span(0)) // window.stride[0] + 1
    plane = Windows(window.window[1:], window.stride[1:], window.dilation[1:], window.low[1:], window.high[1:])
    total = ""
    for k in range(window.window[0]):
        layers = part(emitter, x, 1, k * window.dilation[0], depth, window.stride[0])
        filters = emitter.reshape(part(emitter, weights, 0, k, 1), kernel[1:])
        flat = emitter.reshape(layers, [shape[0] * depth, *shape[2:]])
        value = convolve(emitter, flat, filters, plane, groups, bias if k == 0 else "")
        total = emitter.node("add", [total, value]) if total else value
    return emitter.reshape(total, [shape[0], depth, *emitter.builder.shape(total)[1:]])


def spread_out(emitter: Emitter, value: str, target: list[Dim], window: list[int], stride: list[int], same: bool) -> str:
    """A picture [N, H, W, C] with zeros between and around its elements, over which a convolution with the window turned by 180° is the
    gradient of one that made it, with SAME or VALID padding, from a picture of the shape `target`."""
    shape = emitter.builder.shape(value)
    low: list[Dim] = [0, 0, 0, 0]
    high: list[Dim] = [0, 0, 0, 0]
    for axis in (1, 2):
        size, wanted, k, step = shape[axis], target[axis], window[axis - 1], stride[axis - 1]
        before = same_padding(wanted, k, step)[0] if same else 0
        low[axis] = k - 1 - before
        high[axis] = wanted + before - (size - 1) * step - 1
    for amount in (*low, *high):
        if amount < 0:
            raise Refused(f"an output of shape {target}, which cuts off what the input {shape} reaches")
    return emitter.node("pad", [value], low=low, high=high, interior=[0, stride[0] - 1, stride[1] - 1, 0], value=0.0)
