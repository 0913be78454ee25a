"""Quantized constants: packing, scales along an axis and by blocks, masks."""

from __future__ import annotations

import numpy as np
import pytest
from webkiln.errors import FormatError
from webkiln.graph.graph import Constant, Graph, Value
from webkiln.graph.quantization import Affine, Masked
from webkiln.precision.weights import quantize_weights


def pack(values: np.ndarray, bits: int) -> np.ndarray:
    """Integers as the format stores them."""
    flat = values.reshape(-1).astype(np.int64) & ((1 << bits) - 1)
    if bits == 4:
        flat = np.append(flat, 0) if flat.size % 2 else flat
        return (flat[0::2] | flat[1::2] << 4).astype(np.uint8)
    return flat.astype(f"<u{bits // 8}").view(np.uint8)


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("shape", "axis", "block"), [((3, 5), None, None), ((3, 5), 0, None), ((3, 5), 1, None), ((3, 5), 1, 2), ((7,), 0, 4), ((2, 3, 4), 1, 3), ((1,), 0, None), ((0, 2), 1, None), ((), None, None)])  # fmt: skip
@pytest.mark.parametrize("zero", [False, True])
def test_affine_against_a_loop(bits, signed, shape, axis, block, zero) -> None:
    rng = np.random.default_rng(1)
    low = -(1 << (bits - 1)) if signed else 0
    q = np.asarray(rng.integers(low, low + (1 << bits), shape))
    if axis is None:
        entries: tuple[int, ...] = ()
    elif block is None:
        entries = (shape[axis],)
    else:
        entries = (*shape[:axis], -(-shape[axis] // block), *shape[axis + 1 :])
    scale = rng.uniform(0.01, 2, entries).astype(np.float32) if entries else np.float32(rng.uniform(0.01, 2))
    zero_point = np.asarray(rng.integers(-8, 8, entries), np.int32) if zero else None
    affine = Affine(pack(q, bits), shape, bits, signed, axis, np.asarray(scale), zero_point, block)
    result = affine.dequantize()
    assert result.dtype == np.float32
    assert result.shape == shape
    for at in np.ndindex(shape):
        if axis is None:
            where: tuple[int, ...] = ()
        elif block is None:
            where = (at[axis],)
        else:
            where = (*at[:axis], at[axis] // block, *at[axis + 1 :])
        offset = 0 if zero_point is None else int(zero_point[where])
        assert result[at] == np.float32(np.asarray(scale)[where] * np.float32(int(q[at]) - offset))


def test_the_low_half_comes_first() -> None:
    affine = Affine(np.uint8([0x21, 0xF3]), (3,), 4, False, None, np.float32(1), None)
    assert affine.dequantize().tolist() == [1, 2, 3]
    signed = Affine(np.uint8([0x8F]), (2,), 4, True, None, np.float32(0.5), None)
    assert signed.dequantize().tolist() == [-0.5, -4]
    wide = Affine(np.uint8([0x34, 0x12, 0xFF, 0xFF]), (2,), 16, True, None, np.float32(1), None)
    assert wide.dequantize().tolist() == [0x1234, -1]


def test_signed_bytes_may_be_stored_as_such() -> None:
    affine = Affine(np.int8([-128, 127]), (2,), 8, True, None, np.float32(1), None)
    assert affine.dequantize().tolist() == [-128, 127]


@pytest.mark.parametrize("affine", [
    Affine(np.zeros(2, np.uint8), (5,), 4, False, None, np.float32(1)),
    Affine(np.zeros(4, np.uint8), (5,), 4, False, None, np.float32(1)),
    Affine(np.zeros(6, np.uint8), (5,), 8, False, None, np.float32(1)),
    Affine(np.zeros(9, np.uint8), (5,), 16, False, None, np.float32(1)),
    Affine(np.zeros(5, np.float32), (5,), 8, False, None, np.float32(1)),
    Affine(np.zeros(5, np.int8), (10,), 4, False, None, np.float32(1)),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 0, np.float32([1, 2])),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, None, np.float32([1, 2])),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 0, np.ones(4, np.float32), np.zeros(3, np.int32)),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 0, np.ones(4, np.float32), np.zeros(4, np.float32)),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 0, np.ones(4, np.int32)),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 1, np.ones(4, np.float32)),
    Affine(np.zeros(4, np.uint8), (4,), 8, False, 0, np.ones(4, np.float32), None, 2),
])  # fmt: skip
def test_parts_that_do_not_fit_are_told(affine) -> None:
    with pytest.raises(FormatError):
        affine.dequantize()


def test_masks() -> None:
    masked = Masked(np.float16([1, 2, 3]), np.uint8([0b10000010, 0b1]), (3, 3))
    assert masked.dequantize().tolist() == [[0, 1, 0], [0, 0, 0], [0, 2, 3]]
    assert masked.dequantize().dtype == np.float32
    assert Masked(np.zeros(0, np.float32), np.zeros(0, np.uint8), (0, 3)).dequantize().shape == (0, 3)
    assert Masked(np.zeros(0, np.float32), np.uint8([0]), ()).dequantize() == 0


@pytest.mark.parametrize("masked", [
    Masked(np.float32([1]), np.uint8([0b11]), (4,)), Masked(np.float32([1, 2, 3]), np.uint8([0b11]), (4,)), Masked(np.float32([1]), np.uint8([1]), (9,)),
    Masked(np.float32([1]), np.uint8([1, 0, 0]), (9,)), Masked(np.float32([1]), np.float32([1]), (4,)),
    Masked(np.zeros(0, np.float32), np.uint8([0]), (2**31, 2**31)),
])  # fmt: skip
def test_masks_that_do_not_fit_are_told(masked) -> None:
    with pytest.raises(FormatError):
        masked.dequantize()


def test_quantized_constants_stand_for_float32() -> None:
    constant = Constant(Affine(np.uint8([1, 2]), (2,), 8, False, None, np.float32(0.5)))
    assert constant.value == Value("f32", (2,))
    assert constant.array.tolist() == [0.5, 1]


def test_weights_as_float16() -> None:
    rng = np.random.default_rng(2)
    graph = Graph()
    arrays = {
        "large": rng.standard_normal((10, 10)).astype(np.float32),
        "small": rng.standard_normal(8).astype(np.float32),
        "beyond": np.full(100, 1e6, np.float32),
        "infinite": np.full(100, np.inf, np.float32),
        "integers": np.arange(100, dtype=np.int32),
    }
    for name, array in arrays.items():
        graph.constants[name] = Constant(array)
        graph.values[name] = graph.constants[name].value
    halved = quantize_weights(graph, "f16")
    stored = {name: constant.stored.dtype.name for name, constant in halved.constants.items()}
    assert stored == {"large": "float16", "small": "float32", "beyond": "float32", "infinite": "float16", "integers": "int32"}
    assert graph.constants["large"].stored.dtype == np.float32
    np.testing.assert_allclose(halved.constants["large"].array, arrays["large"], rtol=1e-3)
