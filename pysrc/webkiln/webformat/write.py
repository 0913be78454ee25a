"""Writing a model in the web format. The same model gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as to_safetensors

from webkiln.errors import OutputExistsError
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import Expression, Unsized, symbols_of
from webkiln.graph.graph import Constant, Graph, Node, Value
from webkiln.graph.quantization import Affine
from webkiln.graph.signature import Argument
from webkiln.ops import OPERATORS
from webkiln.version import VERSION
from webkiln.webformat.golden import golden_vectors
from webkiln.webformat.storage import narrowed
from webkiln.webformat.structure import FORMAT_VERSION, check_structure

SHARD_BYTES = 4 * 1024 * 1024
GOLDEN_BYTES = 64 * 1024
GOLDEN_SHARE = 0.03
LONGEST_NAME = 40
LOWEST = -(2**31)


def write(bundle: Bundle, folder: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a model to a folder: aside first, then renamed, so that a half-written model is never seen.

    A folder that exists and is not empty is refused without `force` (`OutputExistsError`); with it, only a folder that holds a
    model in the web format is replaced.
    """
    target = Path(folder).absolute()
    check_target(target, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputExistsError(f"{target} cannot be made, since a part of its path is a file; choose another output") from None
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, data in files(bundle).items():
            (aside / name).write_bytes(data)
        os.chmod(aside, 0o755)
        replace_folder(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_target(target: Path, force: bool) -> None:
    """Raise `OutputExistsError` unless a model may be written to this folder."""
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputExistsError(f"{target} exists and is not a folder; choose another output")
    entries = {entry.name for entry in target.iterdir()}
    if not entries:
        return
    if not force:
        raise OutputExistsError(f"{target} exists already; use --force (force=True) to replace it, or choose another output")
    strange = sorted(name for name in entries if not re.fullmatch(r"model\.json|[\w.-]+\.safetensors", name))
    if "model.json" not in entries or strange:
        raise OutputExistsError(
            f"{target} holds other files than a model ({', '.join(strange[:3]) or 'no model.json'}), so it is not replaced; choose another output"
        )


def replace_folder(aside: Path, target: Path) -> None:
    """Put a finished folder in the place of another, which is put back when that fails."""
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        os.rename(target, old / "model")
        try:
            os.rename(aside, target)
        except OSError:
            os.rename(old / "model", target)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(aside, target)


def files(bundle: Bundle, *, golden: bool = True) -> dict[str, bytes]:
    """The files of a model: name → bytes; without golden vectors, which take runs of the model, unless `golden`.

    Raises `GraphError` for a graph that is not well formed.
    """
    bundle.graph.check()
    stored = _all_constants(bundle.graph)
    records_of, shards = _shards(dict(stored.values()))
    entries = {key: records_of[name] for key, (name, _) in stored.items()}
    contents: dict[str, bytes] = {}
    records: list[dict[str, Any]] = []

    def add(name: str, tensors: Mapping[str, np.ndarray], role: str) -> None:
        contents[name] = to_safetensors({key: np.asarray(array, order="C") for key, array in tensors.items()})
        digest = hashlib.sha256(contents[name]).hexdigest()
        records.append({"file": name, "bytes": len(contents[name]), "sha256": digest, "role": role})

    for number, tensors in enumerate(shards):
        add(f"weights-{number:05}.safetensors", tensors, "weights")
    weights = sum(len(data) for data in contents.values())
    entry, vectors = golden_vectors(bundle, int(max(GOLDEN_BYTES, GOLDEN_SHARE * weights))) if golden else ({"cases": []}, {})
    if vectors:
        add("golden.safetensors", vectors, "golden")
    requires = ["state"] if bundle.graph.state else []
    if any("quantization" in entry for entry in entries.values()):
        requires.append("quantization")
    if any("mask" in entry.get("quantization", {}) and entry["quantization"]["scheme"] == "affine" for entry in entries.values()):
        requires.append("masked")
    if any(name in bundle.graph.inputs for name in bundle.graph.elements):
        requires.append("values")
    if any(graph.elements if graph is not bundle.graph else _told(graph) for graph in bundle.graph.graphs()):
        requires.append("elements")
    if any(node.bodies for node in bundle.graph.nodes):
        requires.append("control")
    model = {
        "format": "webkiln",
        "version": FORMAT_VERSION,
        "requires": requires,
        "producer": f"webkiln {VERSION}",
        "name": bundle.name,
        "symbols": bundle.symbols | _other_symbols(bundle),
        "signatures": [
            {
                "name": signature.name,
                "inputs": [_argument(argument) | _values(bundle, argument) for argument in signature.inputs],
                "outputs": [_argument(argument) for argument in signature.outputs],
            }
            for signature in bundle.signatures
        ],
        "constants": _constants(bundle.graph, entries),
        "nodes": [_node(node, entries, bundle.graph.values) for node in bundle.graph.nodes],
        **_elements(bundle.graph),
        "state": [
            {
                "input": state.input,
                "output": state.output,
                "initial": state.initial or "zeros",
                "dtype": bundle.graph.values[state.input].dtype,
                "shape": [_dim(dim) for dim in bundle.graph.values[state.input].shape],
            }
            for state in bundle.graph.state
        ],
        "processing": bundle.processing,
        "shards": records,
        **({"golden": entry} if entry["cases"] else {}),
        "provenance": bundle.provenance,
    }
    check_structure(model)
    return {"model.json": _json(model).encode(), **contents}


def _all_constants(graph: Graph) -> dict[tuple[int, str], tuple[str, Constant]]:
    """Constants of a graph and its bodies, by the graph and their name in it, with the names that they are stored under: one each array."""
    found: dict[tuple[int, str], tuple[str, Constant]] = {}
    keys: dict[int, str] = {}
    taken: set[str] = set()
    for one in graph.graphs():
        for name, constant in one.constants.items():
            if id(constant.stored) not in keys:
                key = name
                while key in taken:
                    key += "'"
                taken.add(key)
                keys[id(constant.stored)] = key
            found[id(one), name] = keys[id(constant.stored)], constant
    return found


def _constants(graph: Graph, entries: Mapping[tuple[int, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: entries[id(graph), name] for name in graph.constants}


def _told(graph: Graph) -> dict[str, list[str]]:
    return {name: list(symbols) for name, symbols in graph.elements.items() if name not in graph.inputs}


def _elements(graph: Graph) -> dict[str, Any]:
    """The symbols that a graph's own values tell."""
    told = _told(graph)
    return {"elements": told} if told else {}


def _other_symbols(bundle: Bundle) -> dict[str, dict[str, int]]:
    """Symbols that the bundle says nothing of: those that a run tells, and those of bodies."""
    minimums: dict[str, int] = {}
    for graph in bundle.graph.graphs():
        told = [symbol for symbols in graph.elements.values() for symbol in symbols]
        sizes = [symbol for value in graph.values.values() for dim in value.shape for symbol in symbols_of(dim)]
        for symbol in (*sizes, *(symbol for node in graph.nodes for symbol in node.symbols())):
            minimums.setdefault(str(symbol), symbol.minimum if isinstance(symbol, Unsized) else 1)
        for symbol in told:
            minimums.setdefault(symbol, LOWEST)
    return {name: {"minimum": minimum} for name, minimum in sorted(minimums.items()) if name not in bundle.symbols}


def _shards(constants: Mapping[str, Constant]) -> tuple[dict[str, dict[str, Any]], list[dict[str, np.ndarray]]]:
    """The `constants` entry of model.json, and the tensors of each shard."""
    entries: dict[str, dict[str, Any]] = {}
    shards: list[dict[str, np.ndarray]] = []
    filled = 0
    for number, (name, constant) in enumerate(constants.items()):
        entry: dict[str, Any] = {"dtype": constant.dtype, "shape": list(constant.value.shape)}
        tensors, extra = _stored(name, number, constant, constants)
        size = sum(array.nbytes + _header_bytes(key) for key, array in tensors.items())
        if not shards or filled + size > SHARD_BYTES:
            shards.append({})
            filled = 0
        filled += size
        shards[-1].update(tensors)
        entries[name] = {**entry, "shard": len(shards) - 1, "tensor": next(iter(tensors)), **extra}
    return entries, shards


def _header_bytes(name: str) -> int:
    """At most what a tensor takes in a shard's header."""
    return len(json.dumps(name)) + 8 * len("18446744073709551615")


def _stored(name: str, number: int, constant: Constant, others: Mapping[str, Constant]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors of a constant, the one with its values first, and what its entry says of them."""
    stored = constant.stored
    key = name if name != "__metadata__" else _part_name(name, "values", others)  # that one safetensors keeps for itself
    if isinstance(stored, np.ndarray):
        written, storage = narrowed(stored)
        return {key: written}, {} if storage is None else {"storage": storage}
    if len(name) > LONGEST_NAME:  # which would stand in the header for each of several small tensors
        name = key = _part_name("constant", str(number), others)
    if isinstance(stored, Affine):
        scale, zero_point = (_part_name(name, part, others) for part in ("scale", "zero_point"))
        quantization: dict[str, Any] = {"scheme": "affine", "bits": stored.bits, "signed": stored.signed, "axis": stored.axis, "scale": scale}
        tensors = {key: stored.packed, scale: stored.scale}
        if stored.zero_point is not None:
            tensors[zero_point] = stored.zero_point
            quantization["zero_point"] = zero_point
        if stored.block is not None:
            quantization["block"] = stored.block
        if stored.mask is not None:
            mask = _part_name(name, "mask", others)
            tensors[mask] = stored.mask
            quantization["mask"] = mask
        return tensors, {"quantization": quantization}
    mask = _part_name(name, "mask", others)
    present, storage = narrowed(stored.present)
    return {key: present, mask: stored.mask}, {**({} if storage is None else {"storage": storage}), "quantization": {"scheme": "mask", "mask": mask}}


def _part_name(name: str, part: str, others: Mapping[str, Constant]) -> str:
    """A tensor's name that no constant has."""
    made = f"{name}::{part}"
    while made in others:
        made += "'"
    return made


def _argument(argument: Argument) -> dict[str, Any]:
    return {
        "name": argument.name,
        "value": argument.value,
        "dtype": argument.dtype,
        "shape": [_dim(dim) for dim in argument.shape],
    }


def _values(bundle: Bundle, argument: Argument) -> dict[str, Any]:
    names = bundle.graph.elements.get(argument.value)
    return {} if names is None else {"values": list(names)}


def _node(node: Node, entries: Mapping[tuple[int, str], dict[str, Any]], values: Mapping[str, Value]) -> dict[str, Any]:
    entry: dict[str, Any] = {"op": node.op, "inputs": list(node.inputs), "outputs": list(node.outputs)}
    attributes = {
        name: _attribute(value)
        for name, value in node.attributes.items()
        if node.bodies or value != OPERATORS[node.op].attributes[name].default
    }
    if attributes:
        entry["attributes"] = attributes
    if node.bodies:
        entry["results"] = [_type(values[name]) for name in node.outputs]
        entry["bodies"] = [_body(body, entries) for body in node.bodies]
    if node.name:
        entry["name"] = node.name
    return entry


def _body(body: Graph, entries: Mapping[tuple[int, str], dict[str, Any]]) -> dict[str, Any]:
    return {
        "inputs": [{"value": name, **_type(body.values[name])} for name in body.inputs],
        "outputs": list(body.outputs),
        "constants": _constants(body, entries),
        "nodes": [_node(node, entries, body.values) for node in body.nodes],
        **({"elements": {name: list(symbols) for name, symbols in body.elements.items()}} if body.elements else {}),
    }


def _type(value: Value) -> dict[str, Any]:
    return {"dtype": value.dtype, "shape": [_dim(dim) for dim in value.shape]}


def _attribute(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_attribute(item) for item in value]
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, np.generic):
        return value.item()
    return value


def _dim(dim: Any) -> int | str:
    return dim if isinstance(dim, int) else str(dim)


def _json(model: dict[str, Any]) -> str:
    """JSON with an entry of the large tables on each line: readable, and small differences stay small."""

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    lines = []
    for key, value in model.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"    {dump(name)}: {dump(item)}" for name, item in value.items())
            lines.append(f"  {dump(key)}: {{\n{inner}\n  }}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ",\n".join(f"    {dump(item)}" for item in value)
            lines.append(f"  {dump(key)}: [\n{inner}\n  ]")
        else:
            lines.append(f"  {dump(key)}: {dump(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
