"""Reading the web format. Everything is checked before it is used; whatever is wrong is a `FormatError` that says where."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors

from webkiln.errors import FormatError, GraphError, HashError, Unsupported, UnsupportedOperatorError
from webkiln.graph.build import infer
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import parse_dim
from webkiln.graph.dtypes import CANONICAL, canonical_dtype
from webkiln.graph.graph import Constant, Graph, Node, State, Value
from webkiln.graph.quantization import Affine, Masked
from webkiln.graph.signature import Argument, Signature
from webkiln.ops import OPERATORS
from webkiln.webformat.write import FORMAT_VERSION

FEATURES = ("state", "quantization")
MODEL_BYTES = 256 * 1024 * 1024
HEADER_BYTES = 16 * 1024 * 1024


def read(folder: str | os.PathLike[str]) -> Bundle:
    """Read a model from a folder (or its `model.json`)."""
    root = Path(folder)
    if root.name == "model.json":
        root = root.parent
    model = read_json(root / "model.json")
    check_version(model)
    check_structure(model)
    shards = [
        _read_shard(root, record, number) if record["role"] == "weights" else {} for number, record in enumerate(model["shards"])
    ]
    return _bundle(model, shards)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        if path.stat().st_size > MODEL_BYTES:
            raise FormatError(f"{path} has {path.stat().st_size} bytes; a model.json has at most {MODEL_BYTES}")
        model = json.loads(path.read_bytes().decode("utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise FormatError(f"{path} does not exist; a model in the web format is a folder with a model.json") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from None
    if not isinstance(model, dict):
        raise FormatError(f"{path} holds a JSON {type(model).__name__}, wanted an object")
    return model


def _refuse_constant(text: str) -> Any:
    raise FormatError(f"model.json holds {text}, which is not JSON")


def check_version(model: Mapping[str, Any]) -> None:
    """Refuse what is not this format, a future version, and unknown required features by name."""
    if model.get("format") != "webkiln":
        raise FormatError(f"model.json has the format {model.get('format')!r}, wanted 'webkiln'")
    if model.get("version") != FORMAT_VERSION:
        raise FormatError(
            f"model.json has format version {model.get('version')!r}; this webkiln reads version {FORMAT_VERSION}. Use a newer webkiln"
        )
    requires = model.get("requires", [])
    unknown = [one for one in requires if one not in FEATURES] if isinstance(requires, list) else [requires]
    if unknown:
        raise FormatError(
            f"the model requires features that this webkiln does not know: {', '.join(map(repr, unknown))}. Use a newer webkiln"
        )


def check_structure(model: Mapping[str, Any]) -> None:
    """Check model.json against the JSON Schema."""
    error = jsonschema.exceptions.best_match(_validator().iter_errors(model))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise FormatError(f"model.json, at {place}: {error.message[:300]}")


@functools.cache
def _validator() -> Any:
    schema = json.loads((Path(__file__).parent / "schema.json").read_text())
    return jsonschema.Draft202012Validator(schema)


def _read_shard(root: Path, record: Mapping[str, Any], number: int) -> dict[str, np.ndarray]:
    return parse_shard(shard_bytes(root, record), f"shard {number} ({record['file']})")


def shard_bytes(root: Path, record: Mapping[str, Any]) -> bytes:
    """The checked bytes of a shard."""
    path = root / record["file"]
    try:
        size = path.stat().st_size
        if size != record["bytes"]:
            raise FormatError(f"{path} has {size} bytes, model.json says {record['bytes']}: it is truncated or of another model")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"the shard {path} is missing; fetch or convert the model again") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != record["sha256"]:
        raise HashError(f"{path} has sha256 {digest}, model.json says {record['sha256']}: it is corrupted or of another model")
    return data


def parse_shard(data: bytes, what: str) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file; only the stored types of the format."""
    if len(data) < 8:
        raise FormatError(f"{what} has {len(data)} bytes, too few for safetensors")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(HEADER_BYTES, len(data) - 8):
        raise FormatError(f"{what}: a header of {length} bytes in a file of {len(data)}")
    try:
        tensors: dict[str, np.ndarray] = from_safetensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{what} is not safetensors: {error}") from None
    return tensors


