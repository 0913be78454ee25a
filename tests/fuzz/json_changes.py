"""Changes to JSON: another value, a value from elsewhere, something gone, something twice, another name."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from byte_changes import change_bytes

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31 - 1, 2**31, 2**53, 2**60, -(2**70), 0.5, -0.0, 1e308, "", "0", "-1", "2147483647", "9223372036854775807", "1e999",
    "nan", "NaN", "Infinity", "__proto__", "constructor", "\ud800", "../x", [], [[]], [0], [1, 2], [-1], {}, {"a": 1},
]  # fmt: skip


def change_json(random: Random, text: bytes, values: Sequence[Any] = ()) -> bytes:
    """One to three changes of the structure, or now and then of the text. `values`: others that mean something there."""
    if random.random() < 0.15:
        return change_bytes(random, text)
    tree = json.loads(text)
    for _ in range(random.choice((1, 1, 2, 3))):
        change_tree(random, tree, (*VALUES, *values))
    return json.dumps(tree).encode()


def change_tree(random: Random, tree: Any, values: Sequence[Any]) -> None:
    everywhere = _places(tree)
    if not everywhere:
        return
    parent, key = random.choice(everywhere)
    kind = random.randrange(10)
    if kind < 6:
        alike = [value for value in values if type(value) is type(parent[key])]
        parent[key] = copy.deepcopy(random.choice(alike if alike and random.random() < 0.7 else values))
    elif kind < 8:
        other, at = random.choice(everywhere)
        parent[key] = copy.deepcopy(other[at])
    elif kind < 9:
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(random.randrange(len(parent) + 1), copy.deepcopy(parent[key]))
    else:
        parent[str(random.choice(values))] = parent.pop(key)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every member of an object or list, with where it stands."""
    found: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending:
        parent = pending.pop()
        entries = parent.items() if isinstance(parent, dict) else enumerate(parent) if isinstance(parent, list) else ()
        for key, value in entries:
            found.append((parent, key))
            pending.append(value)
    return found
