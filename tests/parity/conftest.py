"""Sessions that the parity tests share: one host for each browser, build and bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from webkiln import Model, Session, gallery

SessionOf = Callable[..., Session]


@pytest.fixture(scope="session")
def session_of() -> Iterator[SessionOf]:
    """`session_of("node", relaxed=False, minified=True)`: the session with these properties, started when first asked for."""
    sessions: dict[tuple[str, bool, bool], Session] = {}

    def get(browser: str, *, relaxed: bool, minified: bool = True) -> Session:
        key = (browser, relaxed, minified)
        if key not in sessions:
            sessions[key] = Session(backend="wasm", browser=browser, relaxed=relaxed, minified=minified)
        return sessions[key]

    yield get
    for session in sessions.values():
        session.close()


@pytest.fixture(scope="session")
def model_of():
    """Converted models by gallery name, each converted once."""
    made: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in made:
            made[name] = gallery.convert(name)
        return made[name]

    return get