def _bundle(model: Mapping[str, Any], shards: Sequence[Mapping[str, np.ndarray]]) -> Bundle:
    graph = Graph()
    for name, entry in model["constants"].items():
        constant = _constant(name, entry, shards, model.get("requires", []))
        graph.constants[name] = constant
        graph.values[name] = constant.value
    signatures = []
    seen: set[str] = set()
    for entry in model["signatures"]:
        if entry["name"] in seen:
            raise FormatError(f"the signature {entry['name']!r} is defined twice")
        seen.add(entry["name"])
        signatures.append(Signature(entry["name"], _arguments(entry, "inputs"), _arguments(entry, "outputs")))
    for signature in signatures:
        for argument in signature.inputs:
            value = Value(canonical_dtype(argument.dtype), argument.shape)
            if argument.value in graph.inputs and graph.values[argument.value] != value:
                raise FormatError(f"the input {argument.value!r} has two shapes or dtypes")
            if argument.value not in graph.inputs:
                _define(graph, argument.value, value, f"input {argument.name!r}")
                graph.inputs.append(argument.value)
    if model.get("state") and "state" not in model.get("requires", []):
        raise FormatError('the model has state, but "requires" does not list "state"')
    for entry in model.get("state", []):
        _define(graph, entry["input"], Value(entry["dtype"], _shape(entry["shape"])), f"state {entry['input']!r}")
        graph.inputs.append(entry["input"])
    unknown = [
        Unsupported(node["op"], node.get("name") or f"node {number}", hint="Use a newer webkiln")
        for number, node in enumerate(model["nodes"])
        if node["op"] not in OPERATORS
    ]
    if unknown:
        raise UnsupportedOperatorError(unknown)
    for number, node in enumerate(model["nodes"]):
        _add_node(graph, number, node)
    for signature in signatures:
        for argument in signature.outputs:
            if argument.value not in graph.values:
                raise FormatError(f"the output {argument.name!r} of {signature.name!r} is the value {argument.value!r}, which is not defined")
            value = graph.values[argument.value]
            if canonical_dtype(argument.dtype) != value.dtype:
                raise FormatError(f"the output {argument.name!r} has dtype {argument.dtype}, but its value is {value.dtype}")
            if argument.value not in graph.outputs:
                graph.outputs.append(argument.value)
    for entry in model.get("state", []):
        _add_state(graph, entry)
    return Bundle(
        graph=graph,
        signatures=signatures,
        name=model.get("name", "model"),
        symbols=model.get("symbols", {}),
        processing=model.get("processing", {}),
        provenance=model.get("provenance", {}),
    )


def _add_state(graph: Graph, entry: Mapping[str, Any]) -> None:
    initial = "" if entry["initial"] == "zeros" else entry["initial"]
    if entry["output"] not in graph.values or graph.values[entry["output"]] != graph.values[entry["input"]]:
        raise FormatError(f"the state output {entry['output']!r} is not defined, or not of the shape and dtype of {entry['input']!r}")
    if initial and (initial not in graph.constants or graph.values[initial] != graph.values[entry["input"]]):
        raise FormatError(f"the initial state {initial!r} is not a constant of the shape and dtype of {entry['input']!r}")
    graph.state.append(State(entry["input"], entry["output"], initial))


def _arguments(entry: Mapping[str, Any], which: str) -> list[Argument]:
    arguments = [Argument(one["name"], one["value"], one["dtype"], _shape(one["shape"])) for one in entry[which]]
    names = [argument.name for argument in arguments]
    if len(set(names)) != len(names):
        raise FormatError(f"two {which} of the signature {entry['name']!r} have the same name")
    return arguments


