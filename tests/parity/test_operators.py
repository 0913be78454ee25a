"""Every operator on every generated case: the WASM backend against the NumPy reference, in Node and in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from operator_models import operator_cases, operator_model
from webkiln.ops import OPERATORS


def assert_close(name: str, case: int, expected: np.ndarray, received: np.ndarray) -> None:
    """`received` is within the operator's tolerance of `expected`; NaN equals only NaN, infinities match in sign."""
    where = f"{name}, case {case}: {[list(array.shape) for array in operator_cases(name)[case].inputs]}"
    assert received.shape == expected.shape, where
    assert received.dtype == expected.dtype, where
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(received, expected, err_msg=where)
        return
    tolerance = OPERATORS[name].tolerance
    a, b = expected.astype(np.float64), received.astype(np.float64)
    special = ~np.isfinite(a) | ~np.isfinite(b)
    np.testing.assert_array_equal(b[special], a[special], err_msg=where)
    error = np.abs(a[~special] - b[~special])
    allowed = tolerance.absolute * _scale(name, case) + tolerance.relative * np.abs(a[~special])
    assert (error <= allowed).all(), f"{where}: error {error.max():.3g}, allowed {allowed[error.argmax()]:.3g}"


def _scale(name: str, case: int) -> float:
    """What an absolute tolerance is measured in: for sums of products, the magnitude of what is summed."""
    if name not in ("conv2d", "matmul", "reduce_sum", "reduce_mean"):
        return 1.0
    finite = [array[np.isfinite(array)] for array in operator_cases(name)[case].inputs]
    return max(1.0, *(float(np.abs(array).max(initial=0.0)) for array in finite)) ** min(2, len(finite))


@pytest.mark.parametrize("constants", [False, True], ids=["dynamic", "constant"])
@pytest.mark.parametrize("name", sorted(OPERATORS))
@pytest.mark.parametrize(
    ("browser", "relaxed", "minified"),
    [("node", False, True), ("chromium", False, True), ("chromium", True, True), ("chromium", False, False)],
    ids=["node-plain", "chromium-plain", "chromium-relaxed", "chromium-sources"],
)
def test_operator(session_of, browser, relaxed, minified, name, constants):
    cases = operator_cases(name)
    if constants and all(len(case.inputs) < 2 for case in cases):
        constants = False
        if browser != "node":
            pytest.skip("one input: the same model as with dynamic inputs")
    model, feeds = operator_model(name, cases, constants=constants)
    expected = model.run(feeds)
    received = session_of(browser, relaxed=relaxed, minified=minified).run(model, feeds)
    assert len(expected) == len(cases)
    for number in range(len(cases)):
        assert_close(name, number, expected[f"y{number}"], received[f"y{number}"])
