"""The wheels that Pyodide needs: Webkiln's, and protobuf's in pure Python, fetched once into the cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
from webkiln.cache import cache_folder


@pytest.fixture(scope="session")
def protobuf() -> Path:
    """The wheel of the version that is installed here, without compiled parts."""
    folder = cache_folder() / "pyodide"
    name = f"protobuf-{version('protobuf')}-py3-none-any.whl"
    if not (folder / name).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            only_pure = ["--no-deps", "--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
            command = [sys.executable, "-m", "pip", "download", "--quiet", *only_pure, "--dest", scratch, f"protobuf=={version('protobuf')}"]
            subprocess.run(command, check=True, timeout=120)
            os.replace(Path(scratch, name), folder / name)
    return folder / name


@pytest.fixture(scope="session")
def wheels(wheel: Path, protobuf: Path) -> list[Path]:
    return [wheel, protobuf]
