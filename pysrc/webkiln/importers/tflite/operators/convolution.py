"""Convolutions: weights are brought to HWIO, SAME padding to numbers."""

from __future__ import annotations

import struct

from webkiln.graph.dims import Dim, apply
from webkiln.importers.lowerings.convolution import convolve, spread_out
from webkiln.importers.lowerings.movement import reversed_axis
from webkiln.importers.lowerings.windows import Windows, padded, same_padding
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.operators.windows import padding
from webkiln.importers.tflite.schema import PADDINGS


@lowers("CONV_2D", options="Conv2DOptions")
def conv2d(call: Call) -> str:
    call.rank(0, 4)
    call.rank(1, 4)
    _, height, width, group_channels = call.sizes(1, "the weights")
    channels = call.shape(0)[3]
    if not isinstance(channels, int) or group_channels == 0 or channels % group_channels:
        call.fail(f"{channels} channels cannot be convolved with weights for {group_channels}")
    weights = call.permuted(1, [1, 2, 3, 0])
    return _conv2d(call, weights, [height, width], channels // group_channels)


@lowers("DEPTHWISE_CONV_2D", options="DepthwiseConv2DOptions")
def depthwise_conv2d(call: Call) -> str:
    call.rank(0, 4)
    call.rank(1, 4)
    one, height, width, out = call.sizes(1, "the weights")
    channels = call.shape(0)[3]
    if not isinstance(channels, int) or one != 1 or channels == 0 or out % channels:
        call.fail(f"weights {call.shape(1)} do not fit {channels} channels; expected [1, H, W, a multiple of the channels]")
    # Output channel c·M + m belongs to input channel c: the order of groups in HWIO.
    weights = call.permuted(1, [1, 2, 0, 3])
    return _conv2d(call, weights, [height, width], channels)


def _conv2d(call: Call, weights: str, window: list[int], groups: int) -> str:
    options = call.options
    stride = [options.stride_height, options.stride_width]
    dilation = [options.dilation_height, options.dilation_width]
    kind = call.choice(PADDINGS, options.padding, "padding")
    inputs = [call.value(0), weights] + ([call.value(2)] if call.has(2) else [])
    value = call.node(
        "conv2d",
        inputs,
        stride=stride,
        padding=padding(call, kind, call.shape(0), window, stride, dilation),
        dilation=dilation,
        groups=groups,
    )
    return call.activate(value, options.activation)


@lowers("TRANSPOSE_CONV", options="TransposeConvOptions")
def transpose_conv(call: Call) -> str:
    """The gradient of a convolution: a convolution, with flipped weights, over the input spread out by the stride."""
    options = call.options
    call.rank(1, 4)
    call.rank(2, 4)
    target = call.told(0, "the output shape")
    if len(target) != 4:
        call.fail(f"its output shape {target} is not of rank 4")
    kind = call.choice(PADDINGS, options.padding, "padding")
    value = _transposed(call, 2, target, [options.stride_height, options.stride_width], kind == "SAME")
    return call.activate(value, options.activation)


@lowers("CUSTOM:Convolution2DTransposeBias")
def transpose_conv_bias(call: Call) -> str:
    """x, weights and bias, as MediaPipe's models have them. Its options are three integers of 32 bits: padding (1 SAME, 2 VALID), width and
    height of the stride. With SAME padding, half of what the windows share is cut off."""
    call.rank(0, 4)
    call.rank(1, 4)
    packed = call.operator.custom_options
    if len(packed) < 12:
        call.fail(f"its options have {len(packed)} bytes, expected 12")
    kind, *stride = struct.unpack("<3i", packed[:12])
    if kind not in (1, 2) or min(stride) < 1:
        call.fail(f"its padding is {kind}, expected 1 (SAME) or 2 (VALID), its stride {stride}, expected at least 1")
    stride = stride[::-1]
    batch, *sizes, _ = call.shape(0)
    out, *window, _ = call.sizes(1, "the weights")
    whole = [(size - 1) * step + k for size, step, k in zip(sizes, stride, window, strict=True)]
    value = _transposed(call, 0, [batch, *whole, out], stride, False)
    if kind == 2:
        return value
    cut = [apply("max", 0, k - 1 - (size - 1) % step) for size, step, k in zip(sizes, stride, window, strict=True)]
    kept = [size - less for size, less in zip(whole, cut, strict=True)]
    return call.node("slice", [value], start=[0, *(less // 2 for less in cut), 0], size=[batch, *kept, out], step=[1] * 4)


def _transposed(call: Call, x: int, target: list[Dim], stride: list[int], same: bool) -> str:
    """Input `x`, spread out by the stride, convolved with flipped weights (input 1); the bias is the input after both."""
    _, height, width, _ = call.sizes(1, "the weights")
    if min(*stride, height, width) < 1:
        call.fail(f"its stride {stride} and window {[height, width]} must be at least 1")
    spread = spread_out(call, call.value(x), target, [height, width], stride, same)
    bias = max(x, 1) + 1
    return call.node("conv2d", [spread, _flipped(call)] + ([call.value(bias)] if call.has(bias) else []))


def _flipped(call: Call) -> str:
    """The weights [O, KH, KW, I] as HWIO, turned by 180°."""
    array = call.array(1)
    if array is not None:
        return call.lowering.constant(array[:, ::-1, ::-1].transpose(1, 2, 3, 0), call.lowering.labels[call.tensor(1).index])
    size = call.shape(1)
    flipped = call.node(
        "slice", [call.value(1)], start=[0, size[1] - 1, size[2] - 1, 0], size=size, step=[1, -1, -1, 1]
    )
    return call.transpose(flipped, [1, 2, 3, 0])


def _windows3d(call: Call, shape: list[Dim], kernel: list[int]) -> Windows:
    options = call.options
    stride = [options.stride_depth, options.stride_height, options.stride_width]
    dilation = [options.dilation_depth, options.dilation_height, options.dilation_width]
    if min(*stride, *dilation, *kernel) < 1:
        call.fail(f"its stride {stride}, dilation {dilation} and window {kernel} must be at least 1")
    window = Windows(kernel, stride, dilation, [0, 0, 0], [0, 0, 0])
    if call.choice(PADDINGS, options.padding, "padding") == "SAME":
        pairs = [same_padding(shape[1 + i], window.span(i), stride[i]) for i in range(3)]
        window.low, window.high = [low for low, _ in pairs], [high for _, high in pairs]
    return window


@lowers("CONV_3D", options="Conv3DOptions")
def conv3d(call: Call) -> str:
    """x [N, D, H, W, C] with weights [D, H, W, C/groups, O]."""
    call.rank(0, 5)
    call.rank(1, 5)
    *kernel, depth, _ = call.sizes(1, "the weights")
    channels = call.shape(0)[4]
    if not isinstance(channels, int) or depth == 0 or channels % depth:
        call.fail(f"{channels} channels cannot be convolved with weights for {depth}")
    bias = call.value(2) if call.has(2) else ""
    value = convolve(call, call.value(0), call.value(1), _windows3d(call, call.shape(0), kernel), channels // depth, bias)
    return call.activate(value, call.options.activation)


@lowers("CONV_3D_TRANSPOSE", options="Conv3DOptions")
def conv3d_transpose(call: Call) -> str:
    """The gradient of a convolution with weights [D, H, W, O, C]: one with flipped weights over the input spread out by the stride."""
    call.rank(1, 5)
    call.rank(2, 5)
    target, shape = call.told(0, "the output shape"), call.shape(2)
    if len(target) != 5:
        call.fail(f"its output shape {target} is not of rank 5")
    *kernel, _, _ = call.sizes(1, "the weights")
    window = _windows3d(call, target, kernel)
    low: list[Dim] = [window.span(i) - 1 - window.low[i] for i in range(3)]
    high: list[Dim] = [target[1 + i] + window.low[i] - (shape[1 + i] - 1) * window.stride[i] - 1 for i in range(3)]
    x = padded(call, call.value(2), low, high, 0.0, [step - 1 for step in window.stride])
    weights = call.value(1)
    for axis in range(3):
        weights = reversed_axis(call, weights, axis)
    inner = Windows(kernel, [1, 1, 1], window.dilation, [0, 0, 0], [0, 0, 0])
    bias = call.value(3) if call.has(3) else ""
    return call.activate(convolve(call, x, call.transpose(weights, [0, 1, 2, 4, 3]), inner, 1, bias), call.options.activation)
