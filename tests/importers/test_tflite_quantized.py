"""Quantized TFLite models: integers with a scale and a zero point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imported_models import Read, run
from test_tflite_operators import f32, i32, options
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError
from webkiln.model import convert, load
from webkiln.ops import OPERATORS

RNG = np.random.default_rng(5)
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def scaled(scale: Any, zero_point: Any = 0, axis: int = 0) -> dict[str, Any]:
    scales = np.atleast_1d(f32(scale))
    return {"scale": scales, "zero_point": np.broadcast_to(np.atleast_1d(np.int64(zero_point)), scales.shape).copy(), "axis": axis}


def integers(dtype: str, shape: Sequence[int]) -> np.ndarray:
    low, high = LIMITS[dtype]
    return RNG.integers(low, high + 1, shape).astype(dtype)


def quantize(x: np.ndarray, scale: float, zero_point: int, dtype: str) -> np.ndarray:
    """The nearest integers, halves away from zero."""
    steps = x.astype(np.float64) / float(np.float32(scale))
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5) + zero_point
    return np.clip(rounded, *LIMITS[dtype]).astype(dtype)


def model(tensors: Sequence[Tensor], operator: str, table: Mapping[str, Any] | None = None) -> Model:
    """One operator whose last tensor is its result; tensors without values are the inputs of the model."""
    last = len(tensors) - 1
    inputs = [i for i, tensor in enumerate(tensors[:-1]) if tensor.data is None]
    return Model(list(tensors), [Operator(operator, list(range(last)), [last], table)], inputs, [last])


def test_to_integers_and_back(read: Read) -> None:
    x = f32([[-100, -1.25, -0.25, -0.75], [0.24, 0.25, 1.75, 100]])
    tensors = [Tensor("x", x.shape), Tensor("q", x.shape, "int8", quantization=scaled(0.5, 3)), Tensor("y", x.shape)]
    there = read(model(tensors[:2], "QUANTIZE"))
    found = run(there, {"x": x})["q"]
    np.testing.assert_array_equal(found, quantize(x, 0.5, 3, "int8"))
    assert found.dtype == np.int8
    back = read(model(tensors[1:], "DEQUANTIZE"))
    np.testing.assert_array_equal(run(back, {"q": found})["y"], f32(0.5) * (found.astype(np.float32) - 3))


def test_scales_along_an_axis(read: Read) -> None:
    q = integers("int8", (2, 3, 4))
    scale, zero_point = f32([0.5, 2, 0.1]), np.array([0, -7, 30])
    tensors = [Tensor("q", q.shape, "int8", quantization=scaled(scale, zero_point, 1)), Tensor("y", q.shape)]
    expected = scale[:, None] * f32(q.astype(np.int64) - zero_point[:, None])
    np.testing.assert_array_equal(run(read(model(tensors, "DEQUANTIZE")), {"q": q})["y"], expected)


@pytest.mark.parametrize("dtype", LIMITS)
def test_moving_keeps_the_integers(dtype: str, read: Read) -> None:
    q = integers(dtype, (2, 3, 4))
    tensors = [
        Tensor("q", q.shape, dtype, quantization=scaled(0.1, 5)),
        Tensor("order", (3,), "int32", i32(2, 0, 1)),
        Tensor("y", (4, 2, 3), dtype, quantization=scaled(0.1, 5)),
    ]
    found = read(model(tensors, "TRANSPOSE"))
    assert [node.op for node in found.graph.nodes] == ["transpose"]
    np.testing.assert_array_equal(run(found, {"q": q})["y"], q.transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(("operator", "function"), [("TANH", np.tanh), ("EXP", np.exp), ("RELU6", lambda x: np.clip(x, 0, 6)), ("LOGISTIC", lambda x: 1 / (1 + np.exp(-x)))])
def test_functions_are_rounded_to_the_integers_of_the_result(dtype: str, operator: str, function: Any, read: Read) -> None:
    q = integers(dtype, (3, 50))
    step, point = (0.02, 7) if dtype != "int16" else (0.0001, 0)
    tensors = [Tensor("q", q.shape, dtype, quantization=scaled(step, point)), Tensor("y", q.shape, dtype, quantization=scaled(step * 1.7, 20))]
    x = step * (q.astype(np.float64) - point)
    found = run(read(model(tensors, operator)), {"q": q})["y"].astype(int)
    assert np.abs(found - quantize(function(x), step * 1.7, 20, dtype)).max() <= 1  # floats at a half
    assert np.mean(found == quantize(function(x), step * 1.7, 20, dtype)) > 0.98


def test_integer_weights_of_a_model_in_floats(read: Read) -> None:
    w, x = integers("int8", (3, 5)), f32(RNG.normal(size=(2, 5)))
    tensors = [Tensor("x", x.shape), Tensor("w", w.shape, "int8", w, quantization=scaled([0.5, 0.25, 2])), Tensor("y", (2, 3))]
    expected = x @ (f32([[0.5], [0.25], [2]]) * w).T
    np.testing.assert_allclose(run(read(model(tensors, "FULLY_CONNECTED", options("FullyConnected"))), {"x": x})["y"], expected, rtol=1e-5)


def packed(w: np.ndarray) -> bytes:
    """Integers of 4 bits, two a byte, the lower bits first."""
    low, high = np.append(w.reshape(-1), np.zeros(w.size % 2, np.int8)).reshape(-1, 2).T & 15
    return (low | high << 4).astype(np.uint8).tobytes()


def test_weights_of_4_bits(read: Read) -> None:
    w, x = RNG.integers(-8, 8, (3, 5)).astype(np.int8), f32(RNG.normal(size=(2, 5)))
    tensors = [Tensor("x", x.shape), Tensor("w", w.shape, "int4", packed(w), quantization=scaled([0.5, 0.25, 2])), Tensor("y", (2, 3))]
    expected = x @ (f32([[0.5], [0.25], [2]]) * w).T
    np.testing.assert_allclose(run(read(model(tensors, "FULLY_CONNECTED", options("FullyConnected"))), {"x": x})["y"], expected, rtol=1e-5)
    tensors[1].data = packed(w)[:-1]
    with pytest.raises(FormatError, match="15 elements of 4 bits, but the file holds 7 bytes"):
        read(model(tensors, "FULLY_CONNECTED", options("FullyConnected")))
    tensors[1].data, tensors[1].quantization = packed(w), {"details_type": 2}
    with pytest.raises(UnsupportedOperatorError, match="int4"):
        read(model(tensors, "FULLY_CONNECTED", options("FullyConnected")))


def test_integer_weights_take_a_byte_each_in_the_web_format(read: Read, tmp_path: Path) -> None:
    x, w = integers("int8", (1, 300)), integers("int8", (200, 300))
    quantization = scaled(0.02, 7)
    tensors = [Tensor("x", x.shape, "int8", quantization=quantization), Tensor("w", w.shape, "int8", w, quantization=scaled(0.01)), Tensor("y", (1, 200), "int8", quantization=quantization)]
    read(model(tensors, "FULLY_CONNECTED", options("FullyConnected")))
    converted = convert(tmp_path / "model.tflite")
    converted.save(tmp_path / "saved")
    assert w.size < sum(path.stat().st_size for path in (tmp_path / "saved").glob("weights-*")) < 1.05 * w.size
    back = load(tmp_path / "saved")
    assert {name: one.dtype for name, one in back.graph.constants.items()} == {name: one.dtype for name, one in converted.graph.constants.items()}
    np.testing.assert_array_equal(back.run({"x": x})["y"], converted.run({"x": x})["y"])


def test_casts_take_the_integers_as_they_are(read: Read) -> None:
    q = integers("int8", (7,))
    tensors = [Tensor("q", q.shape, "int8", quantization=scaled(0.5, 3)), Tensor("y", q.shape)]
    np.testing.assert_array_equal(run(read(model(tensors, "CAST")), {"q": q})["y"], q.astype(np.float32))


# Integers only, against the arithmetic of TFLite's kernels (16 bits) and of XNNPACK's (8 bits) in Python's integers.


def fixed(x: int, factor: float, reduced: bool = False) -> int:
    """x · factor: the factor as 31 bits and a shift, rounded twice; or as 15 bits and rounded once."""
    fraction, shift = math.frexp(factor)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if reduced:
        short = (multiplier + 2**15) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
        return (x * short + (1 << (14 - shift))) >> (15 - shift)
    high = ((x << max(shift, 0)) * multiplier + 2**30) >> 31
    right = max(-shift, 0)
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def nearest(x: int, factor: np.float32) -> int:
    """The product of float32, rounded with halves to even."""
    return round(float(np.float32(x) * np.float32(factor)))


def places(x: int, factor: float) -> int:
    """The factor with 8 binary places; halves up."""
    return (x * round(256 * float(factor)) + 128) >> 8


def clipped(values: Any, dtype: str, low: int = -(2**31), high: int = 2**31) -> np.ndarray:
    return np.clip(np.clip(values, *LIMITS[dtype]), low, high).astype(dtype)


def each(function: Any, *arrays: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda *numbers: function(*map(int, numbers)), otypes=[np.int64])(*np.broadcast_arrays(*arrays))


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(("operator", "sign"), [("ADD", 1), ("SUB", -1)])
def test_sums_of_integers(dtype: str, operator: str, sign: int, read: Read) -> None:
    a, b = integers(dtype, (2, 40)), integers(dtype, (40,))
    scales = [float(np.float32(one)) for one in (0.11, 0.07, 0.13)]
    points = (3, 5, 9) if dtype != "int16" else (0, 0, 0)
    tensors = [Tensor(name, shape, dtype, quantization=scaled(scale, point)) for name, shape, scale, point in zip("aby", (a.shape, b.shape, a.shape), scales, points, strict=True)]
    twice = 2 * max(scales[:2])
    ratios = [float(np.float32(scale) / np.float32(scales[2])) for scale in scales[:2]]
    bits = 20 - math.floor(math.log2(max(ratios)))

    def total(p: int, q: int) -> int:
        p, q = p - points[0], q - points[1]
        if dtype != "int16":
            whole = p * round(ratios[0] * 2**bits) + sign * q * round(ratios[1] * 2**bits)
            return ((whole + (1 << (bits - 1))) >> bits) + points[2]
        left, right = fixed(p << 15, scales[0] / twice), fixed(q << 15, scales[1] / twice)
        return fixed(left + sign * right, twice / (2**15 * scales[2])) + points[2]

    found = run(read(model(tensors, operator, options(operator.title(), activation=1))), {"a": a, "b": b})["y"]
    np.testing.assert_array_equal(found, clipped(each(total, a, b), dtype, low=points[2]))


def test_sums_of_integers_with_scales_far_apart(read: Read) -> None:
    """XNNPACK leaves them to TFLite."""
    a, b = integers("int8", (300,)), integers("int8", (300,))
    scales = [float(np.float32(one)) for one in (30, 0.07, 0.1)]
    tensors = [Tensor(name, a.shape, "int8", quantization=scaled(scale)) for name, scale in zip("aby", scales, strict=True)]
    expected = each(lambda p, q: fixed(fixed(p << 20, 0.5) + fixed(q << 20, scales[1] / 60), 60 / (2**20 * scales[2])), a, b)
    np.testing.assert_array_equal(run(read(model(tensors, "ADD", options("Add"))), {"a": a, "b": b})["y"], clipped(expected, "int8"))


@pytest.mark.parametrize("dtype", LIMITS)
def test_products_of_integers(dtype: str, read: Read) -> None:
    a, b = integers(dtype, (3, 400)), integers(dtype, (3, 1))
    points = (0, 0, 0) if dtype == "int16" else (3, -8, 4) if dtype == "int8" else (130, 120, 128)
    step = 200 if dtype == "int16" else 0.6
    tensors = [Tensor(name, shape, dtype, quantization=scaled(scale, point)) for name, shape, scale, point in zip("aby", (a.shape, b.shape, a.shape), (0.11, 0.07, step), points, strict=True)]
    factor = np.float32(0.11) * np.float32(0.07) / np.float32(step)
    rounded = (lambda x: fixed(x, float(factor))) if dtype == "int16" else (lambda x: nearest(x, factor))
    expected = clipped(each(lambda p, q: rounded((p - points[0]) * (q - points[1])) + points[2], a, b), dtype)
    np.testing.assert_array_equal(run(read(model(tensors, "MUL", options("Mul"))), {"a": a, "b": b})["y"], expected)


@pytest.mark.parametrize(("dtype", "alpha"), [("int16", 0.3), ("int8", 0.3), ("int8", -0.3), ("int8", 0.001)])
def test_leaky_relu_of_integers(dtype: str, alpha: float, read: Read) -> None:
    q = integers(dtype, (300,))
    tensors = [Tensor("q", q.shape, dtype, quantization=scaled(0.003)), Tensor("y", q.shape, dtype, quantization=scaled(0.0021))]
    above = np.float32(0.003) / np.float32(0.0021)
    if dtype == "int8" and abs(alpha) > 0.01:
        expected = each(lambda p: places(p, above if p >= 0 else above * np.float32(alpha)), q)
    else:
        below = np.float32(0.003) * np.float32(alpha) / np.float32(0.0021)
        expected = each(lambda p: fixed(p, float(above if p >= 0 else below)), q)
    found = run(read(model(tensors, "LEAKY_RELU", options("LeakyRelu", alpha=alpha))), {"q": q})["y"]
    np.testing.assert_array_equal(found, clipped(expected, dtype))


@pytest.mark.parametrize(
    ("dtype", "other", "step"),
    [("int16", "int16", 0.0007), ("int16", "int32", 1e-7), ("int8", "int8", 0.0007), ("uint8", "uint8", 0.31), ("int8", "int8", 1e-5), ("int8", "uint8", 0.0007)],
)
def test_scales_change_with_integers(dtype: str, other: str, step: float, read: Read) -> None:
    q, point = integers(dtype, (300,)), 0 if dtype == "int16" else 11
    limits = LIMITS | {"int32": (-(2**31), 2**31 - 1)}
    tensors = [Tensor("q", q.shape, dtype, quantization=scaled(0.003, point)), Tensor("y", q.shape, other, quantization=scaled(step, point))]
    few = dtype == other != "int16" and step > 1e-4
    factor = float(np.float32(0.003) / np.float32(step)) if few else float(np.float32(0.003)) / float(np.float32(step))
    expected = np.clip(each(lambda p: (places if few else fixed)(p - point, factor), q) + point, *limits[other]).astype(other)
    np.testing.assert_array_equal(run(read(model(tensors, "QUANTIZE")), {"q": q})["y"], expected)


@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"])
@pytest.mark.parametrize(("dtype", "bias_dtype"), [("int8", "int32"), ("uint8", "int32"), ("int16", "int64")])
def test_sums_of_products_of_integers(operator: str, dtype: str, bias_dtype: str, read: Read) -> None:
    """1×1 windows, so that each output is a row times the weights of a channel."""
    point, weight_point = (0, 0) if dtype == "int16" else (7, 0) if dtype == "int8" else (120, 130)
    x, out = integers(dtype, (1, 4, 5, 6)), 6
    w = integers("uint8" if dtype == "uint8" else "int8", (out, 6))
    bias = RNG.integers(-3000, 3000, out).astype(bias_dtype)
    channels = operator != "FULLY_CONNECTED" and dtype != "uint8"
    scales = f32(RNG.uniform(0.01, 0.05, out if channels else 1))
    rows = x.reshape(-1, 6).astype(np.int64) - point
    weights = w.astype(np.int64) - weight_point
    shape: tuple[int, ...] = (out, 1, 1, 6)
    table = options("FullyConnected", activation=3) if operator == "FULLY_CONNECTED" else options("Conv2D", padding=1, stride_width=1, stride_height=1, activation=3)
    if operator == "DEPTHWISE_CONV_2D":
        w, weights, shape = w[0], np.diag(weights[0]), (1, 1, 1, 6)
        table = options("DepthwiseConv2D", padding=1, stride_width=1, stride_height=1, activation=3)
    elif operator == "TRANSPOSE_CONV":
        table = options("TransposeConv", padding=1, stride_width=1, stride_height=1, activation=3)
    elif operator == "FULLY_CONNECTED":
        shape = (out, 6)
    product = np.float32(0.02) * scales if not channels and (dtype == "uint8" or operator == "FULLY_CONNECTED") else np.float64(np.float32(0.02)) * scales.astype(np.float64)
    step = np.float32(0.03)
    factors = np.broadcast_to(product.astype(np.float64) / float(step), out)
    sums = rows @ weights.T + bias
    if dtype == "int16":
        expected = np.stack([each(lambda one, factor=factors[k]: fixed(one, factor, True), sums[:, k]) for k in range(out)], axis=1)
    else:
        ratios = np.broadcast_to(np.float32(0.02) * scales / step, out)
        expected = np.stack([each(lambda one, ratio=ratios[k]: nearest(one, ratio), sums[:, k]) for k in range(out)], axis=1) + point
    high = point + math.floor(np.float32(6) / step + 0.5)
    expected = clipped(expected, dtype, point, high)
    size = (20, out) if operator == "FULLY_CONNECTED" else (1, 4, 5, out)
    axis = 3 if operator == "DEPTHWISE_CONV_2D" else 0
    tensors = [
        Tensor("x", x.shape, dtype, quantization=scaled(0.02, point)),
        Tensor("w", shape, w.dtype.name, w.reshape(shape), quantization=scaled(scales, weight_point, axis)),
        Tensor("bias", bias.shape, bias_dtype, bias, quantization=scaled(product)),
        Tensor("y", size, dtype, quantization=scaled(0.03, point)),
    ]
    if operator == "TRANSPOSE_CONV":
        tensors = [Tensor("size", (4,), "int32", i32(*size)), tensors[1], tensors[0], *tensors[2:]]
    found = read(model(tensors, operator, table))
    np.testing.assert_array_equal(run(found, {"x": x})["y"], expected.reshape(size))
    assert {node.op for node in found.graph.nodes} & {"requantize"}


def test_weights_that_a_run_gives_leave_convolutions_to_tflite(read: Read) -> None:
    x, w = integers("int8", (1, 8, 50, 6)), integers("int8", (5, 1, 1, 6))
    bias = i32(10, -20, 300, 0, 5)
    tensors = [
        Tensor("x", x.shape, "int8", quantization=scaled(0.02, 7)),
        Tensor("w", w.shape, "int8", quantization=scaled(0.013)),
        Tensor("bias", bias.shape, "int32", bias, quantization=scaled(0.02 * 0.013)),
        Tensor("y", (1, 8, 50, 5), "int8", quantization=scaled(0.011, -3)),
    ]
    factor = float(np.float32(0.02)) * float(np.float32(0.013)) / float(np.float32(0.011))
    sums = (x.astype(np.int64) - 7) @ w.reshape(5, 6).astype(np.int64).T + bias
    found = run(read(model(tensors, "CONV_2D", options("Conv2D", padding=1, stride_width=1, stride_height=1))), {"x": x, "w": w})["y"]
    np.testing.assert_array_equal(found, clipped(each(lambda one: fixed(one, factor) - 3, sums), "int8"))
    assert (found != clipped(each(lambda one: nearest(one, np.float32(factor)) - 3, sums), "int8")).any()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_weights_that_a_run_gives_to_a_layer(dtype: str, read: Read) -> None:
    x, w = integers(dtype, (40, 6)), integers(dtype, (5, 6))
    points = (7, 0, -3) if dtype == "int8" else (100, 120, 128)
    tensors = [Tensor(name, shape, dtype, quantization=scaled(scale, point)) for name, shape, scale, point in zip("xwy", (x.shape, w.shape, (40, 5)), (0.02, 0.013, 0.011), points, strict=True)]
    factor = np.float32(0.02) * np.float32(0.013) / np.float32(0.011)
    sums = (x.astype(np.int64) - points[0]) @ (w.astype(np.int64) - points[1]).T
    expected = clipped(each(lambda one: nearest(one, factor) + points[2], sums), dtype)
    np.testing.assert_array_equal(run(read(model(tensors, "FULLY_CONNECTED", options("FullyConnected"))), {"x": x, "w": w})["y"], expected)


def test_products_of_matrices_of_integers(read: Read) -> None:
    a, b = integers("int8", (2, 7, 16)), integers("int8", (2, 9, 16))
    tensors = [Tensor(name, shape, "int8", quantization=scaled(scale, point)) for name, shape, scale, point in (("a", a.shape, 0.02, 7), ("b", b.shape, 0.03, -4), ("y", (2, 7, 9), 0.7, 5))]
    factor = float(np.float32(0.02)) * float(np.float32(0.03)) / float(np.float32(0.7))
    sums = (a.astype(np.int64) - 7) @ (b.astype(np.int64) + 4).transpose(0, 2, 1)
    expected = clipped(each(lambda one: fixed(one, factor) + 5, sums), "int8")
    np.testing.assert_array_equal(run(read(model(tensors, "BATCH_MATMUL", options("BatchMatMul", adjoint_y=True))), {"a": a, "b": b})["y"], expected)


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("same", [True, False])
def test_average_pools_of_integers(dtype: str, same: bool, read: Read) -> None:
    """Windows at the border have fewer elements; halves go away from zero, whatever the zero point is."""
    q = integers(dtype, (2, 7, 6, 3))
    size = (4, 3) if same else (3, 3)
    both = scaled(0.1, 0 if dtype == "int16" else 11)
    tensors = [Tensor("q", (1, 7, 6, 3), dtype, quantization=both, signature=(-1, 7, 6, 3)), Tensor("y", (1, *size, 3), dtype, quantization=both, signature=(-1, *size, 3))]
    expected = np.zeros((2, *size, 3), np.int64)
    for i in range(size[0]):
        for j in range(size[1]):
            top, left = (2 * i - 1, 2 * j) if same else (2 * i, 2 * j)  # 3 × 2 windows, two apart
            window = q[:, max(0, top) : top + 3, left : left + 2].astype(np.int64)
            total, count = window.sum(axis=(1, 2)), window.shape[1] * window.shape[2]
            expected[:, i, j] = np.sign(total) * ((np.abs(total) + count // 2) // count)
    table = options("Pool2D", padding=0 if same else 1, stride_height=2, stride_width=2, window_height=3, window_width=2, activation=1)
    found = run(read(model(tensors, "AVERAGE_POOL_2D", table)), {"q": q})["y"]
    np.testing.assert_array_equal(found, clipped(expected, dtype, low=int(both["zero_point"][0])))


@pytest.mark.parametrize(("operator", "dtype"), list(itertools.product(("MEAN", "SUM"), LIMITS)))
def test_means_of_integers(operator: str, dtype: str, read: Read) -> None:
    q = integers(dtype, (2, 7, 7, 50))
    scales, points = [float(np.float32(one)) for one in (0.02, 0.019 if operator == "MEAN" else 0.9)], (-9, 4)
    tensors = [
        Tensor("q", q.shape, dtype, quantization=scaled(scales[0], points[0])),
        Tensor("axes", (2,), "int32", i32(1, 2)),
        Tensor("y", (2, 50), dtype, quantization=scaled(scales[1], points[1])),
    ]
    fraction, shift = math.frexp(scales[0] / scales[1])
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if operator == "MEAN":  # 2^5 is the power below 49
        multiplier, shift = multiplier * 2**5 // 49, shift - 5
    sums = (q.astype(np.int64) - points[0]).sum(axis=(1, 2))
    steps = run_requantize(sums, multiplier, shift)
    if dtype != "int16":
        factor = np.float32(scales[0]) / np.float32(scales[1]) / np.float32(49 if operator == "MEAN" else 1)
        steps = each(lambda one: nearest(one, factor), sums)
    expected = clipped(steps + points[1], dtype)
    np.testing.assert_array_equal(run(read(model(tensors, operator, options("Reducer"))), {"q": q})["y"], expected)


def run_requantize(x: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    return OPERATORS["requantize"].reference([x, np.int64(multiplier), np.int64(shift)], {"rounding": "double"})


def test_padding_is_the_zero_point(read: Read) -> None:
    q = integers("int8", (2, 3))
    both = scaled(0.5, 3)
    tensors = [Tensor("q", q.shape, "int8", quantization=both), Tensor("p", (2, 2), "int32", i32(1, 0, 0, 2).reshape(2, 2)), Tensor("y", (3, 5), "int8", quantization=both)]
    np.testing.assert_array_equal(run(read(model(tensors, "PAD")), {"q": q})["y"], np.pad(q, ((1, 0), (0, 2)), constant_values=3))


def test_sums_that_need_64_bits_are_refused(read: Read) -> None:
    w, bias = np.full((1, 1, 1, 700), 127, np.int8), np.zeros(1, np.int64)
    tensors = [
        Tensor("x", (1, 1, 1, 700), "int16", quantization=scaled(0.02)),
        Tensor("w", w.shape, "int8", w, quantization=scaled(0.02)),
        Tensor("bias", (1,), "int64", bias, quantization=scaled(0.0004)),
        Tensor("y", (1, 1, 1, 1), "int16", quantization=scaled(0.03)),
    ]
    with pytest.raises(UnsupportedOperatorError, match="more than 32 bits"):
        read(model(tensors, "CONV_2D", options("Conv2D", padding=1, stride_width=1, stride_height=1)))
