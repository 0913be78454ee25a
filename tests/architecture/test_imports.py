"""Imports point one way: a room imports only rooms below it (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import webkiln

ROOT = Path(webkiln.__file__).parent
# From the bottom up; rooms of the same layer do not import each other.
LAYERS: list[set[str]] = [
    {"errors", "version"},
    {"tasks"},
    {"cache", "generator"},
    {"graph"},
    {"ops"},
    {"graph.build"},
    {"graph.differentiate"},
    {"reference", "codegen"},
    {"rounding", "importers", "passes"},
    {"webformat", "parity.compare"},
    {"precision"},
    {"model"},
    {"gallery"},
    {"browsers"},
    {"parity"},
    {"handover"},
    {"demos"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str:
    """`graph.build` for `webkiln.graph.build`, `ops` for `webkiln.ops.rules`."""
    parts = module.split(".")[1:]
    return next(room for room in (".".join(parts[:2]), parts[0]) if room in LEVEL)


def imports_of(path: Path) -> set[str]:
    """The modules of the package that a file imports, at the top or inside of functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "webkiln":
                found |= {f"webkiln.{alias.name}" for alias in node.names}
            elif (ROOT / Path(*node.module.split(".")[1:])).is_dir() and node.module.startswith("webkiln."):
                found |= {
                    f"{node.module}.{alias.name}" for alias in node.names if f"{node.module.removeprefix('webkiln.')}.{alias.name}" in LEVEL
                }
    return {name for name in found if name.startswith("webkiln.")}


def test_every_import_points_down():
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(["webkiln", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        if module == "webkiln":
            continue  # the public names, loaded lazily
        here = room_of(module)
        for name in imports_of(path):
            try:
                there = room_of(name)
            except StopIteration:
                continue  # a public name of the package
            if there != here and LEVEL[there] >= LEVEL[here]:
                wrong.append(f"{module} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_known():
    rooms = {path.stem for path in ROOT.iterdir() if (path.suffix == ".py" or path.joinpath("__init__.py").is_file()) and path.stem != "__init__"}
    assert rooms <= set(LEVEL), f"rooms without a layer: {sorted(rooms - set(LEVEL))}"
