"""Small TFLite files, gallery models, and a runtime to try them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from imported_models import MODELS, Read
from tflite_writer import Model
from webkiln import Session, gallery, importers
from webkiln.importers.imported import ImportedModel


@pytest.fixture(scope="session")
def node_session() -> Iterator[Session]:
    """WASM in Node, for all tests."""
    with Session(backend="wasm", browser="node") as session:
        yield session


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """`read(model)`: a small model (or bytes), through a file and the importer."""

    def run(model: Model | bytes, **options: object) -> ImportedModel:
        path = tmp_path / "model.tflite"
        path.write_bytes(model if isinstance(model, bytes) else model.encode())
        return importers.read(path, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture(params=sorted(MODELS))
def gallery_model(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Each model of the gallery: its name and its file."""
    return request.param, gallery.fetch(request.param)
