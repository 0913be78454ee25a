"""One browser for each driver, started when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from webgl_session import WebglSession
from webkiln import Model, gallery


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
    made: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in made:
            made[name] = gallery.convert(name)
        return made[name]

    return get
