"""Every operator of TensorFlow that is converted, against its meaning in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from best_boxes import kept
from imported_models import run
from tfjs_writer import node, placeholder, port, weight, write
from webkiln import convert, importers
from webkiln.errors import FormatError, UnsupportedOperatorError
from webkiln.importers.tensorflow.operators import RULES

RNG = np.random.default_rng(5)
F = RNG.normal(0, 2, (2, 3, 4)).astype(np.float32)
G = RNG.normal(0, 2, (3, 4)).astype(np.float32)
P = RNG.uniform(0.1, 3, (2, 3, 4)).astype(np.float32)
U = RNG.uniform(-0.9, 0.9, (2, 3, 4)).astype(np.float32)
K = RNG.integers(-9, 10, (2, 3, 4)).astype(np.int32)
J = RNG.integers(1, 6, (3, 4)).astype(np.int32) * RNG.choice([-1, 1], (3, 4)).astype(np.int32)
B = RNG.integers(0, 2, (2, 3, 4)).astype(bool)
C = RNG.integers(0, 2, (3, 4)).astype(bool)
IMAGE = RNG.normal(size=(2, 5, 6, 4)).astype(np.float32)
SPECIAL = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0], np.float32)


class Const(NamedTuple):
    """An input that is a weight of the model."""

    array: np.ndarray


def ints(*numbers: int) -> Const:
    return Const(np.array(numbers, np.int32))


def scalar(number: int) -> Const:
    return Const(np.array(number, np.int32))


CENTRES, EXTENTS = RNG.uniform(0, 3, (12, 2)), RNG.uniform(0.5, 2, (12, 2))
BOXES = np.concatenate([CENTRES - EXTENTS, CENTRES + EXTENTS], 1).astype(np.float32)
SCORES = RNG.permutation(np.linspace(0.05, 0.95, 12)).astype(np.float32)

Array = Any
Case = tuple[str, list[Array], dict[str, Any], Callable[..., Any]]
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def padded(x: Array, size: int) -> Array:
    return np.pad(x, (0, size - len(x)))


def halfway(x: Array) -> Array:
    """Twice as high by interpolation at i / 2; the last row repeats."""
    below = np.concatenate([x[:, 1:], x[:, -1:]], 1)
    return np.stack([x, (x + below) / 2], 2).reshape(x.shape[0], -1, *x.shape[2:]).astype(np.float32)


def truncated(a: Array, b: Array) -> Array:
    return np.trunc(a / b).astype(np.int32)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def each(ops: dict[str, Callable[..., Any]], *inputs: Array) -> list[Case]:
    return [(op, list(inputs), {}, function) for op, function in ops.items()]


def conv(x: Array, w: Array, stride: int = 1, dilation: int = 1, same: bool = True) -> Array:
    """Correlation of [N, H, W, C] and [KH, KW, C/G, O], written out."""
    span = [(k - 1) * dilation + 1 for k in w.shape[:2]]
    if same:
        total = [max((-(-size // stride) - 1) * stride + reach - size, 0) for size, reach in zip(x.shape[1:3], span, strict=True)]
        x = np.pad(x, [(0, 0), *((one // 2, one - one // 2) for one in total), (0, 0)])
    size = [(whole - reach) // stride + 1 for whole, reach in zip(x.shape[1:3], span, strict=True)]
    groups = x.shape[3] // w.shape[2]
    each_out = w.shape[3] // groups
    result = np.zeros((x.shape[0], *size, w.shape[3]))
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            rows, columns = i * dilation, j * dilation
            tap = x[:, rows : rows + (size[0] - 1) * stride + 1 : stride, columns : columns + (size[1] - 1) * stride + 1 : stride]
            for g in range(groups):
                a, b = g * w.shape[2], g * each_out
                result[..., b : b + each_out] += tap[..., a : a + w.shape[2]] @ w[i, j, :, b : b + each_out]
    return result


def pooled(x: Array, window: int, stride: int, function: Callable[..., Any]) -> Array:
    total = [max((-(-size // stride) - 1) * stride + window - size, 0) for size in x.shape[1:3]]
    x = np.pad(x, [(0, 0), *((one // 2, one - one // 2) for one in total), (0, 0)], constant_values=np.nan)
    size = [(whole - window) // stride + 1 for whole in x.shape[1:3]]
    parts = [x[:, i : i + (size[0] - 1) * stride + 1 : stride, j : j + (size[1] - 1) * stride + 1 : stride] for i in range(window) for j in range(window)]
    return function(np.stack(parts), axis=0)


def transposed(x: Array, w: Array, shape: tuple[int, ...], stride: int) -> Array:
    """The gradient of a convolution [KH, KW, O, K] with SAME padding, by adding what each element reaches."""
    total = [max((size - 1) * stride + k - whole, 0) for size, k, whole in zip(x.shape[1:3], w.shape[:2], shape[1:3], strict=True)]
    padded = np.zeros((shape[0], shape[1] + total[0], shape[2] + total[1], shape[3]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            padded[:, i * stride : i * stride + w.shape[0], j * stride : j * stride + w.shape[1]] += np.einsum("nc,hwoc->nhwo", x[:, i, j], w)
    top, left = total[0] // 2, total[1] // 2
    return padded[:, top : top + shape[1], left : left + shape[2]]


W = RNG.normal(size=(3, 2, 4, 6)).astype(np.float32)
D = RNG.normal(size=(3, 3, 4, 2)).astype(np.float32)
VOLUME, W3 = RNG.normal(size=(1, 4, 5, 5, 2)).astype(np.float32), RNG.normal(size=(2, 3, 2, 2, 3)).astype(np.float32)
T = RNG.normal(size=(3, 3, 5, 4)).astype(np.float32)
BIAS = RNG.normal(size=6).astype(np.float32)
ONES = [1, 1, 1, 1]
NORM = [RNG.uniform(0.5, 2, 4).astype(np.float32) for _ in range(4)]
DEPTHWISE = D.reshape(3, 3, 1, 8)


def normalized(x: Array, scale: Array, offset: Array, mean: Array, variance: Array) -> Array:
    return (x - mean) * scale / np.sqrt(variance + 0.01) + offset


def lrn(x: Array) -> Array:
    squares = np.pad(x * x, [(0, 0)] * 3 + [(2, 2)])
    return x / (1.5 + 0.3 * sum(squares[..., i : i + x.shape[3]] for i in range(5))) ** 0.75


def scattered(x: Array, indices: Array, updates: Array, combine: Callable[[Any, Any], Any]) -> Array:
    result = x.copy()
    for index, update in zip(indices, updates, strict=True):
        result[tuple(index)] = combine(result[tuple(index)], update)
    return result


PLACES, UPDATES = np.array([[1, 2], [0, 0], [1, 1]], np.int32), RNG.normal(size=(3, 4)).astype(np.float32)
ROWS = RNG.normal(size=(2, 5, 3)).astype(np.float32)
BATCHED = np.array([[0, 4, 2, 2], [1, 0, 3, 4]], np.int32)

CASES: list[Case] = [
    *each({"Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "Square": np.square, "Relu": lambda x: np.maximum(x, 0)}, F),
    *each({"Abs": np.abs, "Neg": np.negative, "Square": np.square, "Relu": lambda x: np.maximum(x, 0), "Relu6": lambda x: np.clip(x, 0, 6)}, K),
    *each({"Invert": np.invert}, K),
    *each({"Exp": np.exp, "Expm1": np.expm1, "Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Atan": np.arctan, "Sinh": np.sinh}, F),
    *each({"Cosh": np.cosh, "Tanh": np.tanh, "Asinh": np.arcsinh, "Sigmoid": sigmoid, "Softplus": lambda x: np.logaddexp(x, 0)}, F),
    *each({"Floor": np.floor, "Ceil": np.ceil, "Round": np.rint, "Rint": np.rint, "Erf": erf, "Erfc": lambda x: 1 - erf(x)}, F),
    *each({"Round": np.rint}, np.array([0.5, 1.5, -0.5, -2.5], np.float32)),
    *each({"Expm1": np.expm1, "Log1p": np.log1p}, np.array([1e-6, -1e-4, 0.0, 0.7, -0.6], np.float32)),
    *each({"Log": np.log, "Log1p": np.log1p, "Sqrt": np.sqrt, "Rsqrt": lambda x: x**-0.5, "Reciprocal": np.reciprocal, "Inv": np.reciprocal}, P),
    *each({"Asin": np.arcsin, "Acos": np.arccos, "Atanh": np.arctanh}, U),
    *each({"Acosh": np.arccosh}, P + 1),
    *each({"Elu": lambda x: np.where(x > 0, x, np.expm1(x)), "Softsign": lambda x: x / (1 + np.abs(x))}, F),
    *each({"Selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))}, F),
    *each({"Relu6": lambda x: np.clip(x, 0, 6), "ReluN1To1": lambda x: np.clip(x, -1, 1)}, F * 5),
    ("LeakyRelu", [F], {"alpha": 0.3}, lambda x: np.where(x > 0, x, 0.3 * x)),
    ("LeakyRelu", [F], {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("Prelu", [F, G], {}, lambda x, a: np.where(x > 0, x, a * x)),
    *each({"IsNan": np.isnan, "IsInf": np.isinf, "IsFinite": np.isfinite}, SPECIAL),
    *each({"LogicalNot": np.logical_not}, B),
    *each({"Identity": lambda x: x, "Snapshot": lambda x: x, "StopGradient": lambda x: x, "PreventGradient": lambda x: x}, K),
    *each({"CheckNumerics": lambda x: x, "EnsureShape": lambda x: x, "PlaceholderWithDefault": lambda x: x}, F),
    ("IdentityN", [F, K], {}, lambda x, y: [x, y]),
    *each({"Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply, "Maximum": np.maximum, "Minimum": np.minimum}, F, G),
    *each({"Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply, "Maximum": np.maximum, "Minimum": np.minimum}, K, J),
    *each({"Div": np.divide, "RealDiv": np.divide, "FloorDiv": np.floor_divide, "FloorMod": np.mod, "Mod": np.fmod}, F, G),
    *each({"Div": truncated, "TruncateDiv": truncated, "FloorDiv": np.floor_divide}, K, J),
    *each({"FloorMod": np.mod, "Mod": np.fmod, "TruncateMod": np.fmod}, K, J),
    *each({"AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply}, np.array([100, -100, 7], np.int8), np.array([100, 29, -30], np.int8)),
    *each({"AddV2": np.add, "Mul": np.multiply}, np.array([30000, -30000], np.int16), np.array([30000, 3], np.int16)),
    *each({"DivNoNan": lambda a, b: np.where(b == 0, 0, a / np.where(b == 0, 1, b))}, F, np.where(G > 0, G, 0).astype(np.float32)),
    *each({"MulNoNan": lambda a, b: np.where(b == 0, 0, 1) * 1.0}, np.array([math.inf, 1], np.float32), np.array([0, 1], np.float32)),
    *each({"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}, K, J),
    *each({"LeftShift": np.left_shift, "RightShift": np.right_shift}, K, np.abs(J)),
    *each({"Equal": np.equal, "NotEqual": np.not_equal, "Less": np.less, "LessEqual": np.less_equal}, K, J),
    *each({"Greater": np.greater, "GreaterEqual": np.greater_equal, "SquaredDifference": lambda a, b: (a - b) ** 2}, K, J),
    *each({"Less": np.less, "Equal": np.equal, "SquaredDifference": lambda a, b: (a - b) ** 2}, F, G),
    *each({"Less": np.less, "Equal": np.equal}, np.array([200, 3], np.uint8), np.array([100, 3], np.uint8)),
    *each({"Equal": np.equal, "NotEqual": np.not_equal, "LogicalAnd": np.logical_and, "LogicalOr": np.logical_or, "LogicalXor": np.logical_xor}, B, C),
    *each({"Pow": np.power}, P, G),
    *each({"Pow": np.power}, K, np.abs(J)),
    *each({"Atan2": np.arctan2}, F, G),
    ("Atan2", [np.repeat(SPECIAL, 7), np.tile(SPECIAL, 7)], {}, np.arctan2),
    ("AddN", [F, P, U], {"N": 3}, lambda a, b, c: a + b + c),
    ("AccumulateNV2", [K, K], {"N": 2}, lambda a, b: a + b),
    ("BiasAdd", [F, G[0]], {}, np.add),
    ("BiasAddV1", [F, G[0]], {}, np.add),
    ("BiasAdd", [F, G[:, 0]], {"data_format": "NCHW"}, lambda x, b: x + b[:, None]),
    ("ClipByValue", [F, np.array(-1, np.float32), np.array(1.5, np.float32)], {}, np.clip),
    ("Select", [B[:, 0, 0], F, P], {}, lambda c, a, b: np.where(c[:, None, None], a, b)),
    ("Select", [B, K, np.abs(K)], {}, np.where),
    ("SelectV2", [C, F, G], {}, np.where),
    ("SelectV2", [C, B, C], {}, np.where),
    ("Cast", [F * 3], {"DstT": "DT_INT32"}, lambda x: np.trunc(x).astype(np.int32)),
    ("Cast", [K], {"DstT": "DT_FLOAT"}, lambda x: x.astype(np.float32)),
    ("Cast", [K * 1000], {"DstT": "DT_INT8"}, lambda x: x.astype(np.int8)),
    ("Cast", [K], {"DstT": "DT_BOOL"}, lambda x: x != 0),
    ("Cast", [B], {"DstT": "DT_INT64"}, lambda x: x.astype(np.int64)),
    ("ZerosLike", [K], {}, np.zeros_like),
    ("OnesLike", [F], {}, np.ones_like),
    # Reductions.
    ("Sum", [F, ints(0, -1)], {}, lambda x, _: x.sum((0, 2))),
    ("Sum", [K, scalar(1)], {"keep_dims": True}, lambda x, _: x.sum(1, keepdims=True, dtype=np.int32)),
    ("Mean", [F, ints(1)], {}, lambda x, _: x.mean(1)),
    ("Mean", [K, ints(0, 1, 2)], {"keep_dims": True}, lambda x, _: np.trunc(x.mean(keepdims=True)).astype(np.int32)),
    ("Max", [K, ints(2)], {}, lambda x, _: x.max(2)),
    ("Min", [F, ints(0, 1, 2)], {}, lambda x, _: x.min()),
    ("Prod", [U, ints(1)], {}, lambda x, _: x.prod(1)),
    ("EuclideanNorm", [F, ints(1, 2)], {}, lambda x, _: np.sqrt((x * x).sum((1, 2)))),
    ("All", [B, ints(1)], {}, lambda x, _: x.all(1)),
    ("Any", [B, ints(-1)], {"keep_dims": True}, lambda x, _: x.any(2, keepdims=True)),
    ("ArgMax", [F, scalar(1)], {}, lambda x, _: x.argmax(1)),
    ("ArgMin", [K, scalar(-1)], {"output_type": "DT_INT32"}, lambda x, _: x.argmin(2).astype(np.int32)),
    ("Cumsum", [F, scalar(1)], {}, lambda x, _: x.cumsum(1)),
    ("Cumsum", [K, scalar(0)], {"exclusive": True, "reverse": True}, lambda x, _: x[::-1].cumsum(0, dtype=np.int32)[::-1] - x),
    ("Cumprod", [U, scalar(2)], {}, lambda x, _: x.cumprod(2)),
    # Shapes.
    ("Reshape", [F, ints(-1, 6)], {}, lambda x, _: x.reshape(-1, 6)),
    ("ExpandDims", [F, scalar(-2)], {}, lambda x, _: x[:, :, None]),
    ("Squeeze", [F[:1, :, :1]], {}, lambda x: x.reshape(3)),
    ("Squeeze", [F[:1, :, :1]], {"squeeze_dims": [2]}, lambda x: x.reshape(1, 3)),
    ("Transpose", [K, ints(2, 0, 1)], {}, lambda x, _: x.transpose(2, 0, 1)),
    ("ConcatV2", [F, P, scalar(-2)], {"N": 2}, lambda a, b, _: np.concatenate([a, b], 1)),
    ("Concat", [scalar(2), K, K], {"N": 2}, lambda _, a, b: np.concatenate([a, b], 2)),
    ("Pack", [F, P], {"axis": -1}, lambda a, b: np.stack([a, b], -1)),
    ("Unpack", [F], {"axis": 1, "num": 3}, lambda x: [x[:, i] for i in range(3)]),
    ("Split", [scalar(2), F], {"num_split": 2}, lambda _, x: np.split(x, 2, 2)),
    ("SplitV", [F, ints(1, -1), scalar(2)], {}, lambda x, *_: [x[..., :1], x[..., 1:]]),
    ("Tile", [K, ints(2, 1, 3)], {}, lambda x, _: np.tile(x, (2, 1, 3))),
    ("BroadcastTo", [G, ints(2, 3, 4)], {}, lambda x, _: np.broadcast_to(x, (2, 3, 4))),
    ("BroadcastArgs", [np.array([3, 1], np.int32), np.array([2, 1, 5], np.int32)], {}, lambda *_: np.array([2, 3, 5], np.int32)),
    ("Shape", [F], {"out_type": "DT_INT64"}, lambda x: np.array(x.shape, np.int64)),
    ("ShapeN", [F, G], {"N": 2}, lambda *all_: [np.array(x.shape, np.int32) for x in all_]),
    ("Size", [F], {}, lambda x: np.array(x.size, np.int32)),
    ("Rank", [F], {}, lambda x: np.array(x.ndim, np.int32)),
    ("ReverseV2", [F, ints(0, 2)], {}, lambda x, _: x[::-1, :, ::-1]),
    ("Roll", [K, ints(1, -2), ints(1, 2)], {}, lambda x, *_: np.roll(x, (1, -2), (1, 2))),
    ("MatrixBandPart", [F, np.array(1, np.int32), np.array(0, np.int32)], {}, lambda x, *_: np.triu(np.tril(x, 0), -1)),
    ("MatrixBandPart", [K, scalar(-1), scalar(1)], {}, lambda x, *_: np.tril(x, 1)),
    ("DepthToSpace", [IMAGE], {"block_size": 2}, lambda x: x.reshape(2, 5, 6, 2, 2, 1).transpose(0, 1, 3, 2, 4, 5).reshape(2, 10, 12, 1)),
    (
        "SpaceToDepth",
        [IMAGE[:, :4]],
        {"block_size": 2},
        lambda x: x.reshape(2, 2, 2, 3, 2, 4).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 16),
    ),
    (
        "SpaceToBatchND",
        [IMAGE[:1], ints(3, 2), Const(np.array([[0, 1], [2, 0]]))],
        {},
        lambda x, *_: np.pad(x, [(0, 0), (0, 1), (2, 0), (0, 0)]).reshape(2, 3, 4, 2, 4).transpose(1, 3, 0, 2, 4).reshape(6, 2, 4, 4),
    ),
    (
        "BatchToSpaceND",
        [RNG.normal(size=(6, 2, 4, 4)).astype(np.float32), ints(3, 2), Const(np.array([[0, 1], [2, 0]]))],
        {},
        lambda x, *_: x.reshape(3, 2, 2, 4, 4).transpose(2, 0, 3, 1, 4).reshape(1, 6, 8, 4)[:, :5, 2:],
    ),
    # Slices and paddings.
    ("Slice", [F, ints(0, 1, 2), ints(2, -1, 1)], {}, lambda x, *_: x[0:2, 1:, 2:3]),
    ("StridedSlice", [F, ints(0, 2, -1), ints(2, 0, -9), ints(1, -1, -2)], {}, lambda x, *_: x[0:2, 2:0:-1, -1:-9:-2]),
    ("StridedSlice", [F, ints(1, 5), ints(2, 1), ints(1, 1)], {"shrink_axis_mask": 1, "begin_mask": 2}, lambda x, *_: x[1, :1]),
    ("StridedSlice", [K, ints(0, 0, 1), ints(0, 0, 3), ints(1, 1, 1)], {"ellipsis_mask": 1, "new_axis_mask": 2}, lambda x, *_: x[..., None, 1:3]),
    ("Pad", [K, Const(np.array([[1, 0], [0, 2], [3, 1]]))], {}, lambda x, _: np.pad(x, [(1, 0), (0, 2), (3, 1)])),
    (
        "PadV2",
        [F, Const(np.array([[1, 0], [0, 2], [0, 0]])), Const(np.array(-7.5, np.float32))],
        {},
        lambda x, *_: np.pad(x, [(1, 0), (0, 2), (0, 0)], constant_values=-7.5),
    ),
    ("MirrorPad", [F, Const(np.array([[0, 1], [2, 1], [3, 0]]))], {"mode": "REFLECT"}, lambda x, _: np.pad(x, [(0, 1), (2, 1), (3, 0)], "reflect")),
    ("MirrorPad", [F, Const(np.array([[0, 2], [3, 1], [0, 0]]))], {"mode": "SYMMETRIC"}, lambda x, _: np.pad(x, [(0, 2), (3, 1), (0, 0)], "symmetric")),
    # Indices.
    ("Gather", [F, np.array([[1, 0], [1, 1]], np.int32)], {}, lambda x, i: x[i]),
    ("GatherV2", [K, np.array([3, 0, 3], np.int32), scalar(-1)], {}, lambda x, i, _: x[:, :, i]),
    ("GatherV2", [ROWS, BATCHED, scalar(1)], {"batch_dims": 1}, lambda x, i, _: np.stack([x[b][i[b]] for b in range(2)])),
    ("GatherV2", [ROWS, BATCHED % 3, scalar(2)], {"batch_dims": 1}, lambda x, i, _: np.stack([x[b][:, i[b]] for b in range(2)])),
    ("ResourceGather", [F, np.array(1, np.int32)], {}, lambda x, i: x[i]),
    ("GatherNd", [F, PLACES], {}, lambda x, i: x[i[:, 0], i[:, 1]]),
    ("OneHot", [np.array([[2, 0], [-1, 9]], np.int32), scalar(3), Const(np.array(5.0)), Const(np.array(-1.0))], {"axis": 1}, lambda i, *_: np.where(i[:, None] == np.arange(3)[:, None], 5, -1).astype(np.float32)),
    ("TopKV2", [F, scalar(2)], {}, lambda x, _: [-np.sort(-x, -1)[..., :2], np.argsort(-x, -1, kind="stable")[..., :2].astype(np.int32)]),
    ("TopKV2", [np.array([3, 1, 3, 2], np.int32), scalar(3)], {}, lambda x, _: [np.array([3, 3, 2], np.int32), np.array([0, 2, 3], np.int32)]),
    ("Unique", [np.array([7], np.int32)], {}, lambda x: [x, np.zeros(1, np.int32)]),
    ("Unique", [np.array([4, 1, 4, 9, 1, 0], np.int32)], {"out_idx": "DT_INT64"}, lambda x: [np.array([4, 1, 9, 0], np.int32), np.array([0, 1, 0, 2, 1, 3])]),
    ("UniqueV2", [np.array([[1, 2], [0, 5], [1, 2]], np.float32), ints(0)], {}, lambda x, _: [x[:2], np.array([0, 1, 0], np.int32)]),
    ("UniqueV2", [np.array([math.nan, 3, math.nan, 3], np.float32), Const(np.zeros(0, np.int32))], {}, lambda x, _: [x[:3], np.array([0, 1, 2, 1], np.int32)]),
    ("UniqueWithCounts", [np.array([3, 7, 3, 3], np.int32)], {}, lambda x: [x[:2], np.array([0, 1, 0, 0], np.int32), np.array([3, 1], np.int32)]),
    ("Where", [B], {}, lambda x: np.argwhere(x)),
    ("Where", [F * (F > 0)], {}, lambda x: np.argwhere(x)),
    ("NonMaxSuppressionV2", [BOXES, SCORES, scalar(3), Const(np.array(0.5))], {}, lambda boxes, scores, n, overlap: kept(boxes, scores, 3, 0.5)),
    ("NonMaxSuppressionV3", [BOXES, SCORES, scalar(9), Const(np.array(0.4)), Const(np.array(0.3))], {}, lambda boxes, scores, *_: kept(boxes, scores, 9, 0.4, 0.3)),
    (
        *("NonMaxSuppressionV4", [BOXES, SCORES, scalar(9), Const(np.array(0.4)), Const(np.array(0.3))], {"pad_to_max_output_size": True}),
        lambda boxes, scores, *_: [padded(kept(boxes, scores, 9, 0.4, 0.3), 9), np.int32(len(kept(boxes, scores, 9, 0.4, 0.3)))],
    ),
    (
        *("NonMaxSuppressionV4", [BOXES, SCORES, scalar(2), Const(np.array(0.4)), Const(np.array(0.0))], {}),
        lambda boxes, scores, *_: [kept(boxes, scores, 2, 0.4, 0.0), np.int32(2)],
    ),
    (
        *("NonMaxSuppressionV5", [BOXES, SCORES, scalar(9), Const(np.array(0.4)), Const(np.array(0.3)), Const(np.array(0.0))], {}),
        lambda boxes, scores, *_: [best := kept(boxes, scores, 9, 0.4, 0.3), scores[best], np.int32(len(best))],
    ),
    (
        *("NonMaxSuppressionV5", [BOXES, SCORES, scalar(25), Const(np.array(0.4)), Const(np.array(0.3)), Const(np.array(0.0))], {"pad_to_max_output_size": True}),
        lambda boxes, scores, *_: [padded(best := kept(boxes, scores, 25, 0.4, 0.3), 25), padded(scores[best], 25), np.int32(len(best))],
    ),
    ("TensorScatterUpdate", [F, PLACES, UPDATES], {}, lambda x, i, u: scattered(x, i, u, lambda a, b: b)),
    ("TensorScatterAdd", [F, PLACES, UPDATES], {}, lambda x, i, u: scattered(x, i, u, np.add)),
    ("TensorScatterSub", [F, PLACES, UPDATES], {}, lambda x, i, u: scattered(x, i, u, np.subtract)),
    ("TensorScatterMax", [F, PLACES, UPDATES], {}, lambda x, i, u: scattered(x, i, u, np.maximum)),
    ("TensorScatterMin", [F, PLACES, UPDATES], {}, lambda x, i, u: scattered(x, i, u, np.minimum)),
    ("ScatterNd", [PLACES[[0, 1, 0]], UPDATES, ints(2, 3, 4)], {}, lambda i, u, _: scattered(np.zeros((2, 3, 4), np.float32), i, u, np.add)),
    (
        "SparseToDense",
        [PLACES, ints(2, 3), np.array([5, 6, 7], np.int32), Const(np.array(-1))],
        {},
        lambda i, _, v, d: scattered(np.full((2, 3), -1, np.int32), i, v, lambda a, b: b),
    ),
    ("InvertPermutation", [np.array([2, 0, 1], np.int32)], {}, lambda p: np.argsort(p).astype(np.int32)),
    # Numbers.
    ("Fill", [ints(2, 3), np.array(2.5, np.float32)], {}, lambda _, v: np.full((2, 3), v)),
    ("Range", [scalar(3), scalar(-4), scalar(-2)], {}, lambda *_: np.arange(3, -4, -2, np.int32)),
    ("Range", [Const(np.array(0.5)), Const(np.array(2.0)), Const(np.array(0.5))], {}, lambda *_: np.array([0.5, 1, 1.5], np.float32)),
    ("LinSpace", [Const(np.array(1.0)), Const(np.array(2.0)), scalar(5)], {}, lambda *_: np.linspace(1, 2, 5, dtype=np.float32)),
    # Products.
    ("MatMul", [G, F[0]], {"transpose_b": True}, lambda a, b: a @ b.T),
    ("MatMul", [K[0], J], {"transpose_a": True}, lambda a, b: a.T @ b),
    ("_FusedMatMul", [G, W[0, 0], BIAS], {"fused_ops": ["BiasAdd", "Relu"]}, lambda a, b, c: np.maximum(a @ b + c, 0)),
    ("BatchMatMul", [F, F.transpose(0, 2, 1).copy()], {}, np.matmul),
    ("BatchMatMulV2", [F, G], {"adj_y": True}, lambda a, b: a @ b.T),
    ("BatchMatMulV3", [F, P], {"adj_x": True}, lambda a, b: a.transpose(0, 2, 1) @ b),
    ("Einsum", [F, G], {"equation": "bij,kj->bki", "N": 2}, lambda a, b: np.einsum("bij,kj->bki", a, b)),
    ("Conv2D", [IMAGE, W], {"strides": ONES, "padding": "SAME"}, conv),
    ("Conv2D", [IMAGE, Const(W)], {"strides": [1, 2, 2, 1], "padding": "VALID"}, lambda x, w: conv(x, w, 2, 1, False)),
    ("Conv2D", [IMAGE, Const(W)], {"strides": ONES, "dilations": [1, 2, 2, 1], "padding": "SAME"}, lambda x, w: conv(x, w, 1, 2)),
    (
        "Conv2D",
        [IMAGE.transpose(0, 3, 1, 2).copy(), Const(W)],
        {"strides": [1, 1, 2, 2], "padding": "SAME", "data_format": "NCHW"},
        lambda x, w: conv(x.transpose(0, 2, 3, 1), w, 2).transpose(0, 3, 1, 2),
    ),
    (
        "Conv2D",
        [IMAGE, Const(W)],
        {"strides": ONES, "padding": "EXPLICIT", "explicit_paddings": [0, 0, 1, 0, 2, 1, 0, 0]},
        lambda x, w: conv(np.pad(x, [(0, 0), (1, 0), (2, 1), (0, 0)]), w, same=False),
    ),
    ("Conv2D", [IMAGE, Const(W[:, :, :2])], {"strides": ONES, "padding": "SAME"}, conv),
    (
        "Conv3D",
        [VOLUME, Const(W3)],
        {"strides": [1, 1, 2, 1, 1], "padding": "VALID", "data_format": "NDHWC"},
        lambda x, w: np.stack([sum(conv(x[:, d + k], w[k], 1, 1, False) for k in range(2))[:, ::2] for d in range(3)], 1),
    ),
    ("_FusedConv2D", [IMAGE, Const(W), Const(BIAS)], {"strides": ONES, "padding": "SAME", "fused_ops": ["BiasAdd", "Relu6"]}, lambda x, w, b: np.clip(conv(x, w) + b, 0, 6)),
    (
        "_FusedConv2D",
        [IMAGE, Const(W), Const(BIAS), Const(BIAS)],
        {"strides": ONES, "padding": "SAME", "fused_ops": ["BiasAdd", "Prelu"]},
        lambda x, w, b, a: np.where(conv(x, w) + b > 0, conv(x, w) + b, a * (conv(x, w) + b)),
    ),
    (
        "_FusedConv2D",
        [IMAGE, Const(W), np.ones((2, 5, 6, 6), np.float32)],
        {"strides": ONES, "padding": "SAME", "fused_ops": ["BiasAdd", "LeakyRelu"], "leakyrelu_alpha": 0.5},
        lambda x, w, b: np.where(conv(x, w) + b > 0, conv(x, w) + b, 0.5 * (conv(x, w) + b)),
    ),
    (
        "_FusedConv2D",
        [IMAGE, Const(W[..., :4]), *map(Const, NORM)],
        {"strides": ONES, "padding": "SAME", "fused_ops": ["FusedBatchNorm"], "epsilon": 0.01},
        lambda x, w, *norm: normalized(conv(x, w), *norm),
    ),
    *(
        (op, [IMAGE, Const(D)], {"strides": [1, 2, 2, 1], "padding": "SAME"}, lambda x, _: conv(x, DEPTHWISE, 2))
        for op in ("DepthwiseConv2dNative", "DepthwiseConv2d")
    ),
    *(
        (
            op,
            [IMAGE, Const(D), Const(np.arange(8.0))],
            {"strides": ONES, "padding": "SAME", "fused_ops": ["BiasAdd", "Elu"]},
            lambda x, _, b: np.where(conv(x, DEPTHWISE) + b > 0, conv(x, DEPTHWISE) + b, np.expm1(np.minimum(conv(x, DEPTHWISE) + b, 0))),
        )
        for op in ("FusedDepthwiseConv2dNative", "_FusedDepthwiseConv2dNative")
    ),
    (
        "Conv2DBackpropInput",
        [ints(2, 10, 11, 5), T, IMAGE],
        {"strides": [1, 2, 2, 1], "padding": "SAME"},
        lambda _, w, x: transposed(x, w, (2, 10, 11, 5), 2),
    ),
    ("MaxPool", [IMAGE], {"ksize": [1, 3, 3, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}, lambda x: pooled(x, 3, 2, np.nanmax)),
    ("AvgPool", [IMAGE], {"ksize": [1, 2, 2, 1], "strides": ONES, "padding": "SAME"}, lambda x: pooled(x, 2, 1, np.nanmean)),
    *(
        (op, [IMAGE, *map(Const, NORM)], {"epsilon": 0.01, "is_training": False}, lambda x, *n: [normalized(x, *n), n[2], n[3], n[2], n[3]])
        for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
    ),
    ("LRN", [IMAGE], {"depth_radius": 2, "bias": 1.5, "alpha": 0.3, "beta": 0.75}, lrn),
    ("Softmax", [F], {}, softmax),
    ("LogSoftmax", [F], {}, lambda x: np.log(softmax(x))),
    ("ResizeBilinear", [IMAGE[:1, :2, :2, :1], ints(2, 3)], {"align_corners": True}, lambda x, _: np.stack([x[:, :, 0], x.mean(2), x[:, :, 1]], 2)),
    ("ResizeBilinear", [(IMAGE * 9).astype(np.int32), ints(10, 6)], {"half_pixel_centers": False}, lambda x, _: halfway(x)),
    ("ResizeNearestNeighbor", [IMAGE, ints(10, 3)], {}, lambda x, _: x.repeat(2, 1)[:, :, ::2]),
    ("ResizeNearestNeighbor", [K[:, :, :, None], ints(6, 8)], {"half_pixel_centers": True}, lambda x, _: x.repeat(2, 1).repeat(2, 2)),
    # Lists.
    ("TensorListFromTensor", [F, ints(3, 4)], {}, lambda x, _: x),
    ("TensorListStack", [F, ints(3, 4)], {"num_elements": 2}, lambda x, _: x),
    ("TensorListReserve", [ints(3), scalar(2)], {"element_dtype": "DT_INT32"}, lambda *_: np.zeros((2, 3), np.int32)),
    ("EmptyTensorList", [ints(3), scalar(9)], {"element_dtype": "DT_FLOAT"}, lambda *_: np.zeros((0, 3), np.float32)),
    ("TensorListLength", [F], {}, lambda x: np.array(2, np.int32)),
    ("TensorListGetItem", [F, np.array(1, np.int32), ints(3, 4)], {}, lambda x, i, _: x[i]),
    ("TensorListSetItem", [F, np.array(1, np.int32), G], {}, lambda x, i, g: np.stack([x[0], g])),
    ("TensorListGather", [F, np.array([1, 1, 0], np.int32), ints(3, 4)], {}, lambda x, i, _: x[i]),
    ("TensorListResize", [F, scalar(4)], {}, lambda x, _: np.pad(x, [(0, 2), (0, 0), (0, 0)])),
    ("TensorListResize", [F, scalar(1)], {}, lambda x, _: x[:1]),
    ("TensorListElementShape", [F], {"shape_type": "DT_INT64"}, lambda x: np.array([3, 4])),
    ("TensorListPushBack", [F, G], {}, lambda x, g: np.concatenate([x, g[None]])),
    ("TensorListPopBack", [F, ints(3, 4)], {}, lambda x, _: [x[:1], x[1]]),
    ("TensorListScatter", [F, ints(3, 1), ints(3, 4)], {}, lambda x, *_: np.stack([0 * x[0], x[1], 0 * x[0], x[0]])),
    ("TensorListScatterV2", [F, np.array([2, 0], np.int32), ints(3, 4), scalar(4)], {}, lambda x, *_: np.stack([x[1], 0 * x[0], x[0], 0 * x[0]])),
    ("TensorListScatterV2", [F, ints(1, 0), ints(3, 4), scalar(-1)], {}, lambda x, *_: x[::-1]),
    ("TensorListSplit", [G[:2].repeat(3, 0), ints(4), ints(2, 2, 2)], {}, lambda x, *_: x.reshape(3, 2, 4)),
    # Tables, whose contents stand in their place (keys, default, all keys, all values).
    *(
        (op, [K, Const(np.array(-1.5)), ints(7, -3, 2, 0), Const(np.array([0.5, 1, 2, 4]))], {}, lambda k, *_: np.vectorize({7: 0.5, -3: 1, 2: 2, 0: 4}.get)(k, -1.5).astype(np.float32))
        for op in ("LookupTableFind", "LookupTableFindV2")
    ),
    ("LookupTableFindV2", [np.array([5, 8], np.int32), ints(0, 1), ints(8, 9), Const(np.array([[2, 3], [4, 5]], np.int32))], {}, lambda *_: np.array([[0, 1], [2, 3]], np.int32)),
    *((op, [ints(7, -3, 2, 0)], {}, lambda k: np.array(4)) for op in ("LookupTableSize", "LookupTableSizeV2")),
    # Arrays of tensors: what they hold goes along their flow, and their handle is not read.
    ("TensorArrayV3", [scalar(2)], {"dtype": "DT_INT32", "element_shape": (3,)}, lambda _: [np.float32(0), np.zeros((2, 3), np.int32)]),
    ("TensorArrayReadV3", [G, np.array(1, np.int32), F], {}, lambda _, i, x: x[i]),
    ("TensorArrayWriteV3", [G, np.array(1, np.int32), G, F], {}, lambda _, i, g, x: np.stack([x[0], g])),
    ("TensorArrayGatherV3", [G, np.array([1, 1, 0], np.int32), F], {}, lambda _, i, x: x[i]),
    ("TensorArrayScatterV3", [G, np.array([1, 0], np.int32), F[::-1], F], {}, lambda _, i, values, x: x),
    ("TensorArraySplitV3", [G, G[:2].repeat(3, 0), ints(3, 3), F], {}, lambda _, x, *__: x.reshape(2, 3, 4)),
    ("TensorArraySizeV3", [G, F], {}, lambda _, x: np.array(2, np.int32)),
    ("TensorArrayConcatV3", [G, F], {}, lambda _, x: [x.reshape(6, 4), np.array([3, 3])]),
    *(
        (op, [F, ints(3, 4)], {}, lambda x, _: [x.reshape(6, 4), np.array([3, 3])])
        for op in ("TensorListConcat", "TensorListConcatV2")
    ),
]

def model_of(folder: Path, op: str, inputs: list[Array], attributes: dict[str, Any], count: int) -> Any:
    nodes, weights, feeds = [], [], {}
    for i, one in enumerate(inputs):
        name = f"in{i}"
        if isinstance(one, Const):
            weights.append(weight(name, one.array))
        else:
            nodes.append(placeholder(name, one.dtype.name, one.shape))
            feeds[name] = one
    nodes.append(node("y", op, [f"in{i}" for i in range(len(inputs))], **attributes))
    outputs = {f"y{i}": {"name": f"y:{i}"} for i in range(count)}
    write(folder, nodes, weights, inputs={name: port(name, one.dtype.name, one.shape) for name, one in feeds.items()}, outputs=outputs)
    return importers.read(folder), feeds


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{op}-{i}" for i, (op, *_) in enumerate(CASES)])
def test_operator(case: int, tmp_path: Path) -> None:
    op, inputs, attributes, meaning = CASES[case]
    arrays = [one.array.astype(np.float32) if isinstance(one, Const) and one.array.dtype.kind == "f" else getattr(one, "array", one) for one in inputs]
    with np.errstate(all="ignore"):
        wanted = meaning(*arrays)
    expected = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    model, feeds = model_of(tmp_path, op, inputs, attributes, len(expected))
    found = run(model, feeds)
    for i, one in enumerate(expected):
        result, one = found[f"y{i}"], np.asarray(one)
        assert result.shape == one.shape
        assert result.dtype.kind == one.dtype.kind
        if one.dtype.kind == "f":
            np.testing.assert_allclose(result, one, rtol=2e-5, atol=2e-5)
        else:
            np.testing.assert_array_equal(result, one)
            assert result.dtype == one.dtype


def test_every_operator_has_a_case() -> None:
    functions = {"If", "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase", "PartitionedCall", "StatefulPartitionedCall"}  # tried in test_tfjs_control_flow.py
    assert set(RULES) - functions == {op for op, *_ in CASES}


def test_sizes_disappear(tmp_path: Path) -> None:
    """Shapes that are computed from shapes leave no nodes behind."""
    nodes = [
        placeholder("x", "float32", (-1, 6, 2)),
        node("s", "Shape", ["x"], out_type="DT_INT32"),
        node("n", "StridedSlice", ["s", "zero", "one", "one"], shrink_axis_mask=1),
        node("k", "Mul", ["n", "three"]),
        node("t", "Pack", ["k", "four"], N=2),
        node("y", "Reshape", ["x", "t"]),
    ]
    constants = {"zero": [0], "one": [1], "three": 3, "four": 4}
    write(tmp_path, nodes, [weight(name, np.array(value)) for name, value in constants.items()], outputs={"y": {"name": "y:0"}})
    model = importers.read(tmp_path)
    assert [one.op for one in model.graph.nodes] == ["reshape"]
    assert [str(size) for size in model.signatures[0].outputs[0].shape] == ["3*N", "4"]


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("FusedBatchNorm", [IMAGE, *NORM], {"is_training": True}, "the batch itself"),
        ("NonMaxSuppressionV5", [BOXES, SCORES, scalar(9), *(Const(np.array(number)) for number in (0.5, 0.1, 0.5))], {}, "are lowered"),
        ("TensorArrayV3", [scalar(2)], {"dtype": "DT_FLOAT", "dynamic_size": True}, "grows"),
        ("TensorListSplit", [G, ints(4), ints(1, 2)], {}, "Let all be of one length"),
        ("Cast", [F], {"DstT": "DT_INT32", "Truncate": True}, "cuts bits off"),
        ("_FusedMatMul", [G, W[0, 0], BIAS], {"fused_ops": ["BiasAdd", "Swish"]}, "the fused function Swish"),
        ("AvgPool", [IMAGE], {"ksize": [1, 2, 2, 2], "strides": ONES, "padding": "SAME"}, "over batches or channels"),
        ("Conv2D", [IMAGE, W], {"strides": ONES, "padding": "CAUSAL"}, "padding is 'CAUSAL'"),
        ("MatrixInverse", [G], {}, "on float32"),
    ],
)
def test_what_is_refused(op: str, inputs: list[Array], attributes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match=message) as caught:
        model_of(tmp_path, op, inputs, attributes, 1)
    assert [item.operator for item in caught.value.items] == [op]


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("Reshape", [F, ints(5, 5)], {}, r"node 'y' \(Reshape\): cannot reshape"),
        ("Transpose", [F, ints(0, 0, 1)], {}, "not a permutation"),
        ("ConcatV2", [F, P, scalar(3)], {}, "axis 3 does not exist"),
        ("Split", [scalar(1), F], {"num_split": 2}, "cannot be split into 2"),
        ("Squeeze", [F], {"squeeze_dims": [1]}, "is not of size 1"),
        ("MatMul", [F, G], {}, "matmul"),
        ("Conv2D", [IMAGE, Const(W[:, :, :3])], {"strides": ONES, "padding": "SAME"}, "4 channels"),
        ("Conv2D", [IMAGE, Const(W)], {"strides": [1, 1], "padding": "SAME"}, "do not fit 4 axes"),
        ("MaxPool", [IMAGE], {"ksize": [1, 2, 2, 1], "strides": [1, 0, 1, 1], "padding": "SAME"}, "must be at least 1"),
        ("Cumsum", [F, scalar(1)], {"reverse": 1}, "its attribute 'reverse' is 1"),
        ("StridedSlice", [F, ints(5), ints(6), ints(1)], {"shrink_axis_mask": 1}, "lies outside"),
        ("TopKV2", [F, scalar(9)], {}, "lie outside"),
        ("Einsum", [F, G], {"equation": "ij,jk->ik"}, "does not fit rank 3"),
    ],
)
def test_what_is_wrong(op: str, inputs: list[Array], attributes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        model_of(tmp_path, op, inputs, attributes, 1)


@pytest.mark.parametrize(("op", "values", "attributes", "expected"), [
    ("Reshape", [[-1, 4], [2, -1], [8, 3], [4, 6]], {}, lambda x, value: x.reshape(value)),
    ("Sum", [[0, 2], [1, 2], [-1, 0]], {"keep_dims": False}, lambda x, value: x.sum(tuple(value))),
    ("Max", [[0], [2], [-2]], {"keep_dims": True}, lambda x, value: x.max(tuple(value), keepdims=True)),
    ("Mean", [[0], [2], [-2]], {"keep_dims": False}, lambda x, value: x.mean(tuple(value))),
])  # fmt: skip
def test_what_a_run_tells(op: str, values: list[list[int]], attributes: dict[str, Any], expected: Callable[..., Any], tmp_path: Path) -> None:
    """One conversion for all values of an input of integers."""
    count = len(values[0])
    nodes = [placeholder("x", "float32", F.shape), placeholder("at", "int32", [count]), node("y", op, ["x", "at"], **attributes)]
    inputs = {"x": port("x", "float32", F.shape), "at": port("at", "int32", [count])}
    model = convert(write(tmp_path, nodes, inputs=inputs, outputs={"y": {"name": "y:0"}}))
    for value in values:
        (found,) = model.run({"x": F, "at": np.array(value, np.int32)}).values()
        np.testing.assert_allclose(found, expected(F, value), atol=1e-5)
