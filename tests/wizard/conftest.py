"""A folder with small models, and the wizard over a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wizard_models
from click.testing import CliRunner, Result
from webkiln.cli import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With classifier.tflite (every question), sums.onnx (only where to write), unsupported.onnx."""
    wizard_models.classifier(tmp_path / "classifier.tflite")
    wizard_models.sums(tmp_path / "sums.onnx")
    wizard_models.unsupported(tmp_path / "unsupported.onnx")
    return tmp_path


@pytest.fixture
def piped(folder: Path) -> Run:
    """`piped("sums.onnx", "--yes", input="")`: no terminal anywhere."""

    def run(*arguments: object, input: str = "", environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "webkiln", "wizard", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, input=input, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def called(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`called("sums.onnx", "--yes")`: the same within this process, which is quicker."""
    monkeypatch.chdir(folder)
    return lambda *arguments: CliRunner().invoke(main, ["wizard", *map(str, arguments)], prog_name="webkiln")


@pytest.fixture
def entries(folder: Path) -> Callable[[], set[str]]:
    """What lies in the folder, the hidden too."""
    return lambda: {entry.name for entry in folder.iterdir()}
