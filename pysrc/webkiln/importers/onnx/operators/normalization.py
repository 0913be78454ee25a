"""Softmax and its kin, and the normalizations by mean and variance."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.lowerings.normalization import local_response, log_softmax_of, softmax_of
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.movement import axes_of
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


def hardmax_of(call: Call, x: str, axis: int) -> str:
    """1 at the first of the greatest elements, 0 elsewhere."""
    count = call.builder.shape(x)[axis]
    rank = len(call.builder.shape(x))
    first = call.node("arg_max", [x], axis=axis, keep_dims=True)
    places = call.reshape(call.places(count), [count if i == axis else 1 for i in range(rank)])
    return call.cast(call.node("equal", [places, first]), "f32")


_KINDS = {"Softmax": softmax_of, "LogSoftmax": log_softmax_of, "Hardmax": hardmax_of}


@lowers(*_KINDS)
def softmax(call: Call) -> str:
    """Along one axis; before version 13 over all axes from `axis` on, as one."""
    shape, function = call.shape(0), _KINDS[call.operation.type]
    if call.version >= 13:
        return function(call, call.value(0), call.axis(call.integer("axis", -1), len(shape)))
    axis = call.integer("axis", 1)
    axis = axis if axis == len(shape) else call.axis(axis, len(shape))
    if axis == len(shape) - 1:
        return function(call, call.value(0), axis)
    flat = call.reshape(call.value(0), [product(shape[:axis]), product(shape[axis:])])
    return call.reshape(function(call, flat, 1), shape)


def centred(call: Call, x: str, axes: list[int]) -> tuple[str, str, str]:
    """x less its mean over `axes`, the mean, and the variance."""
    mean = call.node("reduce_mean", [x], axes=axes, keep_dims=True)
    shifted = call.node("sub", [x, mean])
    variance = call.node("reduce_mean", [call.node("mul", [shifted, shifted])], axes=axes, keep_dims=True)
    return shifted, mean, variance


def deviation(call: Call, variance: str, epsilon: float) -> str:
    return call.node("sqrt", [call.node("add", [variance, call.like(epsilon, variance)])])


def per_channel(call: Call, value: str, rank: int) -> str:
    """[C] as [C, 1, …], for tensors whose axis 1 is that of the channels."""
    return call.reshape(value, [*call.builder.shape(value), *[1] * (rank - 2)])


@lowers("BatchNormalization")
def batch_normalization(call: Call) -> list[str]:
    x, rank = call.value(0), call.rank(0)
    epsilon = call.number("epsilon", 1e-5)
    scale, bias, mean, variance = (call.value(i) for i in range(1, 5))
    results = []
    if call.integer("training_mode", 0):
        axes = [i for i in range(rank) if i != 1]
        _, batch_mean, batch_variance = centred(call, x, axes)
        keep = call.number("momentum", 0.9)
        for old, new in ((mean, batch_mean), (variance, batch_variance)):
            fresh = call.reshape(new, call.builder.shape(old))
            kept = call.node("mul", [old, call.like(keep, old)])
            results.append(call.node("add", [kept, call.node("mul", [fresh, call.like(1 - keep, old)])]))
        mean, variance = (call.reshape(one, call.builder.shape(scale)) for one in (batch_mean, batch_variance))
    factor = call.node("div", [scale, deviation(call, variance, epsilon)])
    shift = call.node("sub", [bias, call.node("mul", [mean, factor])])
    scaled = call.node("mul", [x, per_channel(call, factor, rank)])
    return [call.node("add", [scaled, per_channel(call, shift, rank)]), *results]


@lowers("InstanceNormalization")
def instance_normalization(call: Call) -> str:
    x, rank = call.value(0), call.rank(0)
    shifted, _, variance = centred(call, x, list(range(2, rank)))
    value = call.node("div", [shifted, deviation(call, variance, call.number("epsilon", 1e-5))])
    scaled = call.node("mul", [value, per_channel(call, call.value(1), rank)])
    return call.node("add", [scaled, per_channel(call, call.value(2), rank)])


@lowers("LayerNormalization")
def layer_normalization(call: Call) -> list[str]:
    """Over all axes from `axis` on; also the mean and the inverse deviation, when asked for."""
    x, rank = call.value(0), call.rank(0)
    axis = call.axis(call.integer("axis", -1), rank)
    shifted, mean, variance = centred(call, x, list(range(axis, rank)))
    spread = deviation(call, variance, call.number("epsilon", 1e-5))
    value = call.node("mul", [call.node("div", [shifted, spread]), call.value(1)])
    if call.has(2):
        value = call.node("add", [value, call.value(2)])
    return [value, mean, call.node("reciprocal", [spread]) if call.wants(2) else spread]


@lowers("RMSNormalization")
def rms_normalization(call: Call) -> str:
    x, rank = call.value(0), call.rank(0)
    axis = call.axis(call.integer("axis", -1), rank)
    return call.node("mul", [root_mean_square(call, x, list(range(axis, rank)), call.number("epsilon", 1e-5)), call.value(1)])


def root_mean_square(call: Call, x: str, axes: list[int], epsilon: float) -> str:
    """x divided by the root of the mean of its squares."""
    squares = call.node("reduce_mean", [call.node("mul", [x, x])], axes=axes, keep_dims=True)
    return call.node("div", [x, deviation(call, squares, epsilon)])


@lowers("GroupNormalization")
def group_normalization(call: Call) -> str:
    """Over groups of channels; scale and bias were one a group in version 18, and are one a channel since."""
    shape = call.shape(0)
    rank, groups, channels = len(shape), call.integer("num_groups", 0), shape[1]
    if groups < 1 or not isinstance(channels, int) or channels % groups:
        call.fail(f"{channels} channels cannot be divided into {groups} groups")
    split: list[Dim] = [shape[0], groups, channels // groups, *shape[2:]]
    x = call.reshape(call.value(0), split)
    shifted, _, variance = centred(call, x, list(range(2, rank + 1)))
    value = call.node("div", [shifted, deviation(call, variance, call.number("epsilon", 1e-5))])
    if call.version < 21:
        scale, bias = (per_channel(call, call.value(i), rank + 1) for i in (1, 2))
        return call.reshape(call.node("add", [call.node("mul", [value, scale]), bias]), shape)
    scale, bias = (per_channel(call, call.value(i), rank) for i in (1, 2))
    return call.node("add", [call.node("mul", [call.reshape(value, shape), scale]), bias])


@lowers("MeanVarianceNormalization")
def mean_variance_normalization(call: Call) -> str:
    axes = axes_of(call, 1, call.rank(0))
    if axes is None:
        axes = [0, 2, 3]
    shifted, _, variance = centred(call, call.value(0), axes)
    return call.node("div", [shifted, call.node("add", [call.node("sqrt", [variance]), call.like(1e-9, variance)])])


@lowers("LpNormalization")
def lp_normalization(call: Call) -> str:
    """x divided by its length along an axis; 0 where that is 0."""
    x, axis = call.value(0), call.axis(call.integer("axis", -1), call.rank(0))
    if call.integer("p", 2) == 1:
        length = call.node("reduce_sum", [call.node("abs", [x])], axes=[axis], keep_dims=True)
    else:
        length = call.node("sqrt", [call.node("reduce_sum", [call.node("mul", [x, x])], axes=[axis], keep_dims=True)])
    zero = call.like(0.0, x)
    return call.node("where", [call.node("equal", [length, zero]), zero, call.node("div", [x, length])])


@lowers("LRN")
def local_response_normalization(call: Call) -> str:
    """Over channels that come second; alpha is divided by the number of channels."""
    shape, size = call.shape(0), call.integer("size", 0)
    if size < 1:
        call.fail(f"a size of {size}")
    picture = call.reshape(call.value(0), [shape[0], shape[1], product(shape[2:])])
    alpha = call.number("alpha", 0.0001) / size
    before, after = (size - 1) // 2, size // 2
    value = local_response(call, picture, 1, before, after, alpha, call.number("beta", 0.75), call.number("bias", 1.0))
    return call.reshape(value, shape)
