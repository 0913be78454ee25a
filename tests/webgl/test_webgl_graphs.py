"""Random graphs on WebGL, for what single operators do not show: epilogues, views, shared textures."""

from __future__ import annotations

import numpy as np
import pytest
from random_graphs import RandomGraph
from webgl_session import DRIVERS
from webkiln.generator import generate
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare

IN_A_BATCH = 12
TOLERANCE = LEAST_TOLERANCES["webgl"]


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize(("driver", "layers"), [(driver, layers) for driver in DRIVERS for layers in (1, 4)])
def test_random_graphs(session_of, driver, layers, batch):
    session = session_of(driver)
    for seed in range(batch * IN_A_BATCH, (batch + 1) * IN_A_BATCH):
        model = RandomGraph(seed).model(steps=6 + seed % 30)
        inputs = {
            argument.name: generate(seed, argument.shape, np.dtype(np.float32), -2.0, 2.0) for argument in model.inputs
        }
        expected = model.run(inputs)
        allowed = model.tolerances(inputs)
        loaded = session.load(model, layers)
        received = session.run(loaded, inputs)
        session.dispose(loaded)
        for name, array in expected.items():
            got = received[name].astype(array.dtype)
            result = compare(array, got, tolerance=max(allowed[name], TOLERANCE))
            assert result.passed or _tiny(array, got), f"seed {seed}, {name} {list(array.shape)}: {result.reason}"


def _tiny(expected: np.ndarray, received: np.ndarray) -> bool:
    """Whether what should be zero everywhere is zero but for rounding (there is no magnitude to be relative to)."""
    return bool(
        expected.size and expected.dtype.kind == "f" and np.abs(expected).max() < 1e-6 and np.abs(received).max() < 1e-5
    )
