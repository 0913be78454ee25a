"""A model in the web format, ready to be broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_folder import Folder
from sample_models import everything, tiny
from webkiln import webformat


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    webformat.write(tiny(), tmp_path / "model")
    return Folder(tmp_path / "model")


@pytest.fixture
def full_folder(tmp_path: Path) -> Folder:
    webformat.write(everything(), tmp_path / "everything")
    return Folder(tmp_path / "everything")
