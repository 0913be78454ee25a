"""The public names, and the one version that everything says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import webkiln
from webkiln.codegen.paths import REPOSITORY
from webkiln.version import VERSION

RECIPE = REPOSITORY / "packaging" / "pyodide" / "webkiln" / "meta.yaml"
PYTHON = {"Inspection", "Model", "Session", "convert", "inspect", "load", "results", "__version__"}
ERRORS = {
    "BrowserError",
    "FormatError",
    "GalleryError",
    "GraphError",
    "HashError",
    "InputError",
    "OutputExistsError",
    "ShapeError",
    "UnsupportedFormatError",
    "UnsupportedOperatorError",
    "VerificationError",
    "WebkilnError",
}
JAVASCRIPT = [
    "DeviceTensor",
    "FetchError",
    "FormatError",
    "HashError",
    "InputError",
    "Model",
    "RemoteModel",
    "ShapeError",
    "UnsupportedOperatorError",
    "WebkilnError",
    "load",
    "placement",
    "version",
]

# The names and the version of a module; of a classic script, those of its global.
_MODULE = "const m = await import(process.argv[1]); console.log(JSON.stringify([Object.keys(m).sort(), m.version]))"
_SCRIPT = """
const context = {}; context.globalThis = context;
const vm = await import("node:vm"); const { readFileSync } = await import("node:fs");
vm.createContext(context); vm.runInContext(readFileSync(process.argv[1], "utf8"), context);
const m = vm.runInContext("webkiln", context);
console.log(JSON.stringify([Object.keys(m).sort(), m.version]));
"""


def test_python_names() -> None:
    assert set(webkiln.__all__) == PYTHON | ERRORS
    for name in webkiln.__all__:
        assert getattr(webkiln, name) is not None
    for name in ERRORS:
        assert issubclass(getattr(webkiln, name), webkiln.WebkilnError)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = webkiln.nonsense


@pytest.mark.parametrize(("file", "code"), [("webkiln.mjs", _MODULE), ("webkiln.min.mjs", _MODULE), ("webkiln.min.js", _SCRIPT)])
def test_javascript_names(file: str, code: str) -> None:
    node = shutil.which("node")
    assert node is not None
    command = [node, "--input-type=module", "-e", code, str(REPOSITORY / "dist" / file)]
    names, version = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert names == JAVASCRIPT
    assert version == VERSION


def test_types_name_the_same() -> None:
    types = (REPOSITORY / "dist" / "types" / "index.d.ts").read_text()
    exported = {name.strip() for group in re.findall(r"^export \{([^}]*)\}", types, re.MULTILINE) for name in group.split(",")}
    assert set(JAVASCRIPT) <= exported


def test_one_version_everywhere() -> None:
    assert webkiln.__version__ == VERSION
    for file in ("package.json", "package-lock.json"):
        assert json.loads((REPOSITORY / file).read_text())["version"] == VERSION
    assert f"## {VERSION}" in (REPOSITORY / "CHANGELOG.md").read_text()
    assert f"\n  version: {VERSION}\n" in RECIPE.read_text()


def test_the_recipe_needs_what_the_project_needs() -> None:
    """All but what only asks questions in a terminal, which Pyodide's distribution does not have."""
    listed = RECIPE.read_text().partition("  run:\n")[2].partition("\ntest:")[0]
    dependencies = (REPOSITORY / "pyproject.toml").read_text().partition("\ndependencies = [")[2].partition("]")[0]
    needed = set(re.findall(r'"([\w-]+)', dependencies))
    assert {line.strip(" -") for line in listed.splitlines()} == needed - {"questionary"}
