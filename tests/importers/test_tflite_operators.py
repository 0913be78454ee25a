"""Every operator's meaning, against NumPy."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from imported_models import Read, run
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError

RNG = np.random.default_rng(7)
X = RNG.uniform(-4, 4, (2, 3, 5)).astype(np.float32)
Y = RNG.uniform(-4, 4, (2, 3, 5)).astype(np.float32)
POSITIVE = np.abs(X) + np.float32(0.1)
PICTURE = RNG.uniform(-2, 2, (2, 7, 6, 4)).astype(np.float32)
INTEGERS = RNG.integers(-20, 20, (3, 4)).astype(np.int32)
DIVISORS = np.where(INTEGERS % 7 == 0, 3, INTEGERS % 7 - 8).astype(np.int32)
BOOLS = RNG.integers(0, 2, (2, 3, 5)).astype(bool)


@dataclass
class Case:
    """An operator over inputs of the model, then constants (arrays in the order of its inputs; `None` for one left out)."""

    operator: str
    inputs: Sequence[np.ndarray]
    expected: np.ndarray | Sequence[np.ndarray]
    constants: Sequence[np.ndarray | None] = ()
    options: Mapping[str, Any] | None = None
    name: str = ""
    constants_first: bool = False
    tolerance: float = 1e-5
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = f"{self.operator}{' ' + self.name if self.name else ''}"


def build(case: Case) -> Model:
    expected = [case.expected] if isinstance(case.expected, np.ndarray) else list(case.expected)
    inputs = [Tensor(f"x{i}", array.shape, array.dtype.name) for i, array in enumerate(case.inputs)]
    constants = [Tensor(f"c{i}", array.shape, array.dtype.name, array) for i, array in enumerate(case.constants) if array is not None]
    outputs = [Tensor(f"y{i}", array.shape, array.dtype.name) for i, array in enumerate(expected)]
    tensors = inputs + constants + outputs
    next_constant = iter(range(len(inputs), len(inputs) + len(constants)))
    constant_indices = [-1 if array is None else next(next_constant) for array in case.constants]
    own = list(range(len(inputs)))
    order = constant_indices + own if case.constants_first else own + constant_indices
    made = list(range(len(inputs) + len(constants), len(tensors)))
    return Model(tensors, [Operator(case.operator, order, made, case.options)], own, made)


def options(table: str, **values: Any) -> dict[str, Any]:
    return {"table": f"{table}Options", **values}


def i32(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def f32(value: Any) -> np.ndarray:
    return np.asarray(value, np.float32)


def convolution(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray, stride: tuple[int, int], dilation: tuple[int, int], same: bool, groups: int
) -> np.ndarray:
    """The definition, one output at a time. `w` is [O, KH, KW, C/groups]."""
    n, height, width, _ = x.shape
    out, kh, kw, depth = w.shape
    span = [(kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1]
    if same:
        size = [math.ceil(height / stride[0]), math.ceil(width / stride[1])]
        total = [max(0, (size[i] - 1) * stride[i] + span[i] - (height, width)[i]) for i in range(2)]
    else:
        size, total = [(height - span[0]) // stride[0] + 1, (width - span[1]) // stride[1] + 1], [0, 0]
    padded = np.pad(x, ((0, 0), (total[0] // 2, total[0]), (total[1] // 2, total[1]), (0, 0))).astype(np.float64)
    y = np.zeros((n, *size, out))
    for i in range(size[0]):
        for j in range(size[1]):
            for o in range(out):
                group = o // (out // groups)
                rows = i * stride[0] + np.arange(kh) * dilation[0]
                columns = j * stride[1] + np.arange(kw) * dilation[1]
                patch = padded[:, rows][:, :, columns][..., group * depth : (group + 1) * depth]
                y[:, i, j, o] = (patch * w[o]).sum(axis=(1, 2, 3)) + bias[o]
    return f32(y)


def convolutions() -> list[Case]:
    cases = []
    for stride, dilation, same, groups, k in (
        ((1, 1), (1, 1), True, 1, (3, 3)),
        ((2, 2), (1, 1), True, 1, (3, 2)),
        ((2, 1), (1, 1), False, 2, (3, 3)),
        ((1, 1), (2, 2), True, 1, (3, 3)),
        ((3, 3), (1, 1), True, 4, (2, 2)),
        ((2, 2), (1, 1), True, 1, (1, 1)),
    ):
        w = f32(RNG.normal(size=(8, *k, 4 // groups)))
        bias = f32(RNG.normal(size=8))
        y = convolution(PICTURE, w, bias, stride, dilation, same, groups)
        attributes = options(
            "Conv2D",
            padding=0 if same else 1,
            stride_height=stride[0],
            stride_width=stride[1],
            dilation_height=dilation[0],
            dilation_width=dilation[1],
            activation=1,
        )
        cases.append(Case("CONV_2D", [PICTURE], np.maximum(y, 0), [w, bias], attributes, f"{stride} {dilation} {same} {groups}"))
        if groups == 1:
            deep = f32(RNG.normal(size=(1, *k, 8)))
            each = deep.transpose(3, 1, 2, 0)  # two filters a channel
            y = convolution(PICTURE, each, bias, stride, dilation, same, 4)
            attributes = {**attributes, "table": "DepthwiseConv2DOptions", "depth_multiplier": 2, "activation": 3}
            cases.append(Case("DEPTHWISE_CONV_2D", [PICTURE], np.clip(y, 0, 6), [deep, bias], attributes, f"{stride} {dilation} {same}"))
    without = convolution(PICTURE, w, np.zeros(8), (1, 1), (1, 1), False, 1)
    cases.append(Case("CONV_2D", [PICTURE], without, [w, None], options("Conv2D", padding=1, stride_height=1, stride_width=1), "no bias"))
    return cases


def transpose_convolutions() -> list[Case]:
    cases = []
    for same, k, stride, shape in ((True, 3, 2, (14, 12)), (False, 3, 2, (15, 13)), (True, 4, 2, (14, 12)), (True, 2, 2, (13, 11)), (False, 2, 3, (21, 18))):
        w = f32(RNG.normal(size=(5, k, k, 4)))
        whole = np.zeros((2, 7 * stride + k, 6 * stride + k, 5))
        for i in range(7):
            for j in range(6):
                whole[:, i * stride : i * stride + k, j * stride : j * stride + k] += np.einsum("nc,oijc->nijo", PICTURE[:, i, j], w)
        begin = [max(0, (math.ceil(size / stride) - 1) * stride + k - size) // 2 if same else 0 for size in shape]
        y = whole[:, begin[0] : begin[0] + shape[0], begin[1] : begin[1] + shape[1]]
        attributes = options("TransposeConv", padding=0 if same else 1, stride_height=stride, stride_width=stride)
        cases.append(Case("TRANSPOSE_CONV", [PICTURE], f32(y), [i32(2, *shape, 5), w], attributes, f"{same} {k} {stride}", constants_first=True))
    return cases


def pools() -> list[Case]:
    cases = []
    for same in (True, False):
        size = [math.ceil(7 / 2), math.ceil(6 / 2)] if same else [(7 - 3) // 2 + 1, (6 - 2) // 2 + 1]
        top = max(0, (size[0] - 1) * 2 + 3 - 7) // 2 if same else 0
        left = max(0, (size[1] - 1) * 2 + 2 - 6) // 2 if same else 0
        results: dict[str, np.ndarray] = {name: np.zeros((2, *size, 4), np.float32) for name in ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D")}
        for i in range(size[0]):
            for j in range(size[1]):
                rows = slice(max(0, 2 * i - top), min(7, 2 * i - top + 3))
                columns = slice(max(0, 2 * j - left), min(6, 2 * j - left + 2))
                window = PICTURE[:, rows, columns]
                results["MAX_POOL_2D"][:, i, j] = window.max(axis=(1, 2))
                results["AVERAGE_POOL_2D"][:, i, j] = window.mean(axis=(1, 2))
                results["L2_POOL_2D"][:, i, j] = np.sqrt((window**2).mean(axis=(1, 2)))
        attributes = options("Pool2D", padding=0 if same else 1, stride_height=2, stride_width=2, window_height=3, window_width=2)
        cases += [Case(name, [PICTURE], y, (), attributes, str(same)) for name, y in results.items()]
    return cases


def erf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf)(x)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


UNARY: dict[str, tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], dict[str, Any] | None]] = {
    "ABS": (X, np.abs, None),
    "NEG": (X, np.negative, None),
    "EXP": (X, np.exp, None),
    "LOG": (POSITIVE, np.log, None),
    "SQRT": (POSITIVE, np.sqrt, None),
    "RSQRT": (POSITIVE, lambda x: 1 / np.sqrt(x), None),
    "SQUARE": (X, np.square, None),
    "SIN": (X, np.sin, None),
    "COS": (X, np.cos, None),
    "TANH": (X, np.tanh, None),
    "LOGISTIC": (X, lambda x: 1 / (1 + np.exp(-x)), None),
    "RELU": (X, lambda x: np.maximum(x, 0), None),
    "RELU6": (X * 3, lambda x: np.clip(x, 0, 6), None),
    "RELU_N1_TO_1": (X, lambda x: np.clip(x, -1, 1), None),
    "RELU_0_TO_1": (X, lambda x: np.clip(x, 0, 1), None),
    "ELU": (X, lambda x: np.where(x < 0, np.expm1(x), x), None),
    "LEAKY_RELU": (X, lambda x: np.where(x < 0, 0.25 * x, x), options("LeakyRelu", alpha=0.25)),
    "HARD_SWISH": (X, lambda x: x * np.clip(x + 3, 0, 6) / 6, None),
    "GELU": (X, lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, options("Gelu", approximate=False)),
    "FLOOR": (X, np.floor, None),
    "CEIL": (X, np.ceil, None),
    "ROUND": (np.round(X * 2) / 2, np.rint, None),
    "SIGN": (X, np.sign, None),
    "SOFTMAX": (X, lambda x: softmax(0.5 * x), options("Softmax", beta=0.5)),
    "LOG_SOFTMAX": (X, lambda x: np.log(softmax(x)), None),
    "L2_NORMALIZATION": (X, lambda x: x / np.sqrt((x**2).sum(axis=-1, keepdims=True)), options("L2Norm")),
    "ZEROS_LIKE": (X, np.zeros_like, None),
}

BINARY: dict[str, tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], dict[str, Any] | None]] = {
    "ADD": (np.add, options("Add")),
    "SUB": (np.subtract, options("Sub")),
    "MUL": (np.multiply, options("Mul")),
    "DIV": (np.divide, options("Div")),
    "MAXIMUM": (np.maximum, None),
    "MINIMUM": (np.minimum, None),
    "SQUARED_DIFFERENCE": (lambda a, b: (a - b) ** 2, None),
    "FLOOR_DIV": (np.floor_divide, None),
    "FLOOR_MOD": (np.mod, None),
    "PRELU": (lambda a, b: np.where(a < 0, a * b, a), None),
}

CASES: list[Case] = [
    *convolutions(),
    *transpose_convolutions(),
    *pools(),
    *(Case(name, [x], f32(function(x.astype(np.float64))), (), table) for name, (x, function, table) in UNARY.items()),
    *(Case(name, [X, Y], f32(function(X, Y)), (), table) for name, (function, table) in BINARY.items()),
    *(Case(name, [X], f32(function(X, Y[0, :1])), [Y[0, :1]], table, "broadcast") for name, (function, table) in BINARY.items()),
    Case("GELU", [X], f32(X / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3)))), (), options("Gelu", approximate=True), "tanh"),
    Case("ADD", [X, Y], np.clip(X + Y, -1, 1), (), options("Add", activation=2), "clamped"),
    Case("MUL", [X, Y], np.tanh(X * Y), (), options("Mul", activation=4), "tanh"),
    Case("ADD", [INTEGERS, DIVISORS], np.clip(INTEGERS + DIVISORS, 0, 6), (), options("Add", activation=3), "integers, clamped"),
    Case("DIV", [INTEGERS, DIVISORS], np.trunc(INTEGERS / DIVISORS).astype(np.int32), (), options("Div"), "integers"),
    Case("FLOOR_DIV", [INTEGERS, DIVISORS], INTEGERS // DIVISORS, (), None, "integers"),
    Case("FLOOR_MOD", [INTEGERS, DIVISORS], INTEGERS % DIVISORS, (), None, "integers"),
    Case("POW", [POSITIVE, Y], f32(POSITIVE.astype(np.float64) ** Y)),
    *(Case("POW", [INTEGERS], INTEGERS**exponent, [i32(exponent)], None, f"integers {exponent}") for exponent in (0, 1, 2, 5)),
    Case("ADD_N", [X, Y, X], X + Y + X),
    *(
        Case(name, [INTEGERS, DIVISORS], function(INTEGERS, DIVISORS))
        for name, function in {
            "EQUAL": np.equal,
            "NOT_EQUAL": np.not_equal,
            "LESS": np.less,
            "LESS_EQUAL": np.less_equal,
            "GREATER": np.greater,
            "GREATER_EQUAL": np.greater_equal,
        }.items()
    ),
    Case("EQUAL", [BOOLS, ~BOOLS], np.zeros_like(BOOLS), (), None, "booleans"),
    Case("NOT_EQUAL", [BOOLS, BOOLS[:1]], BOOLS[:1] != BOOLS, (), None, "booleans"),
    Case("LOGICAL_AND", [BOOLS, BOOLS[:1]], BOOLS & BOOLS[:1]),
    Case("LOGICAL_OR", [BOOLS, BOOLS[:1]], BOOLS | BOOLS[:1]),
    Case("LOGICAL_NOT", [BOOLS], ~BOOLS),
    Case("SELECT_V2", [BOOLS, X, Y[:1]], np.where(BOOLS, X, Y[:1])),
    Case("SELECT", [BOOLS[:, 0, 0], X, Y], np.where(BOOLS[:, 0, 0][:, None, None], X, Y), (), None, "a vector of conditions"),
    Case("SELECT_V2", [BOOLS, BOOLS.astype(np.uint8), (~BOOLS).astype(np.uint8)], np.ones(BOOLS.shape, np.uint8), (), None, "uint8"),
    Case("CAST", [X], X.astype(np.int32), (), None, "to int32"),
    Case("CAST", [INTEGERS], INTEGERS.astype(np.float32), (), None, "to float32"),
    Case("CAST", [INTEGERS * 5000], (INTEGERS * 5000).astype(np.int16), (), None, "wraps to int16"),
    Case("CAST", [BOOLS], BOOLS.astype(np.int64), (), None, "to int64"),
    Case("FULLY_CONNECTED", [X], f32(X.reshape(6, 5) @ Y[0].T), [Y[0], None], options("FullyConnected")),
    Case("FULLY_CONNECTED", [X], np.maximum(X @ Y[0].T + X[0, :, 0], 0), [Y[0], X[0, :, 0]], options("FullyConnected", keep_dims=True, activation=1), "keeping dims"),
    Case("FULLY_CONNECTED", [X[0], Y[0]], X[0] @ Y[0].T, (), options("FullyConnected"), "two inputs"),
    Case("BATCH_MATMUL", [X, Y], X @ Y.transpose(0, 2, 1), (), options("BatchMatMul", adjoint_y=True)),
    Case("BATCH_MATMUL", [X], X.transpose(0, 2, 1) @ Y[1], [Y[1]], options("BatchMatMul", adjoint_x=True), "broadcast"),
    Case("MEAN", [X], X.mean(axis=(0, 2)), [i32(-1, 0)], options("Reducer")),
    Case("MEAN", [INTEGERS], np.trunc(INTEGERS.sum(axis=1) / 4).astype(np.int32), [i32(1)], options("Reducer"), "integers"),
    Case("SUM", [X], X.sum(axis=1, keepdims=True), [i32(1)], options("Reducer", keep_dims=True)),
    Case("REDUCE_MAX", [X], X.max(axis=(1, 2)), [i32(1, 2)], options("Reducer")),
    Case("REDUCE_MIN", [INTEGERS], INTEGERS.min(axis=0), [i32(0)], options("Reducer")),
    Case("REDUCE_PROD", [X], X.prod(axis=2), [i32(2)], options("Reducer")),
    Case("REDUCE_ANY", [BOOLS], BOOLS.any(axis=2), [i32(2)], options("Reducer")),
    Case("REDUCE_ALL", [BOOLS], BOOLS.all(axis=(0, 1)), [i32(0, 1)], options("Reducer")),
    Case("ARG_MAX", [INTEGERS // 8], np.argmax(INTEGERS // 8, axis=1), [i32(1)]),
    Case("ARG_MIN", [INTEGERS // 8], np.argmin(INTEGERS // 8, axis=0), [i32(0)]),
    Case("PAD", [X], np.pad(X, ((1, 0), (0, 2), (3, 1))), [i32(1, 0, 0, 2, 3, 1).reshape(3, 2)]),
    Case("PADV2", [X], np.pad(X, ((1, 0), (0, 2), (3, 1)), constant_values=-2.5), [i32(1, 0, 0, 2, 3, 1).reshape(3, 2), f32(-2.5)]),
    Case("MIRROR_PAD", [X], np.pad(X, ((1, 0), (0, 2), (3, 4)), "reflect"), [i32(1, 0, 0, 2, 3, 4).reshape(3, 2)], options("MirrorPad", mode=0), "reflect"),
    Case("MIRROR_PAD", [X], np.pad(X, ((2, 1), (0, 3), (5, 1)), "symmetric"), [i32(2, 1, 0, 3, 5, 1).reshape(3, 2)], options("MirrorPad", mode=1), "symmetric"),
    Case("CONCATENATION", [X, Y], np.concatenate([X, Y], axis=1), (), options("Concatenation", axis=-2)),
    Case("RESHAPE", [X], X.reshape(5, 6), [i32(5, -1)], options("Reshape")),
    Case("RESHAPE", [X], X.reshape(3, 10), (), options("Reshape", shape=[3, -1]), "by option"),
    Case("SQUEEZE", [X[:1, :1]], X[:1, 0], (), options("Squeeze", axes=[-2])),
    Case("SQUEEZE", [X[:1, :1]], X[0, 0], (), options("Squeeze"), "all"),
    Case("EXPAND_DIMS", [X], X[:, :, None], [i32(-2)]),
    Case("TRANSPOSE", [X], X.transpose(2, 0, 1), [i32(2, 0, 1)]),
    Case("SLICE", [X], X[1:2, :2, 3:], [i32(1, 0, 3), i32(1, 2, -1)]),
    Case("SPLIT", [PICTURE], np.split(PICTURE, 2, axis=3), [i32(-1)], options("Split", count=2), constants_first=True),
    Case("SPLIT_V", [PICTURE], np.split(PICTURE, [1, 5], axis=1), [i32(1, -1, 2), i32(1)], options("SplitV", count=3)),
    Case("PACK", [X, Y], np.stack([X, Y], axis=2), (), options("Pack", count=2, axis=-2)),
    Case("UNPACK", [X], list(np.moveaxis(X, 1, 0)), (), options("Unpack", count=3, axis=1)),
    Case("GATHER", [X], X[:, [[2, 0], [1, 1]]], [i32(2, 0, 1, 1).reshape(2, 2)], options("Gather", axis=1)),
    Case("GATHER_ND", [X], X[[1, 0], [2, 1]], [i32(1, 2, 0, 1).reshape(2, 2)]),
    Case("EMBEDDING_LOOKUP", [i32(1, 0, 1)], X[[1, 0, 1]], [X]),
    Case("ONE_HOT", [i32(1, 3, 0)], np.where(np.arange(4) == i32(1, 3, 0)[:, None], f32(2), f32(-1)), [i32(4).reshape(()), f32(2), f32(-1)], options("OneHot", axis=-1)),
    Case("BROADCAST_TO", [X[:, :1]], np.broadcast_to(X[:, :1], (4, 2, 3, 5)), [i32(4, 2, 3, 5)]),
    Case("TILE", [X], np.tile(X, (2, 1, 3)), [i32(2, 1, 3)]),
    Case("REVERSE_V2", [X], X[::-1, :, ::-1], [i32(0, -1)]),
    Case("FILL", [f32(3.5)], np.full((2, 3), 3.5, np.float32), [i32(2, 3)], constants_first=True),
    Case(
        "DEPTH_TO_SPACE",
        [PICTURE],
        PICTURE.reshape(2, 7, 6, 2, 2, 1).transpose(0, 1, 3, 2, 4, 5).reshape(2, 14, 12, 1),
        (),
        options("DepthToSpace", block=2),
    ),
    Case("RESIZE_NEAREST_NEIGHBOR", [PICTURE], PICTURE[:, np.arange(14) // 2][:, :, np.arange(3) * 2], [i32(14, 3)], options("ResizeNearestNeighbor")),
    Case("RESIZE_NEAREST_NEIGHBOR", [INTEGERS.reshape(1, 3, 4, 1)], INTEGERS.repeat(2, 0).repeat(2, 1).reshape(1, 6, 8, 1), [i32(6, 8)], options("ResizeNearestNeighbor", half_pixel=True), "integers"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_operator(case: Case, read: Read) -> None:
    model = read(build(case))
    found = run(model, {f"x{i}": array for i, array in enumerate(case.inputs)})
    expected = [case.expected] if isinstance(case.expected, np.ndarray) else list(case.expected)
    assert len(found) == len(expected)
    for name, want in zip(found, expected, strict=True):
        assert found[name].shape == want.shape
        assert found[name].dtype == want.dtype
        np.testing.assert_allclose(found[name], want, rtol=case.tolerance, atol=case.tolerance)


def bilinear(x: np.ndarray, size: tuple[int, int], align: bool, half: bool) -> np.ndarray:
    y = x.astype(np.float64)
    for axis, after in ((1, size[0]), (2, size[1])):
        before = x.shape[axis]
        at = np.arange(after) * ((before - 1) / (after - 1)) if align else (np.arange(after) + 0.5) * before / after - 0.5 if half else np.arange(after) * before / after
        at = np.clip(at, 0, before - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, before - 1)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        y = np.take(y, low, axis) * (1 - part) + np.take(y, high, axis) * part
    return f32(y)


@pytest.mark.parametrize(("align", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", [(14, 12), (4, 9), (7, 6), (2, 2)])
def test_resize_bilinear(align: bool, half: bool, size: tuple[int, int], read: Read) -> None:
    table = options("ResizeBilinear", align_corners=align, half_pixel=half)
    test_operator(Case("RESIZE_BILINEAR", [PICTURE], bilinear(PICTURE, size, align, half), [i32(*size)], table), read)


@pytest.mark.parametrize("case", range(60))
def test_strided_slice_like_numpy(case: int, read: Read) -> None:
    rng = np.random.default_rng(case)
    x = rng.normal(size=(4, 5, 6)).astype(np.float32)
    begin, end, step, index = [], [], [], []
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    axes = int(rng.integers(1, 4))
    entries = ["axis"] * axes
    if rng.integers(2):
        entries.insert(int(rng.integers(len(entries) + 1)), "new")
    if rng.integers(2):
        entries.insert(int(rng.integers(len(entries) + 1)), "ellipsis")
    after_ellipsis = sum(one == "axis" for one in entries[entries.index("ellipsis") :]) if "ellipsis" in entries else 0
    axis = 0
    for i, entry in enumerate(entries):
        size = x.shape[axis] if axis < 3 else 1
        first, last, by = int(rng.integers(-size - 1, size + 2)), int(rng.integers(-size - 1, size + 2)), int(rng.choice([-2, -1, 1, 2]))
        if entry == "new":
            masks["new_axis_mask"] |= 1 << i
            index.append(None)
        elif entry == "ellipsis":
            masks["ellipsis_mask"] |= 1 << i
            index.append(Ellipsis)
            axis = 3 - after_ellipsis
        elif rng.integers(4) == 0:
            masks["shrink_axis_mask"] |= 1 << i
            first = int(rng.integers(-size, size))
            index.append(first)
            axis += 1
        else:
            open_begin, open_end = bool(rng.integers(2)), bool(rng.integers(2))
            masks["begin_mask"] |= open_begin << i
            masks["end_mask"] |= open_end << i
            index.append(slice(None if open_begin else first, None if open_end else last, by))
            axis += 1
        begin.append(first)
        end.append(last)
        step.append(by)
    expected = np.ascontiguousarray(x[tuple(index)]).reshape(x[tuple(index)].shape)
    table = options("StridedSlice", **masks)
    test_operator(Case("STRIDED_SLICE", [x], expected, [i32(*begin), i32(*end), i32(*step)], table), read)


@pytest.mark.parametrize(("shape", "blocks", "paddings"), [((2, 4, 6, 3), (2, 3), (0, 0, 0, 0)), ((1, 5, 4, 2), (2, 2), (1, 0, 0, 2)), ((2, 6, 3), (3,), (0, 0))])
def test_space_to_batch_and_back(shape: tuple[int, ...], blocks: tuple[int, ...], paddings: tuple[int, ...], read: Read) -> None:
    x = RNG.normal(size=shape).astype(np.float32)
    amounts = np.array(paddings, np.int32).reshape(-1, 2)
    padded = np.pad(x, [(0, 0), *amounts.tolist(), *[(0, 0)] * (x.ndim - 1 - len(blocks))])
    parts = []
    for offset in np.ndindex(*blocks):
        index = (slice(None), *(slice(at, None, block) for at, block in zip(offset, blocks, strict=True)))
        parts.append(padded[index])
    y = np.concatenate(parts, axis=0)
    test_operator(Case("SPACE_TO_BATCH_ND", [x], y, [i32(*blocks), amounts]), read)
    test_operator(Case("BATCH_TO_SPACE_ND", [y], x, [i32(*blocks), amounts]), read)


def test_space_to_depth_undoes_depth_to_space(read: Read) -> None:
    x = RNG.normal(size=(1, 4, 6, 3)).astype(np.float32)
    y = x.reshape(1, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(1, 2, 3, 12)
    test_operator(Case("SPACE_TO_DEPTH", [x], y, (), options("SpaceToDepth", block=2)), read)
    test_operator(Case("DEPTH_TO_SPACE", [y], x, (), options("DepthToSpace", block=2)), read)


@pytest.mark.parametrize("options_given", [{}, {"align_corners": True}, {"half_pixel": True}])
@pytest.mark.parametrize("after", range(1, 40))
def test_resize_nearest_picks_as_in_float32(after: int, options_given: dict[str, bool], read: Read) -> None:
    """The rule of TFLite, written out: positions are float32, and halves go up where corners are aligned."""
    before = 10
    x = np.arange(before, dtype=np.float32).reshape(1, before, 1, 1)
    align, half = options_given.get("align_corners", False), options_given.get("half_pixel", False)
    scale = np.float32(before - 1) / np.float32(after - 1) if align and after > 1 else np.float32(before) / np.float32(after)
    picked = []
    for i in range(after):
        at = (np.float32(i) + np.float32(0.5 if half else 0)) * scale
        picked.append(min(before - 1, math.floor(at + np.float32(0.5)) if align else math.floor(at)))
    expected = f32(picked).reshape(1, after, 1, 1)
    test_operator(Case("RESIZE_NEAREST_NEIGHBOR", [x], expected, [i32(after, 1)], options("ResizeNearestNeighbor", **options_given)), read)


def test_float16_constants_stay(read: Read) -> None:
    half = RNG.normal(size=(1, 5)).astype(np.float16)
    tensors = [Tensor("x", (2, 5)), Tensor("half", half.shape, "float16", half), Tensor("wide", half.shape), Tensor("y", (2, 5))]
    operators = [Operator("DEQUANTIZE", [1], [2]), Operator("ADD", [0, 2], [3], options("Add"))]
    model = read(Model(tensors, operators, [0], [3]))
    assert [constant.stored.dtype for constant in model.graph.constants.values()] == [np.float16]
    assert [node.op for node in model.graph.nodes] == ["add"]
    np.testing.assert_array_equal(run(model, {"x": X[0, :2]})["y"], X[0, :2] + half.astype(np.float32))


def test_integer_weights_are_scaled(read: Read) -> None:
    stored = RNG.integers(-128, 128, (3, 5)).astype(np.int8)
    scale, zero_point = f32([0.5, 0.25, 2]), np.array([1, -3, 0], np.int64)
    weights = Tensor("w8", stored.shape, "int8", stored, quantization={"scale": scale, "zero_point": zero_point, "axis": 0})
    tensors = [Tensor("x", (2, 5)), weights, Tensor("w", (3, 5)), Tensor("y", (2, 3))]
    operators = [Operator("DEQUANTIZE", [1], [2]), Operator("FULLY_CONNECTED", [0, 2, -1], [3], options("FullyConnected"))]
    expected = X[0, :2] @ (scale[:, None] * (stored - zero_point[:, None])).T
    np.testing.assert_allclose(run(read(Model(tensors, operators, [0], [3])), {"x": X[0, :2]})["y"], expected, rtol=1e-5)


@pytest.mark.parametrize("block", [1, 4])
def test_sparse_weights_are_spread_out(block: int, read: Read) -> None:
    dense = RNG.normal(size=(3, 8)).astype(np.float32)
    kept = RNG.integers(0, 2, (3, 8 // block)).astype(bool)
    kept[1] = False
    dense *= kept.repeat(block, axis=1)
    indices = [np.flatnonzero(row) for row in kept]
    segments = np.cumsum([0, *map(len, indices)])
    values = np.concatenate([dense[r, c * block : (c + 1) * block] for r, row in enumerate(indices) for c in row])
    levels: list[dict[str, Any]] = [
        {"format": 0, "size": 3},
        {
            "format": 1,
            "segments": {"table": "Indices16" if block == 4 else "Indices8", "values": segments},
            "indices": {"table": "Indices8", "values": np.concatenate(indices)},
        },
    ]
    if block > 1:
        levels.append({"format": 0, "size": block})
    sparsity = {"traversal_order": range(len(levels)), "block_map": [1] if block > 1 else [], "dimensions": levels}
    tensors = [Tensor("x", (2, 8)), Tensor("sparse", (3, 8), "float32", values, sparsity=sparsity), Tensor("w", (3, 8)), Tensor("y", (2, 3))]
    operators = [Operator("DENSIFY", [1], [2]), Operator("FULLY_CONNECTED", [0, 2, -1], [3], options("FullyConnected"))]
    x = RNG.normal(size=(2, 8)).astype(np.float32)
    np.testing.assert_allclose(run(read(Model(tensors, operators, [0], [3])), {"x": x})["y"], x @ dense.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("same", "window", "stride"), [(True, (2, 2), (2, 2)), (True, (3, 4), (2, 3)), (True, (2, 1), (1, 3)), (False, (3, 4), (2, 3)), (False, (1, 2), (2, 1))])
def test_a_transposed_convolution_of_mediapipe(same: bool, window: tuple[int, int], stride: tuple[int, int], read: Read) -> None:
    w, bias = f32(RNG.normal(size=(5, *window, 4))), f32(RNG.normal(size=5))
    size, cut = [], []
    for before, k, step in zip((7, 6), window, stride, strict=True):
        size.append((before - 1) * step + k)
        cut.append(max(0, k - (before - 1) % step - 1) if same else 0)
    y = np.zeros((2, *size, 5)) + bias
    for i in range(7):
        for j in range(6):
            rows, columns = (slice(at * step, at * step + k) for at, step, k in zip((i, j), stride, window, strict=True))
            y[:, rows, columns] += np.einsum("nc,oijc->nijo", PICTURE[:, i, j], w)
    y = y[:, cut[0] // 2 : size[0] - cut[0] + cut[0] // 2, cut[1] // 2 : size[1] - cut[1] + cut[1] // 2]
    packed = struct.pack("<3i", 1 if same else 2, stride[1], stride[0])
    tensors = [Tensor("x", PICTURE.shape), Tensor("w", w.shape, data=w), Tensor("b", bias.shape, data=bias), Tensor("y", y.shape)]
    model = Model(tensors, [Operator("CUSTOM:Convolution2DTransposeBias", [0, 1, 2], [3], custom_options=packed)], [0], [3])
    found = run(read(model), {"x": PICTURE})["y"]
    assert found.shape == y.shape
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-5)
    for wrong in (b"", packed[:11], struct.pack("<3i", 0, 1, 1), struct.pack("<3i", 1, 0, 1)):
        model.operators[0].custom_options = wrong
        with pytest.raises(FormatError, match=r"its (options|padding)"):
            read(model)
