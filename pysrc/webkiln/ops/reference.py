"""The meaning of the structured operators, in NumPy. Sums are accumulated in float64 and rounded once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from webkiln.ops.rules import window_size

Arrays = list[np.ndarray]
Attributes = dict[str, Any]


def _wide(x: np.ndarray) -> type[np.generic]:
    """What sums are accumulated in: float64 for floats; integers wrap at 64 bits, and so do their last 32."""
    return np.float64 if x.dtype == np.float32 else np.int64


def _windows(x: np.ndarray, window: Any, stride: Any, dilation: Any) -> np.ndarray:
    """Views of the windows of a padded picture: [N, OH, OW, C, KH, KW]."""
    span = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    views: np.ndarray = sliding_window_view(x, span, axis=(1, 2))
    return views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def _pad_picture(x: np.ndarray, padding: Any, value: float) -> np.ndarray:
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _output_size(x: np.ndarray, window: Any, attributes: Attributes, dilation: Any = (1, 1)) -> list[int]:
    """Height and width of a convolution's or a pool's output."""
    padding, stride = attributes["padding"], attributes["stride"]
    return [
        window_size(x.shape[1 + i], padding[i], padding[2 + i], window[i], stride[i], dilation[i]) for i in range(2)
    ]


def conv2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Cross-correlation of [N, H, W, C] with [KH, KW, C/groups, O]; padding is with zeros."""
    dtype, wide = inputs[0].dtype, _wide(inputs[0])
    x, w = inputs[0].astype(wide), inputs[1].astype(wide)
    groups, dilation = attributes["groups"], attributes["dilation"]
    group_channels, out_channels = w.shape[2:]
    height, width = _output_size(x, w.shape, attributes, dilation)
    y = np.empty((x.shape[0], height, width, out_channels), wide)
    if y.size == 0:
        return y.astype(dtype)
    views = _windows(_pad_picture(x, attributes["padding"], 0.0), w.shape[:2], attributes["stride"], dilation)
    with np.errstate(all="ignore"):
        if group_channels == 1 and out_channels == groups:  # depthwise: a product and a sum over the taps
            y = np.einsum("nhwcij,ijc->nhwc", views, w[:, :, 0, :], optimize=False)
        else:
            per_group = out_channels // groups
            for group in range(groups):
                patches = views[:, :, :, group * group_channels : (group + 1) * group_channels]
                columns = patches.transpose(0, 1, 2, 4, 5, 3).reshape(y[..., 0].size, -1)
                filters = w[..., group * per_group : (group + 1) * per_group].reshape(-1, per_group)
                y[..., group * per_group : (group + 1) * per_group] = (columns @ filters).reshape(*y.shape[:3], per_group)
        if len(inputs) > 2:
            y = y + inputs[2]
        return y.astype(dtype)


