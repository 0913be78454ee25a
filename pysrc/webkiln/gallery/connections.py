"""Lines between points, read from a Python file that says them: `NAME = frozenset([(61, 146), …])`."""

from __future__ import annotations

import ast
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
    """The specification with the `skeleton` and the `contours` whose names in this file its `lines` are. Each line of a skeleton is there once: triangles share theirs."""
    sets = read_connections(path)
    named, contours = spec["lines"]["skeleton"], spec["lines"]["contours"]
    missing = {named, *contours.values()} - sets.keys()
    if missing:
        raise GalleryError(f"{path.name} has no {', '.join(sorted(missing))}")
    skeleton = sorted({(min(pair), max(pair)) for pair in sets[named]})
    made = {"skeleton": [list(pair) for pair in skeleton], "contours": {name: [list(pair) for pair in sets[key]] for name, key in contours.items()}}
    return {**{key: value for key, value in spec.items() if key != "lines"}, **made}
