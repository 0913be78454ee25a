"""The operators that the WebGL backend claims, their cases, and how near to the reference they must be."""

from __future__ import annotations

import numpy as np
from operator_models import operator_cases
from webkiln.ops import OPERATORS
from webkiln.ops.backends import has_webgl
from webkiln.ops.table import Case, fill_defaults

SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
"""GPUs take what is smaller for 0, as the GLSL specification allows: the absolute error that even an exact operator may have."""

_FLOATS = (np.dtype(np.float32), np.dtype(np.bool_))
_SUMS = ("conv2d", "matmul", "reduce_sum", "reduce_mean")


def float_cases(name: str) -> list[tuple[int, Case]]:
    """The cases, with their numbers, whose inputs and output are f32 or bool."""
    operator = OPERATORS[name]

    def is_claimed(case: Case) -> bool:
        arrays = [*case.inputs, operator.reference(case.inputs, fill_defaults(operator, case.attributes))]
        return all(array.dtype in _FLOATS for array in arrays)

    return [(number, case) for number, case in enumerate(operator_cases(name)) if is_claimed(case)]


CLAIMED = [name for name in sorted(OPERATORS) if has_webgl(OPERATORS[name])]


def assert_near(name: str, case: Case, expected: np.ndarray, received: np.ndarray) -> None:
    """`received` is within the table's tolerance; NaN equals only NaN, infinities match in sign, booleans are equal."""
    where = f"{name} of {[list(array.shape) for array in case.inputs]} with {case.attributes}"
    assert received.shape == expected.shape, where
    if expected.dtype == np.bool_:
        np.testing.assert_array_equal(received.astype(np.bool_), expected, err_msg=where)
        return
    tolerance = OPERATORS[name].tolerance
    a, b = expected.astype(np.float64), received.astype(np.float64)
    special = ~np.isfinite(a) | ~np.isfinite(b)
    np.testing.assert_array_equal(b[special], a[special], err_msg=where)
    error = np.abs(a[~special] - b[~special])
    scale = 1.0
    if name in _SUMS:  # absolute tolerances are of the magnitude of what is summed
        finite = [array[np.isfinite(array)] for array in case.inputs]
        scale = max(1.0, *(float(np.abs(array).max(initial=0.0)) for array in finite)) ** min(2, len(finite))
    allowed = tolerance.absolute * scale + tolerance.relative * np.abs(a[~special]) + SMALLEST_NORMAL
    assert (error <= allowed).all(), f"{where}: error {error.max():.3g}, allowed {allowed[error.argmax()]:.3g}"
