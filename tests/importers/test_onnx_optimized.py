"""More operators of com.microsoft, against the formulas of their documentation; each was compared with ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from test_onnx_fused import heads_of, joined, normal, run, softmax

RNG = np.random.default_rng(12)


def bytes_of(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def signed(*shape):
    return RNG.integers(-128, 128, shape).astype(np.int8)


def number(value, dtype=np.float32):
    return np.array(value, dtype)


def quantized(x, scale, point):
    return np.clip(np.rint(np.float32(x) / np.float32(scale)) + point, 0, 255)


@pytest.mark.parametrize("turned", [0, 1])
def test_products_of_transposed_batches(tmp_path, turned):
    """The first axis stands behind those of the batch first; `trans` turns what this gives."""
    a, b = normal(4, 2, 3, 5), normal(2, 3, 5, 6, seed=1)
    (found,) = run(tmp_path, "FusedMatMul", [np.ascontiguousarray(a.transpose(3, 1, 2, 0)) if turned else a, b], transBatchA=1, transA=turned)
    np.testing.assert_allclose(found, np.einsum("kabd,abde->abke", a, b), atol=1e-5)
    (found,) = run(tmp_path, "TransposeMatMul", [a, np.ascontiguousarray(a.transpose(0, 1, 3, 2))], transA=turned, transB=turned, alpha=0.5)
    np.testing.assert_allclose(found, 0.5 * (np.swapaxes(a, 2, 3) @ a if turned else a @ np.swapaxes(a, 2, 3)), atol=1e-5)


@pytest.mark.parametrize("one_way", [0, 1])
def test_attention_with_a_past(tmp_path, one_way):
    x, weights, bias, past = normal(2, 3, 8), normal(8, 24, seed=1), normal(24, seed=2), normal(2, 2, 2, 5, 4, seed=3)
    found, present = run(tmp_path, "Attention", [x, weights, bias, None, past], outputs=2, num_heads=2, unidirectional=one_way)
    query, *new = (heads_of(one, 2) for one in np.split(x @ weights + bias, 3, 2))
    keys, values = (np.concatenate(pair, 2) for pair in zip(past, new, strict=True))
    np.testing.assert_allclose(present, [keys, values], atol=1e-5)
    scores = query @ keys.swapaxes(2, 3) / 2
    scores = np.where(np.arange(8) > np.arange(3)[:, None] + 5, -np.inf, scores) if one_way else scores
    np.testing.assert_allclose(found, joined(softmax(scores) @ values), atol=1e-5)


def test_attention_by_integers(tmp_path):
    x, weights, bias, scales, points = bytes_of(2, 3, 8), signed(8, 24), normal(24), np.abs(normal(24, seed=1)) * np.float32(0.02), signed(24)
    arrays = [x, weights, bias, number(0.02), scales, np.array([3, 2], np.int32), number(120, np.uint8), points]
    (found,) = run(tmp_path, "QAttention", arrays, num_heads=2)
    projected = ((x.astype(int) - 120) @ (weights.astype(int) - points)) * np.float32(0.02) * scales + bias
    query, keys, values = (heads_of(one, 2) for one in np.split(projected, 3, 2))
    hidden = np.where(np.arange(3) < np.array([3, 2])[:, None], 0, -10000)[:, None, None]
    np.testing.assert_allclose(found, joined(softmax(query @ keys.swapaxes(2, 3) / 2 + hidden) @ values), atol=1e-4)


def test_weights_in_two_bits_and_groups_in_any_order(tmp_path):
    depth, columns, block = 40, 3, 16
    x, packed, scales = normal(2, depth), bytes_of(columns, 3, 4), normal(columns, 3, seed=1)
    numbers = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], -1).reshape(columns, -1)
    weights = (numbers - 2.0) * np.repeat(scales, block, 1)
    (found,) = run(tmp_path, "MatMulNBits", [x, packed, scales], constants=(1, 2), K=depth, N=columns, bits=2, block_size=block)
    np.testing.assert_allclose(found, x @ weights[:, :depth].T, atol=1e-4)
    groups = RNG.integers(0, 3, depth).astype(np.int32)
    packed = bytes_of(columns, 3, 8)
    numbers = np.stack([packed & 15, packed >> 4], -1).reshape(columns, -1)[:, :depth]
    arrays = [x, packed, scales, None, groups]
    (found,) = run(tmp_path, "MatMulNBits", arrays, constants=(1, 2, 4), K=depth, N=columns, bits=4, block_size=block)
    np.testing.assert_allclose(found, x @ ((numbers - 8.0) * scales[:, groups]).T, atol=1e-4)


@pytest.mark.parametrize(("bits", "points"), [(4, False), (4, True), (8, False), (8, True)])
def test_rows_of_a_quantized_table(tmp_path, bits, points):
    table, scales, zero = bytes_of(10, 32 * bits // 8), normal(10, 2), bytes_of(10, 2 * bits // 8)
    indices = np.array([[0, 9, -1], [3, 3, 7]])
    arrays = [table, indices, scales, *([zero] if points else [])]
    (found,) = run(tmp_path, "GatherBlockQuantized", arrays, constants=(0, 2, 3), block_size=16, bits=bits)

    def unpacked(rows):
        return rows if bits == 8 else np.stack([rows & 15, rows >> 4], -1).reshape(10, -1)

    point = unpacked(zero).astype(float) if points else np.full((10, 2), 2.0 ** (bits - 1))
    rows = (unpacked(table) - np.repeat(point, 16, 1)) * np.repeat(scales, 16, 1)
    np.testing.assert_allclose(found, rows[indices], rtol=1e-6)


def test_embeddings(tmp_path):
    words, segments, mask = np.array([[1, 8, 0, 2], [4, 4, 5, 3]], np.int32), np.array([[0, 0, 1, 1]] * 2, np.int32), np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)
    tables, scale, shift = [normal(9, 8), normal(6, 8, seed=1), normal(2, 8, seed=2)], normal(8, seed=3), normal(8, seed=4)
    arrays = [words, segments, *tables, scale, shift, mask]
    value, counts, total = run(tmp_path, "EmbedLayerNormalization", arrays, outputs=3, epsilon=1e-3)
    wanted = tables[0][words] + tables[1][:4] + tables[2][segments]
    np.testing.assert_allclose(total, wanted, atol=1e-6)
    assert counts.tolist() == [3, 2]
    spread = np.sqrt(wanted.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(value, (wanted - wanted.mean(-1, keepdims=True)) / spread * scale + shift, atol=1e-5)


def test_small_ones(tmp_path):
    a, b = normal(3, 4), normal(5, 4, seed=1)
    (found,) = run(tmp_path, "CDist", [a, b], metric="euclidean")
    np.testing.assert_allclose(found, np.linalg.norm(a[:, None] - b, axis=2), atol=1e-6)
    (found,) = run(tmp_path, "ExpandDims", [a, np.array(-1, np.int32)], constants=(1,))
    assert found.shape == (3, 4, 1)
    (found,) = run(tmp_path, "BiasAdd", [normal(2, 3, 4), b[0], normal(2, 3, 4, seed=2)])
    np.testing.assert_allclose(found, normal(2, 3, 4) + b[0] + normal(2, 3, 4, seed=2), atol=1e-6)
    (found,) = run(tmp_path, "Trilu", [a], upper=0)
    np.testing.assert_array_equal(found, np.tril(a))
    (found,) = run(tmp_path, "Pad", [a, np.array([1, 0, 0, 2]), number(1.5)], constants=(1, 2))
    np.testing.assert_array_equal(found, np.pad(a, ((1, 0), (0, 2)), constant_values=1.5))
    x = normal(2, 9, 3)
    (found,) = run(tmp_path, "UnfoldTensor", [x], dim=1, size=4, step=2)
    np.testing.assert_array_equal(found, np.lib.stride_tricks.sliding_window_view(x, 4, axis=1)[:, ::2])
    left, right = RNG.integers(-900, 900, (3, 4)).astype(np.int16), RNG.integers(-900, 900, (4, 5)).astype(np.int16)
    (found,) = run(tmp_path, "MatMulInteger16", [left, right])
    np.testing.assert_array_equal(found, left.astype(int) @ right)


def test_quantized_choices_and_means(tmp_path):
    chosen, x, y = RNG.integers(0, 2, (4, 50)).astype(bool), bytes_of(4, 50), bytes_of(4, 50)
    arrays = [chosen, x, number(0.05), number(128, np.uint8), y, number(0.04), number(120, np.uint8), number(0.06), number(100, np.uint8)]
    (found,) = run(tmp_path, "QLinearWhere", arrays)
    wanted = np.where(chosen, (x - np.float32(128)) * np.float32(0.05), (y - np.float32(120)) * np.float32(0.04))
    np.testing.assert_array_equal(found, quantized(wanted, 0.06, 100))
    x = bytes_of(1, 2, 4, 6)
    arrays = [x, number(0.5), number(128, np.uint8), number(0.5), number(120, np.uint8)]
    (found,) = run(tmp_path, "QLinearAveragePool", arrays, kernel_shape=[2, 2], strides=[2, 2])
    np.testing.assert_array_equal(found, quantized((x.reshape(1, 2, 2, 2, 3, 2).mean((3, 5)) - 128) * 0.5, 0.5, 120))


@pytest.mark.parametrize("turned", [0, 1])
def test_products_of_integers_and_a_bias(tmp_path, turned):
    a, b, bias, scales, points = bytes_of(5, 30), signed(30, 4), RNG.integers(-999, 999, 4).astype(np.int32), np.abs(normal(4)), signed(4)
    total = (a.astype(int) - 9) @ (b.astype(int) - points) + bias
    arrays = [a, number(0.02), number(9, np.uint8), np.ascontiguousarray(b.T) if turned else b, scales, points, bias]
    (found,) = run(tmp_path, "QGemm", arrays, constants=(3, 4, 5, 6), transB=turned, alpha=0.5)
    np.testing.assert_allclose(found, total * np.float32(0.02) * scales * 0.5, rtol=1e-5)
    (found,) = run(tmp_path, "QGemm", [*arrays, number(0.5), number(120, np.uint8)], constants=(3, 4, 5, 6, 7, 8), transB=turned)
    assert np.abs(found - quantized(total * np.float32(0.02) * scales, 0.5, 120)).max() == 0
