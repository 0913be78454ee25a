"""Running graphs before and after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from webkiln import reference
from webkiln.graph.dims import evaluate
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.graph import Graph

TOLERANCE = 1e-5  # of the largest magnitude: folding rounds weights once more


def make_inputs(graph: Graph, symbols: Mapping[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    inputs = {}
    for name in graph.inputs:
        value = graph.values[name]
        shape = [evaluate(size, symbols) for size in value.shape]
        whole = rng.integers(0, 2, shape) if value.dtype == "bool" else rng.integers(-9, 9, shape)
        inputs[name] = rng.uniform(-2, 2, shape).astype(np.float32) if value.dtype == "f32" else whole.astype(CANONICAL[value.dtype])
    return inputs


def assert_same(before: Graph, after: Graph, symbols: Mapping[str, int] | None = None, seed: int = 0) -> None:
    """Both graphs have the same inputs and results, and compute the same."""
    after.check()
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    inputs = make_inputs(before, symbols or {}, seed)
    expected, found = reference.run(before, inputs), reference.run(after, inputs)
    for name, want in expected.items():
        got = found[name]
        assert got.shape == want.shape
        assert got.dtype == want.dtype
        assert after.values[name].dtype == before.values[name].dtype
        if want.dtype != np.float32:
            np.testing.assert_array_equal(got, want)
            continue
        finite = np.isfinite(want)
        np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, want))
        if finite.any():
            assert np.abs(got[finite] - want[finite]).max() <= TOLERANCE * max(np.abs(want[finite]).max(), 1e-3), name
