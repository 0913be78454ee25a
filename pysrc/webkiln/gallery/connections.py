"""Lines between points, read from a Python file that says them: `NAME = frozenset([(61, 146), …])`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from webkiln.errors import GalleryError
from webkiln.gallery.processing import Spec

Pairs = list[tuple[int, int]]


def read_connections(path: Path) -> dict[str, Pairs]:
    """The pairs by the names of the sets. Nothing of the file is run; sets that are made of others are left out."""
    found = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call) and len(statement.value.args) == 1):
            continue
        (target,), function, (pairs,) = statement.targets, statement.value.func, statement.value.args
        if isinstance(target, ast.Name) and isinstance(function, ast.Name) and function.id == "frozenset":
            found[target.id] = [(int(a), int(b)) for a, b in ast.literal_eval(pairs)]
    return found


def with_connections(spec: Spec, path: Path) -> Spec:
    """The specification whose `skeleton` and `contours` were names of sets in this file. Each line of a skeleton is there once: triangles share theirs."""
    sets = read_connections(path)
    missing = {spec["skeleton"], *spec["contours"].values()} - sets.keys()
    if missing:
        raise GalleryError(f"{path.name} has no {', '.join(sorted(missing))}")
    contours: Mapping[str, str] = spec["contours"]
    skeleton = sorted({(min(pair), max(pair)) for pair in sets[spec["skeleton"]]})
    return {**spec, "skeleton": [list(pair) for pair in skeleton], "contours": {name: [list(pair) for pair in sets[key]] for name, key in contours.items()}}
