"""TFLite's operators on positions, segments, diagonals and bits, against loops over their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import Read
from test_tflite_operators import Case, f32, i32, options, test_operator

RNG = np.random.default_rng(11)
PICTURE = f32(RNG.normal(size=(2, 3, 4, 5)))
INTEGERS = RNG.integers(-1000, 1000, (3, 6)).astype(np.int32)
SMALL = RNG.integers(-128, 128, (3, 4)).astype(np.int8)
IDS = i32(2, 0, -1, 2)
ROWS = f32(RNG.normal(size=(4, 3)))


def segments(start: float, combine: np.ufunc, count: int) -> np.ndarray:
    result = np.full((count, 3), start, np.float32)
    for row, index in zip(ROWS, IDS, strict=True):
        if index >= 0:
            result[index] = combine(result[index], row)
    return result


def reversed_sequences(x: np.ndarray, lengths: np.ndarray, time: int, batch: int) -> np.ndarray:
    moved = np.moveaxis(x, [time, batch], [0, 1]).copy()
    for i, length in enumerate(lengths):
        moved[:length, i] = moved[:length, i][::-1]
    return np.ascontiguousarray(np.moveaxis(moved, [0, 1], [time, batch]))


def local_response(x: np.ndarray, radius: int, bias: float, alpha: float, beta: float) -> np.ndarray:
    y = np.empty_like(x)
    for channel in range(x.shape[-1]):
        around = x[..., max(0, channel - radius) : channel + radius + 1]
        y[..., channel] = x[..., channel] / (bias + alpha * (around**2).sum(-1)) ** beta
    return y


def set_diagonal(x: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    y = x.copy()
    for i in range(diagonal.shape[-1]):
        y[..., i, i] = diagonal[..., i]
    return y


def convolution3d(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """VALID, stride 1."""
    size = [x.shape[1 + i] - w.shape[i] + 1 for i in range(3)]
    y = np.zeros((x.shape[0], *size, w.shape[4]))
    for d, h, c in np.ndindex(*size):
        patch = x[:, d : d + w.shape[0], h : h + w.shape[1], c : c + w.shape[2]]
        y[:, d, h, c] = np.tensordot(patch.astype(np.float64), w, axes=([1, 2, 3, 4], [0, 1, 2, 3]))
    return f32(y)


def convolution3d_transpose(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """Each element adds the window, scaled: w is [D, H, W, O, C]."""
    size = [(x.shape[1 + i] - 1) * stride + w.shape[i] for i in range(3)]
    y = np.zeros((x.shape[0], *size, w.shape[3]))
    for at in np.ndindex(*x.shape[1:4]):
        window = tuple(slice(p * stride, p * stride + k) for p, k in zip(at, w.shape, strict=False))
        y[(slice(None), *window)] += np.einsum("nc,dhwoc->ndhwo", x[(slice(None), *at)], w)
    return f32(y)


LENGTHS = i32(3, 0)
VOLUME = f32(RNG.normal(size=(2, 4, 5, 4, 3)))
PADDED = np.pad(VOLUME, ((0, 0), (0, 0), (1, 1), (0, 0), (0, 0)))
FILTERS = f32(RNG.normal(size=(2, 3, 2, 3, 4)))
TURNED = f32(RNG.normal(size=(2, 3, 2, 4, 3)))
ORDER = np.argsort(-INTEGERS, axis=1, kind="stable")[:, :2]
WORDS = RNG.integers(-(2**31), 2**31, (2, 3)).astype(np.int32)
POINTS = f32([[1, -1, 0, -0.0, 2, -3], [1, 1, 0, -0.0, -2, 0]])
SPREAD = np.zeros((3, 4), np.float32)
SPREAD[[1, 2], [3, 0]] = [7, 9]
SUMS = np.zeros((4, 2), np.float32)
np.add.at(SUMS, [3, 1, 3], [[1, 2], [3, 4], [5, 6]])

CASES = [
    Case("CUMSUM", [PICTURE], np.cumsum(PICTURE, 2), [i32(2)], options("Cumsum")),
    Case("CUMSUM", [INTEGERS], np.cumsum(INTEGERS, 1, dtype=np.int32) - INTEGERS, [i32(-1)], options("Cumsum", exclusive=True), "exclusive"),
    Case("CUMSUM", [INTEGERS], np.cumsum(INTEGERS[::-1], 0, dtype=np.int32)[::-1].copy(), [i32(0)], options("Cumsum", reverse=True), "reverse"),
    Case("TOPK_V2", [INTEGERS], [np.take_along_axis(INTEGERS, ORDER, 1), ORDER.astype(np.int32)], [i32(2)]),
    Case("ARG_MAX", [SMALL], SMALL.argmax(1), [i32(1)], name="int8"),
    Case("SCATTER_ND", [i32(3, 1, 3).reshape(3, 1), f32([[1, 2], [3, 4], [5, 6]])], SUMS, [i32(4, 2)]),
    Case("SPARSE_TO_DENSE", [], SPREAD, [i32(1, 3, 2, 0).reshape(2, 2), i32(3, 4), f32([7, 9]), f32(0)]),
    Case("UNSORTED_SEGMENT_SUM", [ROWS], segments(0, np.add, 4), [IDS, i32(4)]),
    Case("UNSORTED_SEGMENT_PROD", [ROWS], segments(1, np.multiply, 4), [IDS, i32(4)]),
    Case("UNSORTED_SEGMENT_MAX", [ROWS], segments(np.finfo(np.float32).min, np.maximum, 4), [IDS, i32(4)]),
    Case("UNSORTED_SEGMENT_MIN", [ROWS], segments(np.finfo(np.float32).max, np.minimum, 4), [IDS, i32(4)]),
    Case("SEGMENT_SUM", [ROWS], np.stack([ROWS[:3].sum(0), ROWS[3]]), [i32(0, 0, 0, 1)]),
    Case("REVERSE_SEQUENCE", [PICTURE], reversed_sequences(PICTURE, LENGTHS, 2, 0), [LENGTHS], options("ReverseSequence", time_axis=2, batch_axis=0)),
    Case("REVERSE_SEQUENCE", [PICTURE], reversed_sequences(PICTURE, i32(1, 2, 0, 2), 0, 2), [i32(1, 2, 0, 2)], options("ReverseSequence", time_axis=0, batch_axis=2), "other axes"),
    Case("MATRIX_DIAG", [ROWS], ROWS[:, None, :] * np.eye(3, dtype=np.float32)),
    Case("MATRIX_SET_DIAG", [PICTURE], set_diagonal(PICTURE, PICTURE[..., 0]), [PICTURE[..., 0].copy()], name="wide"),
    Case("MATRIX_SET_DIAG", [INTEGERS.T.copy()], set_diagonal(INTEGERS.T, INTEGERS[0, :3]), [INTEGERS[0, :3].copy()], name="tall"),
    Case("BITWISE_XOR", [SMALL], SMALL ^ np.int8(85), [np.array(85, np.int8)]),
    Case("RIGHT_SHIFT", [SMALL], SMALL >> np.array([0, 3, 7, 7], np.int8), [np.array([-2, 3, 7, 100], np.int8)]),
    Case("RIGHT_SHIFT", [np.array([2**31 - 1, 5], np.uint32)], np.array([2**30 - 1, 2], np.uint32), [np.array(1, np.uint32)], name="uint32"),
    Case("BITCAST", [WORDS], WORDS.view(np.int16).reshape(2, 3, 2), name="narrower"),
    Case("BITCAST", [WORDS.view(np.uint8).reshape(2, 3, 4)], WORDS, name="wider"),
    Case("BITCAST", [SMALL], SMALL.view(np.uint8), name="same"),
    Case("ATAN2", [POINTS], np.arctan2(POINTS, POINTS[::-1]), [POINTS[::-1].copy()]),
    Case("FLOOR_MOD", [SMALL], np.mod(SMALL, np.int8(-7)), [np.array(-7, np.int8)], name="int8"),
    Case("BROADCAST_ARGS", [i32(3, 1), i32(5, 1, 4)], i32(5, 3, 4)),
    Case("LOCAL_RESPONSE_NORMALIZATION", [PICTURE], local_response(PICTURE, 1, 2.0, 0.3, 0.7), (), options("LocalResponseNormalization", radius=1, bias=2.0, alpha=0.3, beta=0.7)),
    Case("CONV_3D", [VOLUME], convolution3d(VOLUME, FILTERS), [FILTERS], options("Conv3D", padding=1, stride_depth=1, stride_height=1, stride_width=1)),
    # An even size and a stride of 2: only the window of 3 reaches beyond it.
    Case("CONV_3D", [VOLUME], convolution3d(PADDED, FILTERS)[:, ::2, ::2, ::2].copy(), [FILTERS], options("Conv3D", padding=0, stride_depth=2, stride_height=2, stride_width=2), "strided"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_positions(case: Case, read: Read) -> None:
    test_operator(case, read)


def test_conv3d_transpose_takes_shape_and_weights_first(read: Read) -> None:
    expected = convolution3d_transpose(VOLUME, TURNED, 2)
    table = options("Conv3D", padding=1, stride_depth=2, stride_height=2, stride_width=2)
    test_operator(Case("CONV_3D_TRANSPOSE", [VOLUME], expected, [i32(*expected.shape), TURNED], table, constants_first=True), read)