def matmul(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    wide = _wide(inputs[0])
    with np.errstate(all="ignore"):
        y: np.ndarray = inputs[0].astype(wide) @ inputs[1].astype(wide)
        if len(inputs) > 2:
            y = y + inputs[2]
        return y.astype(inputs[0].dtype)


def max_pool2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """The greatest of each window; padding never wins; NaN does."""
    x, window, stride = inputs[0], attributes["window"], attributes["stride"]
    if 0 in _output_size(x, window, attributes):
        return np.zeros((x.shape[0], *_output_size(x, window, attributes), x.shape[3]), np.float32)
    views = _windows(_pad_picture(x, attributes["padding"], -math.inf), window, stride, (1, 1))
    return np.asarray(views.max(axis=(4, 5)))


def average_pool2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """The mean of each window, over all of it or over what is not padding."""
    x, window, stride, padding = inputs[0], attributes["window"], attributes["stride"], attributes["padding"]
    if 0 in _output_size(x, window, attributes):
        return np.zeros((x.shape[0], *_output_size(x, window, attributes), x.shape[3]), np.float32)
    counted = _pad_picture(np.ones((1, *x.shape[1:3], 1)), padding, float(attributes["count_padding"]))
    with np.errstate(all="ignore"):
        total = _windows(_pad_picture(x.astype(np.float64), padding, 0.0), window, stride, (1, 1)).sum(axis=(4, 5))
        return np.asarray(total / _windows(counted, window, stride, (1, 1)).sum(axis=(4, 5)), np.float32)


def _reduce(inputs: Arrays, attributes: Attributes, function: Any, **options: Any) -> np.ndarray:
    x = inputs[0]
    with np.errstate(all="ignore"):
        y = function(x.astype(_wide(x)), axis=tuple(attributes["axes"]), keepdims=attributes["keep_dims"], **options)
        return np.asarray(y).astype(x.dtype)


def reduce_sum(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _reduce(inputs, attributes, np.sum)


def reduce_mean(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    axes = tuple(attributes["axes"])
    count = math.prod(inputs[0].shape[axis] for axis in axes)
    with np.errstate(all="ignore"):
        total = np.sum(inputs[0].astype(np.float64), axis=axes, keepdims=attributes["keep_dims"])
        return np.asarray(total / np.float64(count), np.float32)


def _smallest(dtype: np.dtype[Any]) -> float:
    return -math.inf if dtype == np.float32 else -(2**31)


def reduce_max(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _reduce(inputs, attributes, np.max, initial=_smallest(inputs[0].dtype))


def reduce_min(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _reduce(inputs, attributes, np.min, initial=math.inf if inputs[0].dtype == np.float32 else 2**31 - 1)


def reduce_prod(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _reduce(inputs, attributes, np.prod)


def resize_coordinates(size_in: int, size_out: int, coordinates: str) -> np.ndarray:
    """Where each output element lies in the input, in float64."""
    i = np.arange(size_out, dtype=np.float64)
    if coordinates == "half_pixel":
        return (i + 0.5) * (size_in / size_out) - 0.5 if size_out else i
    if coordinates == "align_corners":
        return i * ((size_in - 1) / (size_out - 1)) if size_out > 1 else i * 0.0
    return i * (size_in / size_out) if size_out else i


def _linear_table(size_in: int, size_out: int, coordinates: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.clip(resize_coordinates(size_in, size_out, coordinates), 0, max(size_in - 1, 0))
    first = np.floor(at).astype(np.int64)
    return first, np.minimum(first + 1, size_in - 1), (at - first).astype(np.float32)


def resize(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """[N, H, W, C] at another size; see docs/architecture.md for the formula."""
    x, (height, width), coordinates = inputs[0], attributes["size"], attributes["coordinates"]
    if x.size == 0 or height * width == 0:
        return np.zeros((x.shape[0], height, width, x.shape[3]), x.dtype)
    if attributes["mode"] == "nearest":
        rows, columns = (
            np.clip(
                np.floor(resize_coordinates(size_in, size_out, coordinates) + (0.5 if attributes["rounding"] == "round" else 0.0)),
                0,
                size_in - 1,
            ).astype(np.int64)
            for size_in, size_out in ((x.shape[1], height), (x.shape[2], width))
        )
        return np.asarray(x[:, rows][:, :, columns])
    y0, y1, fy = _linear_table(x.shape[1], height, coordinates)
    x0, x1, fx = _linear_table(x.shape[2], width, coordinates)
    fx, fy = fx[None, None, :, None], fy[None, :, None, None]
    with np.errstate(all="ignore"):
        rows0, rows1 = x[:, y0], x[:, y1]
        top = rows0[:, :, x0] + (rows0[:, :, x1] - rows0[:, :, x0]) * fx
        bottom = rows1[:, :, x0] + (rows1[:, :, x1] - rows1[:, :, x0]) * fx
        return np.asarray(top + (bottom - top) * fy, np.float32)


def pad(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """A constant, converted as `cast` does, around and `interior` times between the elements of each axis."""
    x = inputs[0]
    low, high, interior = attributes["low"], attributes["high"], attributes["interior"]
    inner = [size + max(size - 1, 0) * gap for size, gap in zip(x.shape, interior, strict=True)]
    shape = [a + size + b for a, size, b in zip(low, inner, high, strict=True)]
    y = np.full(shape, convert(np.array(attributes["value"], np.float32), x.dtype))
    y[tuple(slice(a, a + size, gap + 1) for a, size, gap in zip(low, inner, interior, strict=True))] = x
    return np.asarray(y)


def convert(x: np.ndarray, to: np.dtype[Any]) -> np.ndarray:
    """Float to integer truncates and saturates at 32 bits, NaN becomes 0; narrowing integers wraps; bool is "not zero"."""
    with np.errstate(all="ignore"):
        if x.dtype == np.float32 and to.kind in "iu":
            wide = np.clip(np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=3e9, neginf=-3e9), -(2.0**31), 2.0**31 - 1)
            return np.asarray(np.trunc(wide).astype(np.int64).astype(to))
        return np.asarray(x.astype(to))


def concat(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.asarray(np.concatenate(inputs, axis=attributes["axis"]))


def reshape(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.asarray(inputs[0].reshape(attributes["shape"]))


def transpose(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.array(inputs[0].transpose(attributes["permutation"]), order="C")


def slice_(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Element k of an axis is `start + k · step`."""
    x = inputs[0]
    for axis, (start, size, step) in enumerate(zip(attributes["start"], attributes["size"], attributes["step"], strict=True)):
        x = np.asarray(np.take(x, start + np.arange(size) * step, axis=axis))
    return x


def expand(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.array(np.broadcast_to(inputs[0], attributes["shape"]), order="C")


def gather(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Entries along one axis by index; an index outside is clamped."""
    if inputs[1].size == 0:
        x, axis = inputs[0], attributes["axis"]
        return np.zeros((*x.shape[:axis], *inputs[1].shape, *x.shape[axis + 1 :]), x.dtype)
    return np.asarray(np.take(inputs[0], inputs[1], axis=attributes["axis"], mode="clip"))


def _ranks(x: np.ndarray) -> np.ndarray:
    """The place of each value among the different values, NaN the greatest."""
    return np.unique(x, return_inverse=True)[1].reshape(x.shape)


def _arg_extreme(x: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Where along an axis the greatest lies: the first, or with `last` the last of several; NaN is the greatest."""
    axis, last = attributes["axis"], attributes["last"]
    found = np.argmax(np.flip(x, axis) if last else x, axis=axis, keepdims=attributes["keep_dims"])
    return np.asarray(x.shape[axis] - 1 - found if last else found, np.int32)


def arg_max(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _arg_extreme(inputs[0], attributes)


def arg_min(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """As `arg_max` for the least; NaN is the least here, as it is the result of a minimum."""
    return _arg_extreme(-inputs[0].astype(np.float64), attributes)


def _cumulate(inputs: Arrays, attributes: Attributes, function: Any, start: int) -> np.ndarray:
    x, axis = inputs[0], attributes["axis"]
    wide = x.astype(_wide(x))
    wide = np.flip(wide, axis) if attributes["reverse"] else wide
    if attributes["exclusive"]:
        before = np.full_like(np.take(wide, [0] if wide.shape[axis] else [], axis=axis), start)
        wide = np.concatenate([before, np.delete(wide, -1, axis=axis)] if wide.shape[axis] else [wide], axis=axis)
    with np.errstate(all="ignore"):
        y = function(wide, axis=axis).astype(x.dtype)
    return np.array(np.flip(y, axis) if attributes["reverse"] else y, order="C")


def cumulative_sum(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _cumulate(inputs, attributes, np.cumsum, 0)


def cumulative_prod(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _cumulate(inputs, attributes, np.cumprod, 1)


def argsort(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """The indices that sort an axis; equal values keep their order; NaN is the greatest."""
    ranks = _ranks(inputs[0])
    order = np.argsort(-ranks if attributes["descending"] else ranks, axis=attributes["axis"], kind="stable")
    return np.asarray(order, np.int32)


def non_max_suppression(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Of each class the boxes in the order of their scores, without those that overlap one before them by more than the threshold.

    Overlap is the intersection over the union, in float32; that with a box without area is 0.
    """
    boxes, scores, threshold = inputs
    low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    area = (high[..., 0] - low[..., 0]) * (high[..., 1] - low[..., 1])
    chosen = np.full((*scores.shape[:2], attributes["limit"][0]), -1, np.int32)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for n, c in np.ndindex(*scores.shape[:2]):
            rest = np.argsort(-scores[n, c], kind="stable")
            rest = rest[~np.isnan(scores[n, c][rest])]
            for place in range(chosen.shape[2]):
                if not rest.size:
                    break
                best, rest = rest[0], rest[1:]
                chosen[n, c, place] = best
                width = np.minimum(high[n, best], high[n, rest]) - np.maximum(low[n, best], low[n, rest])
                common = np.maximum(width[:, 0], np.float32(0)) * np.maximum(width[:, 1], np.float32(0))
                overlap = common / (area[n, best] + area[n, rest] - common)
                apart = (area[n, best] <= 0) | (area[n, rest] <= 0)
                rest = rest[apart | ~(overlap > threshold)]
    return chosen


def requantize(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """`x · multiplier · 2^(shift − 31)`, rounded to integers as fixed-point arithmetic does, for shifts of −31 … 30.

    `double`: the high half of the doubled product is rounded (halves up), then the right shift (halves away from zero), as gemmlowp's
    SaturatingRoundingDoublingHighMul and RoundingDivideByPOT. `single`: one rounding (halves up). `reduced`: the same with the 16 high bits of
    the multiplier, rounded, at most 2^15 − 1, as TFLite multiplies sums of 64 bits. `float`: x and the factor as float32, their product in
    float32, rounded with halves to even, as XNNPACK does. What does not fit is clipped; a left shift before `double` wraps.
    """
    if attributes["rounding"] == "float":
        factor = np.ldexp(inputs[1].astype(np.float32), np.clip(inputs[2], -31, 30) - 31)
        nearest = np.rint(inputs[0].astype(np.float32) * factor).astype(np.float64)
        return np.asarray(np.clip(nearest, -(2**31), 2**31 - 1), np.int32).reshape(inputs[0].shape)
    x, multiplier, shift = (array.astype(np.int64) for array in inputs)
    shift = np.clip(shift, -31, 30)
    if attributes["rounding"] == "double":
        wrapped = (x << np.maximum(shift, 0)).astype(np.int32).astype(np.int64)
        high = np.minimum((wrapped * multiplier + 2**30) >> 31, 2**31 - 1)
        right = np.maximum(-shift, 0)
        rest = high & ((1 << right) - 1)
        y = (high >> right) + (rest > (((1 << right) - 1) >> 1) + (high < 0))
    else:
        reduced = attributes["rounding"] == "reduced"
        factor = np.where(multiplier < 0x7FFF0000, (multiplier + 2**15) >> 16, 0x7FFF) if reduced else multiplier
        bits = (15 if reduced else 31) - shift
        # A shift to the left is one of the factor, which a fixed point of 16 bits leaves room for.
        scaled = x * (factor << np.maximum(1 - bits, 0))
        bits = np.maximum(bits, 1)
        y = (scaled + (1 << (bits - 1))) >> bits
    return np.asarray(np.clip(y, -(2**31), 2**31 - 1), np.int32).reshape(inputs[0].shape)


_REDUCTIONS: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def scatter(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """`x` with `updates` written to, or combined with, its rows `indices`, one after another; an index outside is left out."""
    x, indices, updates = inputs
    y = x.copy()
    inside = (indices >= 0) & (indices < x.shape[0])
    with np.errstate(all="ignore"):
        if attributes["reduction"] == "none":
            for index, update in zip(indices[inside], updates[inside], strict=True):
                y[index] = update
        else:
            _REDUCTIONS[attributes["reduction"]].at(y, indices[inside], updates[inside])
    return np.asarray(y)
