"""What several suites need: wheel and sdist, built once from this checkout with nothing fetched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from webkiln.codegen.paths import REPOSITORY


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both."""
    folder = tmp_path_factory.mktemp("archives")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(archives: Path) -> Path:
    (found,) = archives.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(archives: Path) -> Path:
    (found,) = archives.glob("*.tar.gz")
    return found
