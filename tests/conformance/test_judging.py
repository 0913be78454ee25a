"""The ratchet turns one way only: wrong answers, falling counts and exceptions that are no longer needed are seen."""

from __future__ import annotations

import numpy as np
import pytest
from judging import difference
from ratchet import fallen, needless, passing, raised, wrong

ONES = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ONES, ONES),
        (ONES + np.float32(5e-6), ONES),
        (np.full((), np.nan, np.float32), np.full((), np.nan, np.float32)),
        (np.array([np.inf, -np.inf]), np.array([np.inf, -np.inf])),
        (np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64)),
        (np.array([1 + 2.000001j]), np.array([1 + 2j])),
    ],
)
def test_what_is_right(found: np.ndarray, expected: np.ndarray) -> None:
    assert difference(found, expected, 1e-5, 0.0) == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ONES + np.float32(1e-3), ONES),
        (ONES.T, ONES),
        (ONES.astype(np.float64), ONES),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([True]), np.array([False])),
        (np.array([np.nan], np.float32), np.array([1], np.float32)),
        (np.array([np.inf], np.float32), np.array([-np.inf], np.float32)),
        (np.array([1 + 2j]), np.array([1 + 3j])),
    ],
)
def test_what_is_wrong(found: np.ndarray, expected: np.ndarray) -> None:
    assert difference(found, expected, 1e-5, 0.0)


def test_quantized_results_may_be_steps_apart() -> None:
    found, expected = np.array([3, 5], np.int8), np.array([4, 5], np.int8)
    assert difference(found, expected, 0, 0)
    assert difference(found, expected, 0, 0, steps=1) == ""
    assert difference(found, expected + np.int8(1), 0, 0, steps=1)


VERDICTS = {
    "numpy": {"s/a": "", "s/b": "unsupported", "s/c": "y: error 1"},
    "wasm@node": {"s/a": "", "s/b": "", "s/c": ""},
    "webgl@chromium": {"s/a": "", "s/b": "", "s/c": ""},
}


def test_counts() -> None:
    counts = passing({backend: VERDICTS[backend] for backend in ("numpy", "wasm@node")})
    assert counts == {"s": {"cases": 3, "numpy": 1, "wasm@node": 3}}
    assert fallen(counts, counts) == []
    assert fallen(counts, {"s": {"cases": 3, "numpy": 2, "wasm@node": 3}}) == ["s on numpy: 1 pass, 2 did"]
    assert fallen(counts, {"s": {"cases": 4, "numpy": 2}}) == []  # another version of the suite
    assert raised(counts, {"s": {"cases": 3, "webgl@chromium": 2}, "t": {"cases": 1}}) == {
        "s": {"cases": 3, "numpy": 1, "wasm@node": 3, "webgl@chromium": 2},
        "t": {"cases": 1},
    }


def test_only_exceptions_may_be_wrong() -> None:
    assert wrong(VERDICTS, {}) == ["s/c on numpy: y: error 1"]
    assert wrong(VERDICTS, {"s/c": "…"}) == []


def test_exceptions_that_pass_have_to_go() -> None:
    assert needless(VERDICTS, {"s/a": "…", "s/b": "…", "s/c": "…", "s/not-run": "…"}) == ["s/a is an exception, and passes"]
    assert needless({"numpy": VERDICTS["numpy"]}, {"s/a": "…"}) == []  # it may fail on another one
