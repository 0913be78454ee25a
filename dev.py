#!/usr/bin/env python3
"""Sets everything up on a fresh machine and does one of two things.

    python3 dev.py demo [ARGUMENTS]   the main job: `webkiln demo`
    python3 dev.py test [ARGUMENTS]   the tests; ARGUMENTS go to pytest

Needs Python 3.10 or newer and Node 20 or newer. Everything else goes into `.venv/` and `node_modules/` here; for the tests a
browser is found or installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# These need neither a browser nor anything that is built: they run beside the others, which wait for browsers most of the time.
BESIDE = ("ops", "graph", "passes", "importers", "webformat", "fuzz")
# The fast suites first; a folder that is not named here is run before all of them.
SUITES = (
    *("architecture", "ops", "graph", "passes", "importers", "webformat", "codegen", "kernels", "gallery", "tasks", "precision", "handover", "wizard"),
    *("cli", "browsers", "parity", "conformance", "js", "webgl_functions", "webgl", "demo", "packaging", "pyodide", "fuzz"),
)


def main() -> int:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in ("demo", "test"):
        print(__doc__)
        return 2
    if sys.version_info < (3, 10):  # noqa: UP036 (this file runs before anything is installed)
        print(f"error: Python {sys.version.split()[0]} was found; 3.10 or newer is needed")
        return 1
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip() if node else ""
    if not version or int(version.lstrip("v").split(".")[0]) < 20:
        print(f"error: {'Node ' + version if version else 'no Node'} was found; Node 20 or newer is needed")
        return 1
    return demo(arguments[1:]) if arguments[0] == "demo" else test(arguments[1:])


def demo(arguments: list[str]) -> int:
    install("browsers,build")
    must("-m", "webkiln.codegen")  # the sources may be newer than what was built when the package was installed
    return run("-m", "webkiln", "demo", *arguments)


def test(arguments: list[str]) -> int:
    install("test")
    must("-m", "webkiln.codegen")
    must("-m", "webkiln.browsers.install", *(["--all"] if os.environ.get("CI") else []))
    if arguments:
        return run("-m", "pytest", *arguments)
    must("-m", "ruff", "check", ".")
    must("-m", "mypy")
    command(["npm", "run", "--silent", "check"])
    command(["npm", "test", "--silent"])
    folders = {path.parent for path in ROOT.glob("tests/*/test_*.py")}
    order = sorted(folders, key=lambda folder: SUITES.index(folder.name) if folder.name in SUITES else -1)
    suites = [str(folder.relative_to(ROOT)) for folder in order]
    beside = [suite for suite in suites if Path(suite).name in BESIDE]
    with tempfile.TemporaryFile() as output, subprocess.Popen(pytest(beside), cwd=ROOT, stdout=output, stderr=output, preexec_fn=None if os.name == "nt" else give_way) as other:
        try:
            status = subprocess.run(pytest([suite for suite in suites if suite not in beside]), cwd=ROOT).returncode
            print(f"beside these: {', '.join(beside)}", flush=True)
            other.wait()
        except BaseException:
            other.terminate()
            raise
        output.seek(0)
        print(output.read().decode(errors="replace"))
    return status or other.returncode


def pytest(suites: list[str]) -> list[str]:
    return [str(PYTHON), "-m", "pytest", *suites]


def give_way() -> None:
    """Leave the processor to the browsers."""
    os.nice(10)


def install(extras: str) -> None:
    """A virtual environment with the package, made again only when `pyproject.toml` changed."""
    stamp = VENV / f".installed-{extras}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if not PYTHON.is_file():
        print("making a virtual environment in .venv", flush=True)
        venv.create(VENV, with_pip=True)
    print("installing Python and npm packages (about a minute)", flush=True)
    must("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", f".[{extras}]")
    stamp.write_text(wanted)


def run(*arguments: str) -> int:
    return subprocess.run([str(PYTHON), *arguments], cwd=ROOT).returncode


def must(*arguments: str) -> None:
    command([str(PYTHON), *arguments])


def command(words: list[str]) -> None:
    status = subprocess.run([shutil.which(words[0]) or words[0], *words[1:]], cwd=ROOT).returncode
    if status:
        print(f"error: {' '.join(words)} failed with status {status}")
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
