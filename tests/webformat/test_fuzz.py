"""Thousands of damaged models: a reader gives a model or a WebkilnError, never anything else, and never hangs."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import numpy as np
import pytest
from model_folder import Folder
from webkiln.errors import WebkilnError
from webkiln.webformat.read import parse_shard

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**53, 2**60, -(2**70), 0.5, -0.0, 1e308, "", "x", "w", "N", "N*N", "0 - N", "floordiv(1, N - 1)",
    "mod(N, 0)", "zeros", "f16", "f32", "i32", "bool", "float32", "int64", "add", "concat", "conv2d", "reshape", "Infinity", "__proto__", "\ud800", [], [[]],
    [0], [1, 2], ["N"], [-1], {}, {"a": 1}, {"scheme": "mask", "mask": "bias"}, {"scheme": "affine", "bits": 4, "signed": True, "axis": 0, "scale": "bias"},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found += places(item, (*path, i))
    return found


def damage(rng: np.random.Generator, model: Any) -> None:
    """One change at a random place: another value, a value from elsewhere, something gone, something twice."""
    everywhere = places(model)
    path = everywhere[rng.integers(0, len(everywhere))]
    parent = model
    for part in path[:-1]:
        parent = parent[part]
    key, kind = path[-1], rng.integers(0, 10)
    if kind < 5:
        parent[key] = copy.deepcopy(VALUES[rng.integers(0, len(VALUES))])
    elif kind < 7:
        other: Any = model
        for part in everywhere[rng.integers(0, len(everywhere))]:
            other = other[part]
        parent[key] = copy.deepcopy(other)
    elif kind < 8:
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(int(rng.integers(0, len(parent) + 1)), copy.deepcopy(parent[key]))
    else:
        parent[str(VALUES[rng.integers(0, len(VALUES))])] = parent.pop(key)


def attempt(folder: Folder) -> bool:
    """Whether the model was read. Anything but a WebkilnError fails the test."""
    start, message, bundle = time.perf_counter(), "", None
    try:
        bundle = folder.read()
    except WebkilnError as error:
        message = str(error)
    assert time.perf_counter() - start < 3
    if bundle is None:
        assert 0 < len(message) < 5000
        return False
    bundle.graph.check()
    return True


@pytest.mark.parametrize(("which", "count"), [("folder", 1500), ("full_folder", 700)])
def test_damaged_structure(which: str, count: int, request: pytest.FixtureRequest) -> None:
    folder: Folder = request.getfixturevalue(which)
    rng = np.random.default_rng(40)
    good, read = folder.model, 0
    for _ in range(count):
        model = copy.deepcopy(good)
        for _ in range(int(rng.integers(1, 4))):
            damage(rng, model)
        folder.write(json.dumps(model))
        read += attempt(folder)
    assert 20 < read < count - 20


def test_damaged_text(folder: Folder) -> None:
    rng = np.random.default_rng(41)
    good = (folder.path / "model.json").read_bytes()
    for _ in range(800):
        data = bytearray(good)
        for _ in range(int(rng.integers(1, 6))):
            at = int(rng.integers(0, len(data)))
            kind = rng.integers(0, 3)
            if kind == 0:
                data[at] = int(rng.integers(0, 256))
            elif kind == 1:
                del data[at : at + int(rng.integers(1, 20))]
            else:
                data[at:at] = good[at : at + int(rng.integers(1, 20))]
        (folder.path / "model.json").write_bytes(data)
        attempt(folder)


def test_damaged_shards(full_folder: Folder) -> None:
    rng = np.random.default_rng(42)
    name = full_folder.model["shards"][0]["file"]
    good = (full_folder.path / name).read_bytes()
    header = int.from_bytes(good[:8], "little") + 8
    read = 0
    for number in range(1500):
        data = bytearray(good)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(0, 8 if number % 5 == 0 else header if number % 5 < 4 else len(data)))
            if rng.integers(0, 4):
                data[at] = int(rng.choice(list(b'0123456789-[]{}",:FIUB \x00\xff')))
            else:
                del data[at : at + int(rng.integers(1, 9))]
        try:
            parse_shard(bytes(data), "a shard")
            read += 1
        except WebkilnError:
            pass
        if number % 5 == 1:  # the same through the whole reader, which checks what the tensors are
            full_folder.shard(bytes(data))
            attempt(full_folder)
    assert read > 20
