"""Attention of decoders (com.microsoft) against plain loops, which were compared with ONNX Runtime."""

from __future__ import annotations

import math

import numpy as np
import pytest
import webkiln
from onnx_model import written
from test_onnx_fused import model, normal, run
from webkiln.errors import UnsupportedOperatorError

HEADS, OWN, DEPTH = 4, 2, 8
COS, SIN = np.cos(normal(20, DEPTH // 2, seed=8)), np.sin(normal(20, DEPTH // 2, seed=8))


def turned(x, position, interleaved):
    """One head [D], turned by the tables' angles at a position."""
    a, b = (x[::2], x[1::2]) if interleaved else (x[: DEPTH // 2], x[DEPTH // 2 :])
    real, imaginary = a * COS[position] - b * SIN[position], a * SIN[position] + b * COS[position]
    return np.stack([real, imaginary], 1).reshape(-1) if interleaved else np.concatenate([real, imaginary])


def attend(query, key, value, past_key, past_value, ends, rotary=None, window=-1, cap=0.0, beside=None, scale=None, bias=None):
    """[B, S, heads · D] and the keys and values [B, heads, …, D] of each batch, as long as it is."""
    batches, length = query.shape[:2]
    split = [one.reshape(batches, length, -1, DEPTH).astype(np.float64) for one in (query, key, value)]
    result, kept = np.zeros((batches, length, HEADS, DEPTH)), []
    for b in range(batches):
        before = 0 if past_key is None else ends[b] + 1 - length
        keys, values = (np.zeros((OWN, 0, DEPTH)) if past is None else past[b, :, :before].astype(np.float64) for past in (past_key, past_value))
        q, k, v = (one[b].copy() for one in split)
        if rotary is not None:
            for one in (q, k):
                for s, head in np.ndindex(*one.shape[:2]):
                    one[s, head] = turned(one[s, head], before + s, rotary)
        keys, values = np.concatenate([keys, k.swapaxes(0, 1)], 1), np.concatenate([values, v.swapaxes(0, 1)], 1)
        kept.append((keys, values))
        for s, head in np.ndindex(length, HEADS):
            last = min(before + s, ends[b])
            first = max(0, last - window + 1) if window >= 0 else 0
            own = head // (HEADS // OWN)
            scores = keys[own, first : last + 1] @ q[s, head] * (scale or 1 / math.sqrt(DEPTH))
            scores = cap * np.tanh(scores / cap) if cap else scores
            scores = scores + bias[0, 0, s, first : last + 1] if bias is not None else scores
            powers = np.exp(scores)
            weights = powers / (powers.sum() + (0 if beside is None else math.exp(beside[head])))
            result[b, s, head] = weights @ values[own, first : last + 1]
    return result.reshape(batches, length, -1), kept


OPTIONS = [
    ({}, {}), ({"local_window_size": 2}, {"window": 2}), ({"softcap": 1.5}, {"cap": 1.5}), ({"smooth_softmax": 1}, {"beside": [0] * HEADS}),
    ({"scale": 0.25, "do_rotary": 1}, {"scale": 0.25, "rotary": False}), ({"do_rotary": 1, "rotary_interleaved": 1}, {"rotary": True}),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "options"), OPTIONS)
@pytest.mark.parametrize(("batches", "length", "past", "ends"), [(2, 3, 0, [2, 2]), (2, 4, 0, [3, 1]), (2, 1, 5, [5, 5]), (1, 3, 4, [6]), (2, 1, 6, [6, 3]), (2, 1, 9, [4, 7])])
def test_steps(tmp_path, attributes, options, batches, length, past, ends):
    query, key, value = normal(batches, length, HEADS * DEPTH), normal(batches, length, OWN * DEPTH, seed=1), normal(batches, length, OWN * DEPTH, seed=2)
    old = [normal(batches, OWN, past, DEPTH, seed=seed) if past else None for seed in (3, 4)]
    tables = [COS, SIN] if "do_rotary" in attributes else []
    arrays = [query, key, value, *old, np.array(ends, np.int32), np.array(max(ends) + 1, np.int32), *tables]
    found, keys, values = run(tmp_path, "GroupQueryAttention", arrays, outputs=3, num_heads=HEADS, kv_num_heads=OWN, **attributes)
    wanted, kept = attend(query, key, value, *old, ends, **options)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert keys.shape[2] == max(past, max(ends) + 1)
    for b, both in enumerate(kept):
        for one, expected in zip((keys, values), both, strict=True):
            np.testing.assert_allclose(one[b, :, : expected.shape[1]], expected[:, : one.shape[2]], atol=1e-5)


def test_packed_parts_a_bias_and_a_score_for_nothing(tmp_path):
    query, key, value = normal(2, 3, HEADS * DEPTH), normal(2, 3, OWN * DEPTH, seed=1), normal(2, 3, OWN * DEPTH, seed=2)
    bias, beside, ends = normal(1, 1, 3, 3, seed=5), normal(HEADS, seed=6), [2, 2]
    packed = np.concatenate([query, key, value], 2)
    arrays = [packed, None, None, None, None, np.array(ends, np.int32), np.array(3, np.int32), None, None, None, bias, beside]
    (found,) = run(tmp_path, "GroupQueryAttention", arrays, num_heads=HEADS, kv_num_heads=OWN)
    wanted, _ = attend(query, key, value, None, None, ends, bias=bias, beside=beside)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_given_positions_are_refused(tmp_path):
    arrays = [normal(1, 2, 64), None, None, None, None, np.array([1], np.int32), np.array(2, np.int32), COS, SIN, np.array([[1, 0]])]
    with pytest.raises(UnsupportedOperatorError, match="positions that are given"):
        webkiln.convert(written(model("GroupQueryAttention", arrays, num_heads=HEADS, kv_num_heads=OWN, do_rotary=1), tmp_path))


@pytest.mark.parametrize("interleaved", [0, 1])
def test_turning(tmp_path, interleaved):
    x, positions = normal(2, 3, HEADS * DEPTH), np.array([[0, 4, 2], [19, 3, 3]])
    wanted = np.zeros((2, 3, HEADS, DEPTH))
    split = x.reshape(wanted.shape)
    for b, s, head in np.ndindex(2, 3, HEADS):
        wanted[b, s, head] = turned(split[b, s, head], positions[b, s], interleaved)
    (found,) = run(tmp_path, "RotaryEmbedding", [x, positions, COS, SIN], interleaved=interleaved)
    np.testing.assert_allclose(found, wanted.reshape(x.shape), atol=1e-6)
    (found,) = run(tmp_path, "RotaryEmbedding", [np.ascontiguousarray(split.swapaxes(1, 2)), np.array([5]), COS, SIN], interleaved=interleaved)
    for b, s, head in np.ndindex(2, 3, HEADS):
        np.testing.assert_allclose(found[b, head, s], turned(split[b, s, head], 5 + s, interleaved), atol=1e-6)


@pytest.mark.parametrize("one_way", [0, 1])
def test_heads_with_a_past(tmp_path, one_way):
    parts, old = [normal(2, 3, 8, seed=seed) for seed in range(3)], [normal(2, 2, 5, 4, seed=seed) for seed in (3, 4)]
    arrays = [*parts, None, None, None, *old]
    found, keys, values = run(tmp_path, "MultiHeadAttention", arrays, outputs=3, num_heads=2, unidirectional=one_way)
    query, *new = (one.reshape(2, 3, 2, 4).swapaxes(1, 2) for one in parts)
    both = [np.concatenate(pair, 2) for pair in zip(old, new, strict=True)]
    np.testing.assert_array_equal(keys, both[0])
    np.testing.assert_array_equal(values, both[1])
    scores = query @ both[0].swapaxes(2, 3) / 2
    scores = np.where(np.arange(8) > np.arange(3)[:, None] + 5, -np.inf, scores) if one_way else scores
    powers = np.exp(scores)
    wanted = (powers / powers.sum(-1, keepdims=True)) @ both[1]
    np.testing.assert_allclose(found, wanted.swapaxes(1, 2).reshape(2, 3, 8), atol=1e-5)


def test_packed_heads(tmp_path):
    """[B, S, heads, 3, D], and [B, S, heads, 2, D] beside queries, give what the same parts give apart."""
    parts = [normal(2, 3, 2, 4, seed=seed) for seed in range(3)]
    flat = [one.reshape(2, 3, 8) for one in parts]
    (wanted,) = run(tmp_path, "MultiHeadAttention", flat, num_heads=2)
    (all_three,) = run(tmp_path, "MultiHeadAttention", [np.stack(parts, 3)], num_heads=2)
    (two,) = run(tmp_path, "MultiHeadAttention", [flat[0], np.stack(parts[1:], 3)], num_heads=2)
    (split,) = run(tmp_path, "MultiHeadAttention", [flat[0], *(np.ascontiguousarray(one.swapaxes(1, 2)) for one in parts[1:])], num_heads=2)
    for found in (all_three, two, split):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
