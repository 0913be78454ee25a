from __future__ import annotations

from collections.abc import Iterator

import pytest
from glsl_machine import DRIVERS, Gpu


@pytest.fixture(scope="session", params=DRIVERS)
def gpu(request: pytest.FixtureRequest) -> Iterator[Gpu]:
    opened = Gpu(request.param)
    yield opened
    opened.close()
