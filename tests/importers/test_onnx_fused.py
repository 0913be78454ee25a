"""Operators of com.microsoft that an optimizer makes, against what they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from onnx_model import info, model_of, written
from webkiln import convert
from webkiln.errors import UnsupportedOperatorError

MICROSOFT = "com.microsoft"


def model(op, arrays, constants=(), outputs=1, **attributes):
    names = ["" if array is None else f"i{i}" for i, array in enumerate(arrays)]
    node = helper.make_node(op, names, [f"o{i}" if i < outputs else "" for i in range(outputs)], domain=MICROSOFT, **attributes)
    given = [info(f"i{i}", array) for i, array in enumerate(arrays) if array is not None and i not in constants]
    fixed = {f"i{i}": array for i, array in enumerate(arrays) if array is not None and i in constants}
    return model_of([node], given, [f"o{i}" for i in range(outputs)], fixed, opset=17, imports=[helper.make_opsetid(MICROSOFT, 1)], ir_version=8)


def run(tmp_path, op, arrays, constants=(), outputs=1, **attributes):
    made = model(op, arrays, constants, outputs, **attributes)
    results = convert(written(made, tmp_path)).run(
        {f"i{i}": array for i, array in enumerate(arrays) if array is not None and i not in constants}
    )
    return [results[f"o{i}"] for i in range(outputs)]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def heads_of(x, heads):
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def joined(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def test_layer_normalization_of_a_sum(tmp_path):
    x, skip, scale, shift, bias = normal(2, 3, 5), normal(2, 3, 5, seed=1), normal(5, seed=2), normal(5, seed=3), normal(5, seed=4)
    value, _, _, total = run(tmp_path, "SkipLayerNormalization", [x, skip, scale, shift, bias], outputs=4, epsilon=1e-3)
    added = x + skip + bias
    deviation = np.sqrt(added.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(value, (added - added.mean(-1, keepdims=True)) / deviation * scale + shift, atol=1e-5)
    np.testing.assert_allclose(total, added, atol=1e-6)
    (value,) = run(tmp_path, "SkipSimplifiedLayerNormalization", [x, skip, scale], epsilon=1e-3)
    added = x + skip
    np.testing.assert_allclose(value, added / np.sqrt((added * added).mean(-1, keepdims=True) + 1e-3) * scale, atol=1e-5)


@pytest.mark.parametrize(("turn_a", "turn_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_products(tmp_path, turn_a, turn_b):
    a, b = normal(2, 3, 4), normal(2, 4, 5, seed=1)
    given = [np.ascontiguousarray(a.swapaxes(1, 2)) if turn_a else a, np.ascontiguousarray(b.swapaxes(1, 2)) if turn_b else b]
    (value,) = run(tmp_path, "FusedMatMul", given, alpha=0.5, transA=turn_a, transB=turn_b)
    np.testing.assert_allclose(value, 0.5 * a @ b, atol=1e-5)


@pytest.mark.parametrize(("kind", "parameters", "function"), [
    ("Relu", None, lambda x: np.maximum(x, 0)), ("LeakyRelu", [0.1], lambda x: np.where(x < 0, 0.1 * x, x)),
    ("Clip", [-0.5, 0.75], lambda x: np.clip(x, -0.5, 0.75)), ("HardSigmoid", [0.2, 0.5], lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
])  # fmt: skip
def test_activations(tmp_path, kind, parameters, function):
    x, w, b = normal(1, 2, 5, 5), normal(3, 2, 1, 1, seed=1), normal(3, seed=2)
    options = {"activation_params": parameters} if parameters else {}
    (value,) = run(tmp_path, "FusedConv", [x, w, b], constants=(1, 2), activation=kind, **options)
    np.testing.assert_allclose(value, function(np.einsum("nchw,oc->nohw", x, w[:, :, 0, 0]) + b[:, None, None]), atol=1e-5)


@pytest.mark.parametrize("kind", ["none", "raw", "lengths", "causal", "bias"])
def test_attention(tmp_path, kind):
    heads, x, w, b = 2, normal(2, 4, 6), normal(6, 24, seed=1), normal(24, seed=2)
    mask = {"raw": np.array([[1, 1, 1, 0], [1, 0, 1, 1]], np.int32), "lengths": np.array([3, 2], np.int32)}.get(kind)
    bias = normal(2, 2, 4, 4, seed=3) if kind == "bias" else None
    (value,) = run(tmp_path, "Attention", [x, w, b, mask, None, bias][: 6 if kind == "bias" else 4], num_heads=heads, unidirectional=int(kind == "causal"))
    query, key, values = (heads_of(part, heads) for part in np.split(x @ w + b, 3, axis=-1))
    scores = query @ key.swapaxes(2, 3) / np.sqrt(4)
    if kind == "raw":
        scores = scores + np.where(mask, 0, -10000.0)[:, None, None]
    if kind == "lengths":
        scores = scores + np.where(np.arange(4) < mask[:, None], 0, -10000.0)[:, None, None]
    if kind == "causal":
        scores = np.where(np.tri(4, dtype=bool), scores, np.finfo(np.float32).min)
    if kind == "bias":
        scores = scores + bias
    np.testing.assert_allclose(value, joined(softmax(scores) @ values), atol=1e-5)


def test_attention_of_queries_keys_and_values(tmp_path):
    query, key, values, bias = normal(2, 3, 8), normal(2, 5, 8, seed=1), normal(2, 5, 4, seed=2), normal(20, seed=3)
    mask = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)
    (value,) = run(tmp_path, "MultiHeadAttention", [query, key, values, bias, mask], num_heads=2)
    q, k, v = (heads_of(part, 2) for part in (query + bias[:8], key + bias[8:16], values + bias[16:]))
    scores = q @ k.swapaxes(2, 3) / 2 + np.where(mask, 0, -10000.0)[:, None, None]
    np.testing.assert_allclose(value, joined(softmax(scores) @ v), atol=1e-5)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("points", [False, True])
def test_weights_in_few_bits(tmp_path, bits, points):
    depth, columns, block, blocks = 40, 3, 16, 3
    rng = np.random.default_rng(bits)
    quantized = rng.integers(0, 2**bits, (columns, blocks, block))
    scales = normal(columns * blocks, seed=5)
    zeros = rng.integers(0, 2**bits, (columns, blocks)) if points else np.full((columns, blocks), 2 ** (bits - 1))

    def packed(numbers):
        even = np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, numbers.shape[-1] % 2)])
        return numbers.astype(np.uint8) if bits == 8 else (even[..., ::2] | even[..., 1::2] << 4).astype(np.uint8)

    x = normal(2, depth)
    arrays = [x, packed(quantized), scales, packed(zeros).reshape(-1) if points else None][: 4 if points else 3]
    (value,) = run(tmp_path, "MatMulNBits", arrays, constants=(1, 2, 3), K=depth, N=columns, bits=bits, block_size=block)
    weights = ((quantized - zeros[..., None]) * scales.reshape(columns, blocks, 1)).reshape(columns, -1)[:, :depth]
    np.testing.assert_allclose(value, x @ weights.T, atol=1e-4)


def test_what_is_refused_is_told(tmp_path):
    with pytest.raises(UnsupportedOperatorError, match="the activation Swish"):
        run(tmp_path, "FusedConv", [normal(1, 2, 5, 5), normal(3, 2, 1, 1)], constants=(1,), activation="Swish")
    with pytest.raises(UnsupportedOperatorError, match="with rotary embedding"):
        run(tmp_path, "Attention", [normal(1, 4, 6), normal(6, 24), normal(24)], num_heads=2, do_rotary=1)


SCALE, POINT = np.float32(0.03), np.uint8(120)


def quantized(x, scale, point):
    return np.clip(np.rint((x / np.float32(scale)).astype(np.float32)) + int(point), 0, 255).astype(np.uint8)


def floats(x, scale, point):
    return (x.astype(np.int32) - int(point)).astype(np.float32) * np.float32(scale)


@pytest.mark.parametrize(("op", "function"), [("QLinearAdd", np.add), ("QLinearMul", np.multiply)])
def test_quantized_arithmetic(tmp_path, op, function):
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 256, (4, 5)).astype(np.uint8), rng.integers(0, 256, (5,)).astype(np.uint8)
    arrays = [a, np.float32(0.02), np.uint8(100), b, np.float32(0.05), np.uint8(7), SCALE, POINT]
    (value,) = run(tmp_path, op, [np.asarray(array) for array in arrays], constants=(1, 2, 4, 5, 6, 7))
    assert value.dtype == np.uint8
    np.testing.assert_array_equal(value, quantized(function(floats(a, 0.02, 100), floats(b, 0.05, 7)), SCALE, POINT))


@pytest.mark.parametrize(("op", "function", "options"), [
    ("QLinearSigmoid", lambda x: 1 / (1 + np.exp(-x)), {}), ("QLinearLeakyRelu", lambda x: np.where(x < 0, 0.2 * x, x), {"alpha": 0.2}),
    ("QLinearSoftmax", softmax, {"axis": -1, "opset": 13}), ("QLinearGlobalAveragePool", lambda x: x.mean((2, 3), keepdims=True), {}),
])  # fmt: skip
def test_quantized_functions(tmp_path, op, function, options):
    x = np.random.default_rng(4).integers(0, 256, (1, 3, 4, 4)).astype(np.uint8)
    arrays = [np.asarray(array) for array in (x, np.float32(0.05), np.uint8(128), np.float32(1 / 256), np.uint8(0))]
    (value,) = run(tmp_path, op, arrays, constants=(1, 2, 3, 4), **options)
    expected = quantized(function(floats(x, 0.05, 128)), 1 / 256, 0)
    assert np.abs(value.astype(int) - expected).max() <= 1


def test_quantized_parts(tmp_path):
    a, b = np.arange(6, dtype=np.uint8).reshape(2, 3), np.arange(8, dtype=np.uint8).reshape(2, 4)
    arrays = [SCALE, POINT, a, np.float32(0.06), np.uint8(3), b, SCALE, POINT]
    (value,) = run(tmp_path, "QLinearConcat", [np.asarray(array) for array in arrays], constants=(0, 1, 3, 4, 6, 7), axis=1)
    np.testing.assert_array_equal(value, np.concatenate([quantized(floats(a, 0.06, 3), SCALE, POINT), b], 1))


def test_products_of_integers_as_floats(tmp_path):
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 256, (3, 300)).astype(np.uint8), rng.integers(-128, 128, (300, 4)).astype(np.int8)
    scales, points, bias = normal(4, seed=6), rng.integers(-128, 128, 4).astype(np.int8), normal(4, seed=7)
    arrays = [a, b, np.asarray(np.float32(0.1)), scales, np.asarray(np.uint8(9)), points, bias]
    (value,) = run(tmp_path, "MatMulIntegerToFloat", arrays, constants=(1, 2, 3, 4, 5, 6))
    total = (a.astype(np.int64) - 9) @ (b.astype(np.int64) - points)
    np.testing.assert_allclose(value, total * (np.float32(0.1) * scales) + bias, rtol=1e-6, atol=1e-4)
    x = normal(3, 300, seed=8)
    (value,) = run(tmp_path, "DynamicQuantizeMatMul", [x, b, scales, points, bias], constants=(1, 2, 3, 4))
    step = (max(x.max(), np.float32(0)) - min(x.min(), np.float32(0))) / np.float32(255)
    point = np.rint(-x.min() / step)
    total = (np.clip(np.rint(x / step) + point, 0, 255) - point) @ (b - points.astype(np.float64))
    np.testing.assert_allclose(value, total * (step * scales) + bias, rtol=1e-5, atol=1e-3)
