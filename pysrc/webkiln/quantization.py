"""Storing weights in fewer bits."""

from __future__ import annotations

import numpy as np

from webkiln.errors import WebkilnError
from webkiln.graph.graph import Constant, Graph

KINDS = ("f16",)
_FEW = 64  # smaller constants stay as they are: nothing is gained


def quantize_weights(graph: Graph, kind: str) -> Graph:
    """A graph whose float32 constants are stored as `kind`. A constant that does not fit the range of float16 stays float32."""
    if kind not in KINDS:
        raise WebkilnError(f"quantization {kind!r} is not available; this version has: {', '.join(KINDS)}")
    changed = graph.copy()
    for name, constant in graph.constants.items():
        stored = constant.stored
        if isinstance(stored, np.ndarray) and stored.dtype == np.float32 and stored.size >= _FEW:
            with np.errstate(over="ignore"):
                half = stored.astype(np.float16)
            if np.array_equal(np.isfinite(half), np.isfinite(stored)):
                changed.constants[name] = Constant(half)
    return changed
