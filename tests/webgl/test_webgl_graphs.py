"""Random graphs on WebGL, for what single operators do not show: epilogues, views, shared textures."""

from __future__ import annotations

import pytest
from expectations import graph_expectation
from webgl_session import DRIVERS

IN_A_BATCH = 12


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize(("driver", "layers"), [(driver, layers) for driver in DRIVERS for layers in (1, 4)])
def test_random_graphs(session_of, driver, layers, batch):
    session = session_of(driver)
    for seed in range(batch * IN_A_BATCH, (batch + 1) * IN_A_BATCH):
        expectation = graph_expectation(seed)
        loaded = session.load(expectation.model, layers)
        received = session.run(loaded, expectation.inputs)
        session.dispose(loaded)
        expectation.check(received)
