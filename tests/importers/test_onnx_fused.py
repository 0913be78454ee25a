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
    with pytest.raises(UnsupportedOperatorError, match="with a past"):
        run(tmp_path, "Attention", [normal(1, 2, 4), normal(4, 12), normal(12), None, normal(2, 1, 2, 3, 2)], num_heads=2)
