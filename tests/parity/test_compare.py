"""The comparison rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from webkiln.parity.compare import compare

nan, inf = np.nan, np.inf


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("expected", "received", "passes"),
    [
        (f32(1, 2), f32(1, 2), True),
        (f32(nan, 1), f32(nan, 1), True),
        (f32(nan, 1), f32(0, 1), False),
        (f32(0, 1), f32(nan, 1), False),
        (f32(inf, 1), f32(inf, 1), True),
        (f32(inf, 1), f32(-inf, 1), False),
        (f32(inf, 1), f32(3e38, 1), False),
        (f32(1, 1), f32(inf, 1), False),
        (f32(0, 0), f32(-0.0, 0), True),
        (f32(0, 0), f32(1e-6, 0), True),  # nothing but zeros: absolute
        (f32(0, 0), f32(1e-4, 0), False),
        (f32(1000, 1), f32(1000, 1.009), True),  # relative to the largest magnitude
        (f32(1000, 1), f32(1000, 1.011), False),
        (f32(inf, 1), f32(inf, 1.1), False),  # which is that of the finite values
        (np.array([1, 2], np.int32), np.array([1, 2], np.int32), True),
        (np.array([10**9, 2], np.int32), np.array([10**9 + 1, 2], np.int32), False),
        (np.array([True]), np.array([False]), False),
        (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), True),
        (np.float32(2).reshape(()), np.float32(2).reshape(()), True),
    ],
)
def test_rule(expected: np.ndarray, received: np.ndarray, passes: bool) -> None:
    assert compare(expected, received).passed is passes


def test_shapes_and_dtypes_have_to_be_equal() -> None:
    assert compare(f32(1, 2), f32(1, 2)[None]).reason == "the shape is [1, 2], expected [2]"
    assert compare(f32(1), np.array([1.0])).reason == "the dtype is float64, expected float32"


def test_channels_have_their_own_magnitudes() -> None:
    expected = np.array([[1000, 1], [900, 0.5]], np.float32)
    received = expected + np.array([[0, 0.001], [0, 0]], np.float32)
    assert compare(expected, received, tolerance=1e-5).passed
    found = compare(expected, received, tolerance=1e-5, channels=2)
    assert not found.passed
    assert found.index == (0, 1)
    assert found.error == pytest.approx(0.001, rel=1e-3)
    with pytest.raises(ValueError, match="4 elements are not a multiple of 3 channels"):
        compare(expected, received, channels=3)


def test_samples_know_their_channels() -> None:
    whole = np.array([1000, 1, 900, 0.5, 800, 0.25], np.float32)
    positions = np.array([0, 3, 5])
    wrong = whole[positions] + f32(0, 0, 0.001)
    assert compare(whole[positions], wrong, positions=positions).passed
    assert not compare(whole[positions], wrong, channels=2, positions=positions).passed
    assert compare(f32(1), f32(1.5), magnitude=1e6).passed


def test_the_report_shows_the_worst_element() -> None:
    found = compare(f32(1, 2, 4), f32(1, 2.5, 4.1))
    assert (found.index, found.expected, found.received) == ((1,), 2.0, 2.5)
    assert found.error == pytest.approx(0.125)
    assert "at [1]: 2.5, expected 2.0" in found.reason
    assert compare(f32(nan), f32(1)).error == math.inf
