"""Convolutions, by themselves or with what follows them fused in."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.convolution import convolve, spread_out
from webkiln.importers.lowerings.movement import reversed_axis
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.operators.fusion import after_fused, fused_bias
from webkiln.importers.tensorflow.operators.windows import in_channels_last, spatial, windows
from webkiln.importers.tensorflow.registry import lowers


@lowers("Conv2D", "_FusedConv2D", "Conv3D")
def conv(call: Call) -> str:
    """x [N, …, C] with weights […, C/groups, O]."""
    rank = call.rank(0, 4, 5)
    call.rank(1, rank)
    weights, sizes = call.value(1), call.sizes(1, "the weights")
    bias = fused_bias(call, sizes[-1])

    def compute(x: str) -> str:
        shape = call.builder.shape(x)
        channels = shape[-1]
        if not isinstance(channels, int) or sizes[-2] < 1 or channels % sizes[-2]:
            call.fail(f"{channels} channels cannot be convolved with weights for {sizes[-2]}")
        value = convolve(call, x, weights, windows(call, shape[1:-1], sizes[:-2]), channels // sizes[-2], bias)
        return after_fused(call, value)

    return in_channels_last(call, call.value(0), compute)


@lowers("DepthwiseConv2dNative", "DepthwiseConv2d", "FusedDepthwiseConv2dNative", "_FusedDepthwiseConv2dNative")
def depthwise(call: Call) -> str:
    """x [N, H, W, C] with weights [H, W, C, M], which make channel c · M + m of channel c."""
    call.rank(0, 4)
    call.rank(1, 4)
    height, width, channels, multiplier = call.sizes(1, "the weights")
    weights = call.lowering.permuted(call.name(1), [0, 1, 2, 3], [height, width, 1, channels * multiplier])
    bias = fused_bias(call, channels * multiplier)

    def compute(x: str) -> str:
        shape = call.builder.shape(x)
        value = convolve(call, x, weights, windows(call, shape[1:-1], [height, width]), channels, bias)
        return after_fused(call, value)

    return in_channels_last(call, call.value(0), compute)


@lowers("Conv2DBackpropInput")
def conv2d_transpose(call: Call) -> str:
    """The gradient of a convolution: a convolution, with flipped weights, over the input spread out by the stride."""
    call.rank(1, 4)
    call.rank(2, 4)
    if call.choice("padding", "VALID", "SAME", "EXPLICIT") == "EXPLICIT" or call.text("data_format", "NHWC") != "NHWC":
        raise Refused("explicit paddings, or channels that do not come last")
    if any(one != 1 for one in call.integers("dilations")):
        raise Refused("a dilated transposed convolution")
    target: list[Dim] = call.dims(0, "the shape of the result")
    if len(target) != 4:
        call.fail(f"the shape of its result {target} is not of rank 4")
    height, width, _, _ = call.sizes(1, "the weights")
    stride = spatial(call, "strides", 2)
    if min(height, width, *stride) < 1:
        call.fail(f"its stride {stride} and window {[height, width]} must be at least 1")
    spread = spread_out(call, call.value(2), target, [height, width], stride, call.text("padding") == "SAME")
    flipped = reversed_axis(call, reversed_axis(call, call.value(1), 0), 1)
    return call.node("conv2d", [spread, call.transpose(flipped, [0, 1, 3, 2])])
