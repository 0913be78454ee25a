"""The wheel in a fresh environment that has only what the wheel says it needs. Nothing is fetched or built."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from webkiln.gallery import fetch
from webkiln.version import VERSION


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environment."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    (site,) = folder.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in declared_files(wheel):
        if not (site / path.name).exists():
            (site / path.name).symlink_to(path)
    return folder


def declared_files(wheel: Path) -> set[Path]:
    """What lies in site-packages of the distributions that the wheel declares, and of those that these declare; no extras."""
    seen: set[str] = set()
    with zipfile.ZipFile(wheel) as opened:
        metadata = Parser().parsestr(opened.read(f"webkiln-{VERSION}.dist-info/METADATA").decode())
    wanted = list(metadata.get_all("Requires-Dist") or [])
    found: set[Path] = set()
    while wanted:
        requirement = wanted.pop()
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")
        if "extra ==" in requirement or name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or an older Python
        wanted += package.requires or []
        root = Path(str(package.locate_file("")))
        found |= {root / file.parts[0] for file in package.files or [] if not file.parts[0].startswith((".", "__pycache__"))}
    assert {"click", "numpy", "rich", "safetensors"} <= seen
    return found


def webkiln(environment: Path, where: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([environment / "bin" / "webkiln", *arguments], cwd=where, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_package_is_the_one_that_runs(environment: Path, tmp_path: Path) -> None:
    code = "import webkiln.model, sys; print(webkiln.__file__)"
    done = subprocess.run([environment / "bin" / "python", "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(environment)


def test_version(environment: Path, tmp_path: Path) -> None:
    assert webkiln(environment, tmp_path, "--version") == f"webkiln {VERSION}\n"


def test_ops(environment: Path, tmp_path: Path) -> None:
    assert re.search(r"^conv2d\b.*\bwasm\b", webkiln(environment, tmp_path, "ops"), re.MULTILINE)


def test_a_conversion_is_verified_with_the_packaged_runtime(environment: Path, tmp_path: Path) -> None:
    said = webkiln(environment, tmp_path, "convert", str(fetch("face_landmark")), "-o", "out")
    assert re.search(r"parity: wasm \(\w+\) in Node", said), said
    model = json.loads((tmp_path / "out" / "model.json").read_text())
    assert model["producer"] == f"webkiln {VERSION}"
    assert (tmp_path / "out" / "weights-00000.safetensors").is_file()


def test_the_wizard_needs_nothing_else(environment: Path, tmp_path: Path) -> None:
    said = webkiln(environment, tmp_path, "wizard", str(fetch("face_detection_short_range")), "--yes", "--browser", "node", "-o", "out")
    assert re.search(r"^wasm +Node .* passed", said, re.MULTILINE), said
    assert {"index.html", "model", "runtime"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_the_demo_is_exported_from_the_packaged_page(environment: Path, tmp_path: Path) -> None:
    webkiln(environment, tmp_path, "demo", "--export", "site")
    site = tmp_path / "site"
    assert {"index.html", "pose.js", "webkiln.min.js", "webkiln-plain.wasm", "person.jpg"} <= {path.name for path in site.iterdir()}
    assert (site / "model" / "model.json").is_file()
