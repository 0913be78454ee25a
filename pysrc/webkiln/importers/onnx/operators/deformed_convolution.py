"""Convolutions whose windows take their elements where computed offsets say."""

from __future__ import annotations

import math

import numpy as np

from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.sampling import Sampler, bounded
from webkiln.importers.onnx.operators.windows import channels_first, channels_last, windows
from webkiln.importers.onnx.registry import lowers


@lowers("DeformConv")
def deform_conv(call: Call) -> str:
    """x [N, C, …], weights [O, C/groups, …], offsets [N, G · K · axes, …] of K window elements each, bias [O], mask [N, G · K, …].

    Each of the G groups of channels is sampled (linearly, 0 outside) at its own places; what is sampled is multiplied as a convolution's columns are.
    """
    shape, sizes = call.sizes(0, "what is convolved"), call.sizes(1, "the weights")
    batch, channels, outputs, kernel = shape[0], shape[1], sizes[0], sizes[2:]
    axes, taps = len(kernel), math.prod(kernel)
    groups, offset_groups = call.integer("group", 1), call.integer("offset_group", 1)
    if len(shape) != axes + 2 or call.integers("kernel_shape", kernel) != kernel:
        call.fail(f"its kernel_shape {call.integers('kernel_shape', kernel)} and weights {sizes} do not fit its input {shape}")
    if groups < 1 or offset_groups < 1 or channels != sizes[1] * groups or outputs % groups or channels % offset_groups:
        call.fail(f"{channels} channels and weights {sizes} cannot be divided into {groups} groups, and {offset_groups} of offsets")
    window = windows(call, kernel, automatic=False)
    offsets = call.sizes(2, "the offsets")
    made, places = offsets[2:], math.prod(offsets[2:])
    if offsets[:2] != [batch, offset_groups * taps * axes] or len(made) != axes:
        call.fail(f"offsets of shape {offsets} do not fit {offset_groups} groups of windows {kernel}")
    x = call.reshape(call.value(0), [batch * offset_groups, channels // offset_groups, *shape[2:]])
    positions = []
    for i, size in enumerate(shape[2:]):
        at = call.reshape(call.value(2), [batch * offset_groups, taps, axes, places])
        moved = call.node("slice", [at], start=[0, 0, i, 0], size=[batch * offset_groups, taps, 1, places], step=[1] * 4)
        regular = call.constant(_regular(kernel, made, i, window.stride[i], window.dilation[i], window.low[i]))
        at = call.node("add", [call.reshape(moved, [batch * offset_groups, taps, places]), regular])
        positions.append(bounded(call, at, size))
    sampler = Sampler(call, channels_last(call, x), call.reshape(call.places(batch * offset_groups), [batch * offset_groups, 1, 1]), "zeros", True)
    columns = sampler.mixed(positions, "linear")  # [N · G, K, places, C / G]
    if call.has(4):
        mask = call.sizes(4, "the mask")
        if mask != [batch, offset_groups * taps, *made]:
            call.fail(f"a mask of shape {mask}, expected {[batch, offset_groups * taps, *made]}")
        columns = call.node("mul", [columns, call.reshape(call.value(4), [batch * offset_groups, taps, places, 1])])
    split = call.reshape(columns, [batch, offset_groups, taps, places, channels // offset_groups])
    rows = call.reshape(call.transpose(split, [0, 3, 1, 4, 2]), [batch, 1, places, channels * taps])
    weights = call.reshape(call.transpose(call.reshape(call.value(1), [outputs, sizes[1] * taps]), [1, 0]), [1, 1, sizes[1] * taps, outputs])
    value = call.node("conv2d", [rows, weights, *([call.value(3)] if call.has(3) else [])], groups=groups)
    return channels_first(call, call.reshape(value, [batch, *made, outputs]))


def _regular(kernel: list[int], made: list[int], axis: int, stride: int, dilation: int, before: object) -> np.ndarray:
    """Where the windows' elements would lie along an axis without offsets: [K, places]."""
    taps = np.broadcast_to(_along(np.arange(kernel[axis]) * dilation, axis, len(kernel)), kernel).reshape(-1, 1)
    places = np.broadcast_to(_along(np.arange(made[axis]) * stride - int(str(before)), axis, len(made)), made).reshape(1, -1)
    return np.asarray(taps + places, np.float32)


def _along(values: np.ndarray, axis: int, rank: int) -> np.ndarray:
    return np.asarray(values.reshape([-1 if i == axis else 1 for i in range(rank)]))
