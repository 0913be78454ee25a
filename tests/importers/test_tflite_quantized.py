"""Quantized TFLite models: integers with a scale and a zero point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from imported_models import Read, run
from test_tflite_operators import f32, i32, options
from tflite_writer import Model, Operator, Tensor

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


def test_casts_take_the_integers_as_they_are(read: Read) -> None:
    q = integers("int8", (7,))
    tensors = [Tensor("q", q.shape, "int8", quantization=scaled(0.5, 3)), Tensor("y", q.shape)]
    np.testing.assert_array_equal(run(read(model(tensors, "CAST")), {"q": q})["y"], q.astype(np.float32))
