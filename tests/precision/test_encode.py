"""A tensor in each precision: how far it may be off, what stays exact, and what is not taken."""

from __future__ import annotations

import numpy as np
import pytest
from webkiln.errors import WebkilnError
from webkiln.graph.quantization import Affine, Masked
from webkiln.precision.channels import Axes
from webkiln.precision.encode import KINDS, encode
from webkiln.precision.sparse import without_zeros
from webkiln.precision.weights import stored_bytes

SHAPES = [((3, 3, 40, 5), Axes(3, 2)), ((33, 3), Axes(1, 0)), ((7, 31), Axes(0, 1)), ((2, 64, 5), Axes(2, 1)), ((65,), Axes(0, None)), ((5, 70), Axes(None, 1)), ((0, 4), Axes(1, 0)), ((4, 100), Axes(None, None))]
STEPS = {"uint16": 65535, "int8": 254, "uint8": 255}


def values(shape: tuple[int, ...], seed: int = 3) -> np.ndarray:
    """Channels of very different sizes, most of them not around 0."""
    rng = np.random.default_rng(seed)
    return np.asarray((rng.standard_normal(shape) + 0.7) * rng.uniform(0.001, 100, shape[-1:]), np.float32)


def dequantized(stored: np.ndarray | Affine | None) -> np.ndarray:
    assert stored is not None
    return stored.dequantize() if isinstance(stored, Affine) else stored.astype(np.float32)


def ranges(array: np.ndarray, axis: int | None, symmetric: bool) -> np.ndarray:
    others = tuple(one for one in range(array.ndim) if one != axis)
    low, high = array.min(axis=others, keepdims=True, initial=0), array.max(axis=others, keepdims=True, initial=0)
    return 2 * np.maximum(-low, high) if symmetric else high - low


@pytest.mark.parametrize(("shape", "axes"), SHAPES, ids=str)
@pytest.mark.parametrize("kind", STEPS)
def test_no_value_is_further_off_than_half_a_step_of_its_channel(kind: str, shape, axes) -> None:
    array = values(shape)
    stored = encode(array, kind, axes)
    assert isinstance(stored, Affine)
    assert stored.packed.nbytes == array.size * KINDS[kind] // 8
    step = ranges(array, axes.channel, kind == "int8") / STEPS[kind]
    # Scales in float16 are up to 0.8 % larger than they have to be.
    assert (np.abs(dequantized(stored) - array) <= step * (0.505 + 1e-3)).all()


@pytest.mark.parametrize(("shape", "axes"), SHAPES, ids=str)
def test_four_bits(shape, axes) -> None:
    array = values(shape)
    stored = encode(array, "int4", axes)
    assert isinstance(stored, Affine)
    assert stored.packed.nbytes == -(-array.size // 2)
    is_long = axes.contracted is not None and shape[axes.contracted] > 32
    assert stored.block == (32 if is_long else None)
    group = array.shape[axes.contracted] if is_long else 0
    assert stored.scale.size == (array.size // max(1, group) * -(-group // 32) if is_long else 1 if axes.channel is None else shape[axes.channel])
    error = dequantized(stored) - array
    magnitudes = np.abs(array).max(axis=axes.contracted, keepdims=True) if is_long else ranges(array, axes.channel, True) / 2
    assert (np.abs(error) <= magnitudes * 0.25).all()
    # No more than rounding to 15 even steps of the whole range would lose, in the mean.
    assert np.square(error).sum() <= np.square(magnitudes / 7).mean() / 12 * max(1, array.size) * 1.2


def test_blocks_lie_along_the_contracted_axis() -> None:
    """Each run of 32 has a scale of its own, so that runs of different sizes do not cost each other digits, and the last one is short."""
    array = np.ones((70, 2), np.float32)
    array[32:64] = 1000
    array[64:] = -0.001
    stored = encode(array, "int4", Axes(1, 0))
    assert isinstance(stored, Affine)
    np.testing.assert_allclose(stored.dequantize(), array, rtol=1e-2)
    assert stored.scale.reshape(3, 2).shape == (3, 2)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "f32"])
def test_zeros_stay_zero_and_a_channel_of_zeros_is_possible(kind: str) -> None:
    array = values((64, 6))
    array[::3] = 0
    array[:, 2] = 0
    result = dequantized(encode(array, kind, Axes(1, 0)))
    assert (result[::3] == 0).all()
    assert (result[:, 2] == 0).all()
    assert np.isfinite(result).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_only_floats_hold(kind: str, wrong: float) -> None:
    array = values((8, 40))
    array[3, 3] = wrong
    stored = encode(array, kind, Axes(1, 0))
    if kind in ("f32", "f16"):
        assert isinstance(stored, np.ndarray)
        np.testing.assert_array_equal(stored[3, 3], np.float16(wrong))
    else:
        assert stored is None


def test_a_range_beyond_float16_is_not_cut_off() -> None:
    array = np.float32([[1e6, -1e6]])
    assert encode(array, "f16", Axes(None, None)) is None
    stored = encode(array, "int8", Axes(None, None))
    assert isinstance(stored, Affine)
    assert stored.scale.dtype == np.float16
    np.testing.assert_allclose(stored.dequantize(), array, rtol=1e-2)
    huge = encode(array * np.float32(1e31), "uint8", Axes(None, None))
    assert isinstance(huge, Affine)
    assert huge.scale.dtype == np.float32
    np.testing.assert_allclose(huge.dequantize(), array * np.float32(1e31), rtol=1e-2)


def test_an_unknown_kind() -> None:
    with pytest.raises(WebkilnError, match="no precision 'int3'; known: f32, f16, uint16, int8, uint8, int4"):
        encode(np.float32([1]), "int3", Axes(None, None))


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_are_left_out_where_that_saves_bytes(kind: str) -> None:
    array = values((16, 120))
    dense = encode(array, kind, Axes(1, 0))
    assert dense is not None
    assert without_zeros(dense) is dense
    array[np.random.default_rng(5).random(array.shape) < 0.8] = 0
    whole = encode(array, kind, Axes(1, 0))
    assert whole is not None
    sparse = without_zeros(whole)
    assert isinstance(sparse, (Masked, Affine))
    assert sparse.mask is not None
    assert stored_bytes(sparse) < stored_bytes(whole) * (0.85 if kind == "int4" else 0.6)
    np.testing.assert_array_equal(sparse.dequantize(), dequantized(whole))
