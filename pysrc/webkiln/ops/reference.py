"""The meaning of the structured operators, in NumPy. Sums are accumulated in float64 and rounded once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Arrays = list[np.ndarray]
Attributes = dict[str, Any]


def _windows(x: np.ndarray, window: Any, stride: Any, dilation: Any) -> np.ndarray:
    """Views of the windows of a padded picture: [N, OH, OW, C, KH, KW]."""
    span = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    views = sliding_window_view(x, span, axis=(1, 2))
    return views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def _pad_picture(x: np.ndarray, padding: Any, value: float) -> np.ndarray:
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _output_is_empty(x: np.ndarray, window: Any, padding: Any, dilation: Any) -> bool:
    height = x.shape[1] + padding[0] + padding[2] - ((window[0] - 1) * dilation[0] + 1)
    width = x.shape[2] + padding[1] + padding[3] - ((window[1] - 1) * dilation[1] + 1)
    return height < 0 or width < 0


def conv2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Cross-correlation of [N, H, W, C] with [KH, KW, C/groups, O]; padding is with zeros."""
    x, w = inputs[0].astype(np.float64), inputs[1].astype(np.float64)
    groups = attributes["groups"]
    kernel_height, kernel_width, group_channels, out_channels = w.shape
    if _output_is_empty(x, w.shape, attributes["padding"], attributes["dilation"]):
        height, width = (
            0 if size + low + high - ((k - 1) * d + 1) < 0 else (size + low + high - ((k - 1) * d + 1)) // s + 1
            for size, low, high, k, d, s in zip(
                x.shape[1:3], attributes["padding"][:2], attributes["padding"][2:], w.shape, attributes["dilation"], attributes["stride"], strict=False
            )
        )
        return np.zeros((x.shape[0], height, width, out_channels), np.float32)
    views = _windows(_pad_picture(x, attributes["padding"], 0.0), w.shape[:2], attributes["stride"], attributes["dilation"])
    batch, height, width = views.shape[:3]
    if group_channels == 1 and out_channels == groups:  # depthwise: a product and a sum over the taps
        y = np.einsum("nhwcij,ijc->nhwc", views, w[:, :, 0, :], optimize=False)
    else:
        per_group = out_channels // groups
        y = np.empty((batch, height, width, out_channels))
        for group in range(groups):
            patches = views[:, :, :, group * group_channels : (group + 1) * group_channels]
            columns = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel_height * kernel_width * group_channels)
            filters = w[..., group * per_group : (group + 1) * per_group].reshape(-1, per_group)
            with np.errstate(invalid="ignore"):
                out = (columns @ filters).reshape(batch, height, width, per_group)
            y[..., group * per_group : (group + 1) * per_group] = out
    with np.errstate(over="ignore", invalid="ignore"):
        return (y + inputs[2] if len(inputs) > 2 else y).astype(np.float32)


def matmul(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    with np.errstate(all="ignore"):
        y = inputs[0].astype(np.float64) @ inputs[1].astype(np.float64)
        if len(inputs) > 2:
            y = y + inputs[2]
        return y.astype(np.float32)


def max_pool2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """The greatest of each window; padding never wins; NaN does."""
    window, stride = attributes["window"], attributes["stride"]
    x = _pad_picture(inputs[0], attributes["padding"], -math.inf)
    if x.shape[1] < window[0] or x.shape[2] < window[1]:
        return _empty_pool(x, window, stride)
    return _windows(x, window, stride, (1, 1)).max(axis=(4, 5))


def average_pool2d(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """The mean of each window, over all of it or over what is not padding."""
    window, stride, padding = attributes["window"], attributes["stride"], attributes["padding"]
    x = _pad_picture(inputs[0].astype(np.float64), padding, 0.0)
    if x.shape[1] < window[0] or x.shape[2] < window[1]:
        return _empty_pool(x, window, stride)
    with np.errstate(invalid="ignore"):
        total = _windows(x, window, stride, (1, 1)).sum(axis=(4, 5))
    counted = _pad_picture(np.ones((1, *inputs[0].shape[1:3], 1)), padding, float(attributes["count_padding"]))
    return (total / _windows(counted, window, stride, (1, 1)).sum(axis=(4, 5))).astype(np.float32)


def _empty_pool(x: np.ndarray, window: Any, stride: Any) -> np.ndarray:
    sizes = [max(0, (x.shape[i + 1] - window[i]) // stride[i] + 1) for i in range(2)]
    return np.zeros((x.shape[0], *sizes, x.shape[3]), np.float32)


def _reduce(inputs: Arrays, attributes: Attributes, function: Any, **options: Any) -> np.ndarray:
    x = inputs[0]
    wide = x.astype(np.float64) if x.dtype == np.float32 else x.astype(np.int64)
    with np.errstate(all="ignore"):
        y = function(wide, axis=tuple(attributes["axes"]), keepdims=attributes["keep_dims"], **options)
        return np.asarray(y).astype(x.dtype)


def reduce_sum(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return _reduce(inputs, attributes, np.sum)


def reduce_mean(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    axes = tuple(attributes["axes"])
    count = math.prod(inputs[0].shape[axis] for axis in axes)
    with np.errstate(all="ignore"):
        total = np.sum(inputs[0].astype(np.float64), axis=axes, keepdims=attributes["keep_dims"])
        return (np.asarray(total) / np.float64(count)).astype(np.float32)


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
        return x[:, rows][:, :, columns]
    y0, y1, fy = _linear_table(x.shape[1], height, coordinates)
    x0, x1, fx = _linear_table(x.shape[2], width, coordinates)
    fx, fy = fx[None, None, :, None], fy[None, :, None, None]
    with np.errstate(all="ignore"):
        rows0, rows1 = x[:, y0], x[:, y1]
        top = rows0[:, :, x0] + (rows0[:, :, x1] - rows0[:, :, x0]) * fx
        bottom = rows1[:, :, x0] + (rows1[:, :, x1] - rows1[:, :, x0]) * fx
        return np.asarray(top + (bottom - top) * fy, np.float32)


def pad(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """A constant around, and `interior` times between, the elements of each axis."""
    x = inputs[0]
    low, high, interior = attributes["low"], attributes["high"], attributes["interior"]
    inner = [size + max(size - 1, 0) * gap for size, gap in zip(x.shape, interior, strict=True)]
    shape = [a + size + b for a, size, b in zip(low, inner, high, strict=True)]
    y = np.full(shape, np.array(float(attributes["value"])).astype(x.dtype), x.dtype)
    y[tuple(slice(a, a + size, gap + 1) for a, size, gap in zip(low, inner, interior, strict=True))] = x
    return y


def concat(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.concatenate(inputs, axis=attributes["axis"])


def reshape(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return inputs[0].reshape(attributes["shape"])


def transpose(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return inputs[0].transpose(attributes["permutation"]).copy()


def slice_(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Element k of an axis is `start + k · step`."""
    x = inputs[0]
    for axis, (start, size, step) in enumerate(zip(attributes["start"], attributes["size"], attributes["step"], strict=True)):
        x = np.take(x, start + np.arange(size) * step, axis=axis)
    return x


def expand(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    return np.broadcast_to(inputs[0], attributes["shape"]).copy()


def gather(inputs: Arrays, attributes: Attributes) -> np.ndarray:
    """Entries along one axis by index; an index outside is clamped."""
    return np.take(inputs[0], inputs[1], axis=attributes["axis"], mode="clip")
