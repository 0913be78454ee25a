"""Small graph models of TensorFlow.js, written to a folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DT = {
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "float16": "DT_HALF",
    "int8": "DT_INT8",
    "uint8": "DT_UINT8",
    "int16": "DT_INT16",
    "uint16": "DT_UINT16",
    "int32": "DT_INT32",
    "uint32": "DT_UINT32",
    "int64": "DT_INT64",
    "bool": "DT_BOOL",
    "string": "DT_STRING",
    "complex64": "DT_COMPLEX64",
}


@dataclass(frozen=True)
class Named:
    """The function that an attribute names."""

    function: str


def attribute(value: Any) -> dict[str, Any]:
    """A value as the JSON of an AttrValue; `DT_…` is an element type, other text is bytes."""
    if isinstance(value, Named):
        return {"func": {"name": value.function, "attr": {}}}
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, tuple):
        return {"shape": shape(value)}
    if isinstance(value, list):
        members = [attribute(one) for one in value]
        kind = next(iter(members[0]), "i") if members else "i"
        return {"list": {kind: [one[kind] for one in members]}}
    return {"type": value} if value.startswith("DT_") else {"s": base64.b64encode(value.encode()).decode()}


def shape(sizes: Sequence[int]) -> dict[str, Any]:
    return {"dim": [{"size": str(size)} for size in sizes]}


def node(name: str, op: str, inputs: Sequence[str] = (), **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": {key: attribute(value) for key, value in attributes.items()}}


def function(name: str, inputs: Sequence[str], nodes: Sequence[Mapping[str, Any]], results: Mapping[str, str]) -> dict[str, Any]:
    """A function of the library. Values of its nodes are written `node:result:i`, its inputs by their names alone."""
    signature = {"name": name, "inputArg": [{"name": one} for one in inputs], "outputArg": [{"name": one} for one in results]}
    return {"signature": signature, "nodeDef": list(nodes), "ret": dict(results)}


def placeholder(name: str, dtype: str, sizes: Sequence[int]) -> dict[str, Any]:
    return node(name, "Placeholder", dtype=DT[dtype], shape=tuple(sizes))


def port(value: str, dtype: str, sizes: Sequence[int]) -> dict[str, Any]:
    return {"name": value, "dtype": DT[dtype], "tensorShape": shape(sizes)}


def write(
    folder: Path,
    nodes: Sequence[Mapping[str, Any]],
    weights: Sequence[tuple[Mapping[str, Any], bytes]] = (),
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    shards: int = 1,
    functions: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Path:
    """Write model.json and its shards; returns the folder. `weights`: entries of the manifest with their bytes. Consts are added for them."""
    folder.mkdir(parents=True, exist_ok=True)
    data = b"".join(stored for _, stored in weights)
    length = -(-len(data) // shards) if data else 0
    paths = [f"group1-shard{i + 1}of{shards}.bin" for i in range(shards if data else 0)]
    for i, path in enumerate(paths):
        (folder / path).write_bytes(data[i * length : (i + 1) * length])
    present = {one["name"] for one in nodes}
    present |= {one["name"] for of in functions for one in of["nodeDef"]}
    constants = [node(entry["name"], "Const", dtype=DT[entry["dtype"]]) for entry, _ in weights if entry["name"] not in present]
    content: dict[str, Any] = {
        "format": "graph-model",
        "generatedBy": "2.0",
        "convertedBy": "a test",
        "modelTopology": {"node": [*constants, *nodes], "library": {"function": list(functions)}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": paths, "weights": [entry for entry, _ in weights]}],
        **more,
    }
    if inputs is not None or outputs is not None:
        content["signature"] = {"inputs": inputs or {}, "outputs": outputs or {}}
    (folder / "model.json").write_text(json.dumps(content))
    return folder


def weight(name: str, array: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """A weight as the manifest has it: floats in 32 bits, integers in 32, truth values in bytes."""
    stored = {"f": "<f4", "i": "<i4", "u": "<i4", "b": "u1"}[array.dtype.kind]
    dtype = {"f": "float32", "i": "int32", "u": "int32", "b": "bool"}[array.dtype.kind]
    return {"name": name, "shape": list(array.shape), "dtype": dtype}, array.astype(stored).tobytes()
