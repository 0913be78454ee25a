"""`webkiln.inspect` in Pyodide, which has no NumPy here, says what it says in CPython: in Node and in a page of Chromium."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import webkiln
from webkiln import gallery
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.node import find_node
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import REPOSITORY

HERE = Path(__file__).parent
PYODIDE = REPOSITORY / "node_modules" / "pyodide"
IN_PAGE = """async ([wheels, models]) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const { inspecting } = await import("/inspecting.mjs");
  const read = async (path) => await (await fetch(path)).arrayBuffer();
  const inspect = await inspecting(loadPyodide, {}, await Promise.all(wheels.map(read)));
  return await Promise.all(models.map(async (path) => inspect(new Uint8Array(await read(path)))));
}"""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A TFLite file, an ONNX file, and one that is cut off."""
    found = [gallery.fetch("basic_pitch"), gallery.fetch("silero_vad")]
    cut = tmp_path_factory.mktemp("models") / "cut.onnx"
    cut.write_bytes(found[1].read_bytes()[:100_000])
    return [*found, cut]


@pytest.fixture(scope="session")
def expected(models: list[Path]) -> list[dict[str, Any]]:
    """What CPython says of the same bytes."""
    found = []
    for path in models:
        try:
            text = str(webkiln.inspect(path.read_bytes()))
        except webkiln.WebkilnError as error:
            text = f"{type(error).__name__}: {error}"
        found.append({"text": text, "numpy": False})
    assert [one["text"].split(": ")[1].split(",")[0] for one in found] == ["TFLite", "ONNX", "the bytes are no model that can be recognised"]
    return found


def test_in_node(wheels: list[Path], models: list[Path], expected: list[dict[str, Any]]) -> None:
    command = [find_node().path, HERE / "in_node.mjs", ",".join(map(str, wheels)), *models]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


@pytest.fixture
def server(wheels: list[Path], models: list[Path]) -> Iterator[LocalServer]:
    folders = {f"/{kind}/{i}/": path.parent for kind, paths in (("wheels", wheels), ("models", models)) for i, path in enumerate(paths)}
    with LocalServer({"/": HERE, "/pyodide/": PYODIDE, **folders}) as server:
        yield server


def test_in_chromium(server: LocalServer, wheels: list[Path], models: list[Path], expected: list[dict[str, Any]]) -> None:
    """In a page whose content security policy lets it compile WebAssembly and ask this server only."""
    addresses = [[f"/{kind}/{i}/{path.name}" for i, path in enumerate(paths)] for kind, paths in (("wheels", wheels), ("models", models))]
    page = BrowserPage("chromium", launch_options(find_chromium()))
    try:
        page.open(f"{server.url}page.html")
        assert page.evaluate(IN_PAGE, addresses, timeout=120) == expected
        assert page.console == []
    finally:
        page.close()
