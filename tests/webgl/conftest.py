"""One browser for each driver, started when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from expectations import gallery_expectation
from webgl_session import WebglSession
from webkiln import Model


@pytest.fixture(scope="session")
def session_of() -> Iterator[Callable[[str], WebglSession]]:
    sessions: dict[str, WebglSession] = {}

    def get(driver: str) -> WebglSession:
        if driver not in sessions:
            sessions[driver] = WebglSession(driver)
        return sessions[driver]

    yield get
    for session in sessions.values():
        session.close()


@pytest.fixture(scope="session")
def model_of() -> Callable[[str], Model]:
    return lambda name: gallery_expectation(name).model
