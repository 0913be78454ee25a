"""Mutants of models, by target and number: the same number gives the same files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from byte_changes import change_bytes
from flatbuffer_changes import change_flatbuffer
from json_changes import VALUES, change_json, change_tree
from protobuf_changes import change_protobuf
from seeds import SEEDS, Files, names_in

# What means something in the web format.
_WORDS: list[Any] = [
    "x", "w", "N", "N*N", "0 - N", "floordiv(1, N - 1)", "mod(N, 0)", "N*N*N*N*N*N", "zeros", "f16", "f32", "i32", "bool", "float32", "int64", "add", "concat", "conv2d",
    "reshape", "expand", "pad", "gather", ["N"], [2**31 - 1], [2**15, 2**16], [65536, 65536, 65536], {"scheme": "mask", "mask": "bias"},
    {"scheme": "affine", "bits": 4, "signed": True, "axis": 0, "scale": "bias"}, {"scheme": "affine", "bits": 8, "signed": False, "axis": None, "scale": "bias", "block": 1},
]  # fmt: skip


def seeds_of(target: str) -> list[Files]:
    return _seeds(_source(target))


@cache
def _seeds(source: str) -> list[Files]:
    return SEEDS[source]()


def mutant(target: str, seed: int, number: int) -> Files:
    random = Random(f"{_source(target)}/{seed}/{number}")
    return _MUTATIONS[_source(target)](random, random.choice(seeds_of(target)))


def _source(target: str) -> str:
    return "webformat" if target in ("webformat", "runtime") else target


def _onnx(random: Random, files: Files) -> Files:
    change = change_bytes if random.random() < 0.15 else change_protobuf
    return {"model.onnx": change(random, files["model.onnx"])}


def _tflite(random: Random, files: Files) -> Files:
    return {"model.tflite": change_flatbuffer(random, files["model.tflite"])}


def _tfjs(random: Random, files: Files) -> Files:
    weights = [name for name in files if name != "model.json"]
    if weights and random.random() < 0.1:
        name = random.choice(weights)
        return {**files, name: change_bytes(random, files[name])}
    return {**files, "model.json": change_json(random, files["model.json"], names_in(files["model.json"]))}


def _webformat(random: Random, files: Files) -> Files:
    if random.random() < 0.2:
        return _with_changed_shard(random, files)
    return {**files, "model.json": change_json(random, files["model.json"], (*_WORDS, *names_in(files["model.json"])))}


def _with_changed_shard(random: Random, files: Files) -> Files:
    """A shard of other bytes, mostly with the right size and hash, so that it is read."""
    model = json.loads(files["model.json"])
    if not model["shards"]:
        return {"model.json": change_bytes(random, files["model.json"])}
    record = random.choice(model["shards"])
    data = files[record["file"]]
    data = _changed_header(random, data) if random.random() < 0.7 else change_bytes(random, data)
    if random.random() < 0.95:
        record.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return {**files, record["file"]: data, "model.json": json.dumps(model).encode()}


def _changed_header(random: Random, data: bytes) -> bytes:
    """Other JSON at the beginning of a safetensors file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for _ in range(random.choice((1, 2))):
        change_tree(random, header, (*VALUES, "F32", "F16", "F64", "I32", "U8", "BOOL", "F8_E4M3", "BF16", [0, 4], [4, 0], [-4, 0], [2**60, 2**60], *header))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


_MUTATIONS: dict[str, Callable[[Random, Files], Files]] = {"onnx": _onnx, "tflite": _tflite, "tfjs": _tfjs, "webformat": _webformat}