def _shape(shape: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(parse_dim(dim) for dim in shape)


def _define(graph: Graph, name: str, value: Value, by: str) -> None:
    if name in graph.values:
        raise FormatError(f"the value {name!r} is defined twice, the second time by {by}")
    graph.values[name] = value


def _add_node(graph: Graph, number: int, entry: Mapping[str, Any]) -> None:
    op, where = entry["op"], f"node {number} ({entry['op']}{' ' + repr(entry['name']) if entry.get('name') else ''})"
    inputs = list(entry["inputs"])
    while inputs and not inputs[-1]:
        inputs.pop()
    for name in inputs:
        if name not in graph.values:
            raise FormatError(f"{where} reads {name!r}, which no input, constant or earlier node defines")
    if len(entry["outputs"]) != 1:
        raise FormatError(f"{where} has {len(entry['outputs'])} outputs; {op} has one")
    try:
        attributes = {name: _attribute(op, name, value) for name, value in entry.get("attributes", {}).items()}
        filled, results = infer(op, [graph.values[name] for name in inputs], attributes)
    except (GraphError, FormatError) as error:
        raise FormatError(f"{where}: {error}") from None
    except (TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise FormatError(f"{where}: its attributes do not fit: {error}") from None
    for dim in results[0].shape:
        if isinstance(dim, int) and not 0 <= dim < 2**31:
            raise FormatError(f"{where} has a result of shape {list(results[0].shape)}")
    if len(results[0].shape) > 8 or (all(isinstance(d, int) for d in results[0].shape) and math.prod(results[0].shape) >= 2**31):  # type: ignore[arg-type]
        raise FormatError(f"{where} has a result of shape {list(results[0].shape)}: too many axes or elements")
    _define(graph, entry["outputs"][0], results[0], where)
    graph.nodes.append(Node(op, tuple(inputs), (entry["outputs"][0],), filled, entry.get("name", "")))


_NUMBERS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def _attribute(op: str, name: str, value: Any) -> Any:
    attribute = OPERATORS[op].attributes.get(name)
    if attribute is None:  # unknown keys are ignored everywhere but here: an attribute can change the result
        raise FormatError(f"{op} has no attribute {name!r}")
    integer = isinstance(value, int) and not isinstance(value, bool)
    if attribute.type == "int" and integer:
        return value
    if attribute.type == "float":
        if value in _NUMBERS if isinstance(value, str) else False:
            return _NUMBERS[value]
        if integer or isinstance(value, float):
            return float(value)
    if attribute.type == "bool" and isinstance(value, bool):
        return value
    if attribute.type == "string" and isinstance(value, str):
        return value
    if attribute.type in ("ints", "dims") and isinstance(value, list) and len(value) <= 16:
        if attribute.type == "dims":
            return [parse_dim(item) for item in value]
        if all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            return value
    raise FormatError(f"the attribute {name!r} is {str(value)[:80]!r}, wanted {attribute.type}")


_STORED = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16", **{dtype: name for name, dtype in CANONICAL.items()}}


def _constant(name: str, entry: Mapping[str, Any], shards: Sequence[Mapping[str, np.ndarray]], requires: Sequence[str]) -> Constant:
    def tensor(key: str) -> np.ndarray:
        if entry["shard"] >= len(shards):
            raise FormatError(f"the constant {name!r} is in shard {entry['shard']}, but there are {len(shards)}")
        if key not in shards[entry["shard"]]:
            raise FormatError(f"the constant {name!r} is stored as {key!r}, which shard {entry['shard']} does not have")
        return shards[entry["shard"]][key]

    shape = tuple(entry["shape"])
    stored = tensor(entry["tensor"])
    quantization = entry.get("quantization")
    if quantization is None:
        wanted = entry.get("storage", entry["dtype"])
        if stored.shape != shape or _STORED.get(stored.dtype) != wanted:
            raise FormatError(
                f"the constant {name!r} is stored as {stored.dtype} {list(stored.shape)}, model.json says {wanted} {list(shape)}"
            )
        return Constant(stored)
    if "quantization" not in requires:
        raise FormatError(f'the constant {name!r} is quantized, but "requires" does not list "quantization"')
    try:
        if quantization["scheme"] == "mask":
            made: Affine | Masked = Masked(stored, tensor(quantization["mask"]), shape)
        else:
            axis = quantization["axis"]
            if axis is not None and axis >= len(shape):
                raise FormatError(f"the constant {name!r} is quantized along axis {axis} of {list(shape)}")
            zero_point = tensor(quantization["zero_point"]) if "zero_point" in quantization else None
            made = Affine(
                stored, shape, quantization["bits"], quantization["signed"], axis, tensor(quantization["scale"]), zero_point, quantization.get("block")
            )
        constant = Constant(made)
        if constant.array.shape != shape:
            raise FormatError(f"the constant {name!r} has scales that do not fit {list(shape)}")
    except ValueError as error:
        raise FormatError(f"the constant {name!r} cannot be dequantized: {error}") from None
    return constant
