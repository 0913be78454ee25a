"""Which operators which backend has. NumPy and WASM have all of them."""

from __future__ import annotations

from collections.abc import Iterable

from webkiln.ops.table import Operator

WEBGL_DTYPES = ("f32", "bool")
"""What a float texture holds exactly: no integer beyond 2²⁴."""

WEBGL_STRUCTURED = (
    "conv2d", "matmul", "max_pool2d", "average_pool2d", "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod",
    "resize", "pad", "concat", "reshape", "transpose", "slice", "expand",
)  # fmt: skip
"""The structured operators that have a lowering in `js/backends/webgl/lowering.js`. Element-wise ones have their functions from the table."""


def has_webgl(operator: Operator) -> bool:
    """Whether there is a WebGL kernel for it."""
    if operator.elementwise:
        return any(set(variant) <= set(WEBGL_DTYPES) for variant in operator.variants)
    return operator.name in WEBGL_STRUCTURED


def runs_on_webgl(operator: Operator, dtypes: Iterable[str]) -> bool:
    """Whether WebGL runs it on inputs and an output of these dtypes. What it does not run, WASM does in the same plan."""
    return has_webgl(operator) and set(dtypes) <= set(WEBGL_DTYPES)
