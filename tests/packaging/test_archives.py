"""What is in the wheel, the sdist and the npm package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

from webkiln.codegen.paths import REPOSITORY
from webkiln.version import VERSION

RUNTIME = {
    "webkiln.mjs",
    "webkiln.min.mjs",
    "webkiln.min.js",
    "webkiln.page.min.js",
    "webkiln.results.min.js",
    "webkiln.results.min.mjs",
    "webkiln.tasks.min.js",
    "webkiln.tasks.min.mjs",
    "webkiln.drawing.min.mjs",
    "webkiln.worker.min.js",
    "webkiln-plain.wasm",
    "webkiln-relaxed.wasm",
    "types/index.d.ts",
}
LARGEST_WHEEL = 3 * 1024 * 1024


def tracked(folder: str) -> set[str]:
    """The files of a folder that version control knows, by their paths in it. New ones count as soon as they are added."""
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {name.removeprefix(folder + "/") for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()}


def test_the_wheel_holds_package_runtime_and_demos_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"webkiln-{VERSION}-py3-none-any.whl"
    assert wheel.stat().st_size <= LARGEST_WHEEL
    names = set(zipfile.ZipFile(wheel).namelist())
    built = {f"webkiln/_dist/{path.relative_to(REPOSITORY / 'dist').as_posix()}" for path in (REPOSITORY / "dist").rglob("*") if path.is_file()}
    assert {f"webkiln/_dist/{name}" for name in RUNTIME} <= names
    expected = {f"{package}/{name}" for package in ("webkiln", "converter_wizard") for name in tracked(f"pysrc/{package}")} | {f"webkiln/_demos/{name}" for name in tracked("demos")} | built
    information = {name for name in names if fnmatch(name, f"webkiln-{VERSION}.dist-info/*")}
    assert expected - names == set()
    # A file that is not added yet is not stray for that; what is generated or left over is.
    stray = [name for name in names - expected - information if not (name.endswith((".py", ".html", ".js", ".css")) and "__pycache__" not in name)]
    assert stray == []
    assert {f"webkiln-{VERSION}.dist-info/licenses/{file}" for file in ("LICENSE", "THIRD_PARTY_NOTICES.md")} <= information


def test_the_runtime_in_the_wheel_is_the_built_one(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        for name in RUNTIME:
            assert opened.read(f"webkiln/_dist/{name}") == (REPOSITORY / "dist" / name).read_bytes(), name


def test_the_sdist_carries_sources_and_the_built_runtime(sdist: Path) -> None:
    with tarfile.open(sdist) as opened:
        names = [name.partition("/")[2] for name in opened.getnames()]
    assert len(names) == len(set(names)), "a file is in the sdist twice"
    assert {f"dist/{name}" for name in RUNTIME} <= set(names)
    for folder in ("pysrc", "wasm", "js", "demos", "docs", "packaging", "tools"):
        assert {f"{folder}/{name}" for name in tracked(folder)} <= set(names)
    assert {"hatch_build.py", "package.json", "package-lock.json", "LICENSE", "README.md", "CHANGELOG.md"} <= set(names)
    assert [name for name in names if "node_modules" in name or "__pycache__" in name or name.startswith(("build/", "."))] == [".gitignore"]


def test_a_wheel_from_the_sdist_builds_nothing(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """Without Node, npm and compilers on the PATH, and with the same bytes in the end."""
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path)
    (root,) = tmp_path.iterdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PATH")} | {"PATH": str(empty)}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (again,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        for name in first.namelist():
            if name.startswith("webkiln/"):
                assert first.read(name) == second.read(name), name


def test_npm_pack_lists_what_exports_promise() -> None:
    npm = shutil.which("npm")
    assert npm is not None
    done = subprocess.run([npm, "pack", "--dry-run", "--json"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    (packed,) = json.loads(done.stdout)
    names = {file["path"] for file in packed["files"]}
    assert packed["version"] == VERSION
    assert {"package.json", "LICENSE", "README.md"} <= names
    assert {f"dist/{name}" for name in RUNTIME} <= names
    assert {name.split("/")[0] for name in names} == {"package.json", "LICENSE", "README.md", "dist"}
    description = json.loads((REPOSITORY / "package.json").read_text())
    promised = [description["main"], description["types"]]
    for entry in description["exports"].values():
        promised += entry.values() if isinstance(entry, dict) else [entry]
    for target in promised:
        assert any(fnmatch(name, target.removeprefix("./")) for name in names), target
