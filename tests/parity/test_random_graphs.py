"""Random graphs: fused and planned in the runtime, against the NumPy reference."""

from __future__ import annotations

import numpy as np
import pytest
from random_graphs import RandomGraph
from webkiln.generator import generate
from webkiln.parity.compare import compare

BATCHES = 12
IN_A_BATCH = 12


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize(("browser", "relaxed"), [("node", False), ("chromium", True)])
def test_random_graphs(session_of, browser, relaxed, batch):
    for seed in range(batch * IN_A_BATCH, (batch + 1) * IN_A_BATCH):
        model = RandomGraph(seed).model(steps=6 + seed % 30)
        inputs = {
            argument.name: generate(seed, argument.shape, np.dtype(np.float32), -2.0, 2.0) for argument in model.inputs
        }
        expected = model.run(inputs)
        allowed = model.tolerances(inputs)
        received = session_of(browser, relaxed=relaxed).run(model, inputs)
        for name, array in expected.items():
            result = compare(array, received[name], tolerance=allowed[name])
            assert result.passed or _tiny(array, received[name]), f"seed {seed}, {name} {list(array.shape)}: {result.reason}"


def _tiny(expected: np.ndarray, received: np.ndarray) -> bool:
    """Whether what should be zero everywhere is zero but for rounding (there is no magnitude to be relative to)."""
    return bool(expected.size and expected.dtype.kind == "f" and np.abs(expected).max() < 1e-6 and np.abs(received).max() < 1e-5)
