"""Reading the web format. Everything is checked before it is used; whatever is wrong is a `FormatError` that says where."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors

from webkiln.errors import FormatError, GraphError, HashError, Unsupported, UnsupportedOperatorError
from webkiln.graph.build import GraphBuilder, infer
from webkiln.graph.bundle import Bundle
from webkiln.graph.control import CONTROL
from webkiln.graph.dims import LARGEST, Shape, extent, parse_dim, symbol
from webkiln.graph.dtypes import CANONICAL, canonical_dtype
from webkiln.graph.graph import Constant, Graph, Node, State, Value
from webkiln.graph.quantization import Affine, Masked
from webkiln.graph.signature import Argument, Signature
from webkiln.ops import OPERATORS
from webkiln.ops.rules import differ
from webkiln.webformat.storage import STORAGES, widened
from webkiln.webformat.structure import check_structure, check_version

MODEL_BYTES = 256 * 1024 * 1024
HEADER_BYTES = 16 * 1024 * 1024
LARGEST_SIZE = 2**31 - 1
LARGEST_RANK = 8
MAXIMUM_NESTING = 8  # bodies within bodies
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


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
        size = path.stat().st_size
        if size > MODEL_BYTES:
            raise FormatError(f"{path} has {size} bytes; a model.json has at most {MODEL_BYTES}")
        text = path.read_bytes().decode("utf-8")
        model = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_object)
    except FileNotFoundError:
        raise FormatError(f"{path} does not exist; a model in the web format is a folder with a model.json") from None
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}; a model in the web format is a folder with a model.json") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from None
    if not isinstance(model, dict):
        raise FormatError(f"{path} holds a JSON {type(model).__name__}, wanted an object")
    return model


def _refuse_constant(text: str) -> Any:
    raise FormatError(f"model.json holds {text}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(f"model.json holds the number {text[:20]}, which is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise FormatError(f"model.json defines {twice!r} twice")
    return made


def _read_shard(root: Path, record: Mapping[str, Any], number: int) -> dict[str, np.ndarray]:
    return parse_shard(shard_bytes(root, record), f"shard {number} ({record['file']})")


def shard_bytes(root: Path, record: Mapping[str, Any]) -> bytes:
    """The checked bytes of a shard."""
    if not _PLAIN_NAME.fullmatch(record["file"]):
        raise FormatError(f"the shard {record['file']!r} is not a plain file name")
    path = root / record["file"]
    try:
        size = path.stat().st_size
        if size != record["bytes"]:
            raise FormatError(f"{path} has {size} bytes, model.json says {record['bytes']}: it is truncated or of another model")
        data: bytes = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"the shard {path} is missing; fetch or convert the model again") from None
    except OSError as error:
        raise FormatError(f"the shard {path} cannot be read: {error.strerror}") from None
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
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(f"{what} is not safetensors: {error}") from None
    return {name: np.asarray(array.view(np.uint8) != 0) if array.dtype == np.bool_ else array for name, array in tensors.items()}


def _bundle(model: Mapping[str, Any], shards: Sequence[Mapping[str, np.ndarray]]) -> Bundle:
    graph = Graph()
    symbols = model.get("symbols", {})
    _check_symbols(symbols)
    # Sizes are at least 1; what may be less is an element of an input.
    minimums = {name: rule["minimum"] for name, rule in symbols.items() if rule.get("minimum", 1) < 1}
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
        signatures.append(Signature(entry["name"], *(_arguments(entry, which, minimums) for which in ("inputs", "outputs"))))
    for signature in signatures:
        for argument in signature.inputs:
            value = Value(canonical_dtype(argument.dtype), argument.shape)
            if argument.value in graph.inputs and graph.values[argument.value] != value:
                raise FormatError(f"the input {argument.value!r} has two shapes or dtypes")
            if argument.value not in graph.inputs:
                _define(graph, argument.value, value, f"input {argument.name!r}")
                graph.inputs.append(argument.value)
    _read_elements(graph, model)
    if model.get("state") and "state" not in model.get("requires", []):
        raise FormatError('the model has state, but "requires" does not list "state"')
    for entry in model.get("state", []):
        value = Value(entry["dtype"], _shape(entry["shape"], f"the state {entry['input']!r}"))
        _define(graph, entry["input"], value, f"state {entry['input']!r}")
        graph.inputs.append(entry["input"])
    unknown = list(_unknown(model["nodes"], ""))
    if unknown:
        raise UnsupportedOperatorError(unknown)
    reading = _Reading(shards, model.get("requires", []), minimums, symbols)
    reading.add_nodes(graph, model["nodes"], "")
    reading.add_elements(graph, model.get("elements", {}), "elements")
    try:
        graph.check()
    except GraphError as error:
        raise FormatError(f"model.json: {error}") from None
    for signature in signatures:
        for argument in signature.outputs:
            if argument.value not in graph.values:
                raise FormatError(f"the output {argument.name!r} of {signature.name!r} is the value {argument.value!r}, which is not defined")
            value = graph.values[argument.value]
            if canonical_dtype(argument.dtype) != value.dtype:
                raise FormatError(f"the output {argument.name!r} has dtype {argument.dtype}, but its value is {value.dtype}")
            if len(argument.shape) != len(value.shape) or any(map(differ, argument.shape, value.shape)):
                raise FormatError(f"the output {argument.name!r} has the shape {_show(argument.shape)}, but its value has {_show(value.shape)}")
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


def _check_symbols(symbols: Mapping[str, Any]) -> None:
    for name, rule in symbols.items():
        symbol(name)
        if rule.get("minimum", 1) > rule.get("maximum", LARGEST_SIZE):
            raise FormatError(f"the symbol {name!r} has the minimum {rule['minimum']} above the maximum {rule['maximum']}")


def _add_state(graph: Graph, entry: Mapping[str, Any]) -> None:
    initial = "" if entry["initial"] == "zeros" else entry["initial"]
    if entry["output"] not in graph.values or graph.values[entry["output"]] != graph.values[entry["input"]]:
        raise FormatError(f"the state output {entry['output']!r} is not defined, or not of the shape and dtype of {entry['input']!r}")
    if initial and (initial not in graph.constants or graph.values[initial] != graph.values[entry["input"]]):
        raise FormatError(f"the initial state {initial!r} is not a constant of the shape and dtype of {entry['input']!r}")
    graph.state.append(State(entry["input"], entry["output"], initial))


def _read_elements(graph: Graph, model: Mapping[str, Any]) -> None:
    """The symbols that stand for elements of inputs."""
    for signature in model["signatures"]:
        if any("values" in argument for argument in signature["outputs"]):
            raise FormatError(f"an output of the signature {signature['name']!r} has values, which only inputs have")
        for argument in signature["inputs"]:
            name, names = argument["value"], argument.get("values")
            earlier = graph.elements.get(name)
            first = next(one for one in model["signatures"] if any(other["value"] == name for other in one["inputs"]))
            if (first is not signature or earlier is not None) and earlier != (None if names is None else tuple(names)):
                raise FormatError(f"the input {name!r} has values in one signature and others, or none, in another")
            if names is None:
                continue
            value = graph.values[name]
            if "values" not in model.get("requires", []):
                raise FormatError(f'the input {name!r} has values, but "requires" does not list "values"')
            _check_elements(f"the input {name!r}", value, names, model.get("symbols", {}))
            graph.elements[name] = tuple(names)


def _check_elements(what: str, value: Value, names: Sequence[str], symbols: Mapping[str, Any]) -> None:
    if value.dtype not in ("i32", "u8", "i8") or any(not isinstance(size, int) for size in value.shape):
        raise FormatError(f"{what} has values, but is {value}; wanted integers of a fixed shape")
    if len(names) != math.prod(size for size in value.shape if isinstance(size, int)):
        raise FormatError(f"{what} has {len(names)} values, but its shape is {_show(value.shape)}")
    for one in names:
        if one not in symbols:
            raise FormatError(f'{what} gives the symbol {one!r}, which "symbols" does not have')


def _arguments(entry: Mapping[str, Any], which: str, minimums: Mapping[str, int]) -> list[Argument]:
    arguments = [
        Argument(one["name"], one["value"], one["dtype"], _shape(one["shape"], f"the argument {one['name']!r}", minimums))
        for one in entry[which]
    ]
    names = [argument.name for argument in arguments]
    if len(set(names)) != len(names):
        raise FormatError(f"two {which} of the signature {entry['name']!r} have the same name")
    return arguments


def _shape(shape: Sequence[Any], what: str, minimums: Mapping[str, int] | None = None) -> Shape:
    try:
        dims = tuple(parse_dim(dim, minimums) for dim in shape)
    except GraphError as error:
        raise FormatError(f"{what}: {error}") from None
    _check_size(dims, what)
    return dims


def _check_size(shape: Shape, what: str) -> None:
    """Refuse what no reader can allocate."""
    known = [dim for dim in shape if isinstance(dim, int)]
    if any(dim < 0 for dim in shape):
        raise FormatError(f"{what} has the shape {_show(shape)} with a negative size")
    if len(shape) > LARGEST_RANK or extent(shape) > LARGEST_SIZE or any(dim > LARGEST_SIZE for dim in known):
        raise FormatError(f"{what} has the shape {_show(shape)}: at most {LARGEST_RANK} axes and 2³¹ − 1 elements are read")


def _show(shape: Shape) -> str:
    return "[" + ", ".join(str(dim) for dim in shape)[:200] + "]"


def _define(graph: Graph, name: str, value: Value, by: str) -> None:
    if name in graph.values:
        raise FormatError(f"the value {name!r} is defined twice, the second time by {by}")
    graph.values[name] = value


def _unknown(nodes: Sequence[Mapping[str, Any]], path: str) -> Iterator[Unsupported]:
    """The operators that there are not, also in bodies."""
    for number, node in enumerate(nodes):
        if node["op"] not in OPERATORS and node["op"] not in CONTROL:
            yield Unsupported(node["op"], node.get("name") or f"node {path}{number}", hint="Use a newer webkiln")
        if path.count("/") < 2 * MAXIMUM_NESTING:
            for index, body in enumerate(node.get("bodies", [])):
                yield from _unknown(body["nodes"], f"{path}{number}/{index}/")


@dataclass(frozen=True)
class _Reading:
    """What nodes are read with."""

    shards: Sequence[Mapping[str, np.ndarray]]
    requires: Sequence[str]
    minimums: Mapping[str, int]
    symbols: Mapping[str, Any]

    def add_nodes(self, graph: Graph, entries: Sequence[Mapping[str, Any]], path: str) -> None:
        for number, entry in enumerate(entries):
            where = f"node {path}{number} ({entry['op']}{' ' + repr(entry['name']) if entry.get('name') else ''})"
            inputs = list(entry["inputs"])
            while inputs and not inputs[-1]:
                inputs.pop()
            for name in inputs:
                if name not in graph.values:
                    raise FormatError(f"{where} reads {name!r}, which no input, constant or earlier node defines")
            if entry["op"] in CONTROL:
                self._add_control(graph, entry, inputs, where, f"{path}{number}/")
            else:
                self._add_node(graph, entry, inputs, where)

    def _add_node(self, graph: Graph, entry: Mapping[str, Any], inputs: list[str], where: str) -> None:
        op = entry["op"]
        if len(entry["outputs"]) != 1:
            raise FormatError(f"{where} has {len(entry['outputs'])} outputs; {op} has one")
        if "bodies" in entry:
            raise FormatError(f"{where} has bodies; {op} has none")
        try:
            attributes = {name: _attribute(op, name, value, self.minimums) for name, value in entry.get("attributes", {}).items()}
            filled, results = infer(op, [graph.values[name] for name in inputs], attributes)
        except (GraphError, FormatError) as error:
            raise FormatError(f"{where}: {error}") from None
        except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError) as error:
            raise FormatError(f"{where}: its attributes do not fit: {error}") from None
        _check_size(results[0].shape, f"the result of {where}")
        _define(graph, entry["outputs"][0], results[0], where)
        graph.nodes.append(Node(op, tuple(inputs), (entry["outputs"][0],), filled, entry.get("name", "")))

    def _add_control(self, graph: Graph, entry: Mapping[str, Any], inputs: list[str], where: str, path: str) -> None:
        if "control" not in self.requires:
            raise FormatError(f'{where} is control flow, but "requires" does not list "control"')
        if path.count("/") > 2 * MAXIMUM_NESTING:
            raise FormatError(f"{where}: bodies are nested deeper than {MAXIMUM_NESTING}")
        attributes = dict(entry.get("attributes", {}))
        carried = attributes.pop("carried", 0)
        if attributes or not isinstance(carried, int) or (carried and entry["op"] != "while"):
            raise FormatError(f"{where}: its attributes are {entry['attributes']}; a while has carried, an integer, and an if has none")
        bodies = [self._body(body, f"{where}, body {index}", f"{path}{index}/") for index, body in enumerate(entry.get("bodies", []))]
        results = [Value(one["dtype"], _shape(one["shape"], f"the results of {where}", self.minimums)) for one in entry.get("results", [])]
        if "" in inputs or len(results) != len(entry["outputs"]):
            raise FormatError(f"{where} has {len(entry['outputs'])} outputs and {len(results)} results, or an input without a name")
        try:
            GraphBuilder(graph).control(entry["op"], inputs, bodies, results, entry["outputs"], carried=carried, name=entry.get("name", ""))
        except GraphError as error:
            raise FormatError(f"{where}: {error}") from None

    def _body(self, entry: Mapping[str, Any], what: str, path: str) -> Graph:
        body = Graph()
        for name, one in entry.get("constants", {}).items():
            body.constants[name] = _constant(name, one, self.shards, self.requires)
            body.values[name] = body.constants[name].value
        for one in entry["inputs"]:
            _define(body, one["value"], Value(one["dtype"], _shape(one["shape"], f"{what}, {one['value']!r}", self.minimums)), f"an input of {what}")
            body.inputs.append(one["value"])
        self.add_nodes(body, entry["nodes"], path)
        for name in entry["outputs"]:
            if name not in body.values:
                raise FormatError(f"{what} gives {name!r}, which is not defined in it")
        body.outputs = list(entry["outputs"])
        self.add_elements(body, entry.get("elements", {}), what)
        return body

    def add_elements(self, graph: Graph, entries: Mapping[str, Any], what: str) -> None:
        if entries and "elements" not in self.requires:
            raise FormatError(f'{what}: the model computes sizes, but "requires" does not list "elements"')
        for name, symbols in entries.items():
            if name not in graph.values or name in graph.elements:
                raise FormatError(f"{what}: {name!r} is not defined, or gives its symbols already")
            _check_elements(f"{what}: {name!r}", graph.values[name], symbols, self.symbols)
            graph.elements[name] = tuple(symbols)


_NUMBERS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def _attribute(op: str, name: str, value: Any, minimums: Mapping[str, int]) -> Any:
    """What stands for an attribute in model.json as its value; the operator table checks the type."""
    attribute = OPERATORS[op].attributes.get(name)
    if attribute is None:  # unknown keys are ignored everywhere but here: an attribute can change the result
        raise FormatError(f"{op} has no attribute {name!r}")
    items = value if isinstance(value, list) else [value]
    if len(items) > 2 * LARGEST_RANK or any(isinstance(item, (list, dict)) or item is None for item in items):
        raise FormatError(f"{op}: {name} is a {type(value).__name__} that is too long, too deep or empty, wanted {attribute.type}")
    if any(isinstance(item, int) and abs(item) > LARGEST for item in items):
        raise FormatError(f"{op}: {name} holds an integer of 2⁵³ or more")
    if attribute.type == "float" and isinstance(value, str):
        return _NUMBERS.get(value, value)
    if attribute.type == "dims" and isinstance(value, list):
        return [parse_dim(item, minimums) for item in value]
    return value


_STORED = {dtype: name for name, dtype in {**CANONICAL, **STORAGES}.items()}


def _constant(name: str, entry: Mapping[str, Any], shards: Sequence[Mapping[str, np.ndarray]], requires: Sequence[str]) -> Constant:
    def tensor(key: str) -> np.ndarray:
        if entry["shard"] >= len(shards):
            raise FormatError(f"the constant {name!r} is in shard {entry['shard']}, but there are {len(shards)}")
        if key not in shards[entry["shard"]]:
            raise FormatError(f"the constant {name!r} is stored as {key!r}, which shard {entry['shard']} does not have")
        found: np.ndarray = shards[entry["shard"]][key]
        return found

    shape = tuple(entry["shape"])
    _check_size(shape, f"the constant {name!r}")
    stored = tensor(entry["tensor"])
    quantization = entry.get("quantization")
    if quantization is None:
        wanted = entry.get("storage", entry["dtype"])
        if stored.shape != shape or _STORED.get(stored.dtype) != wanted:
            raise FormatError(
                f"the constant {name!r} is stored as {stored.dtype} {list(stored.shape)}, model.json says {wanted} {list(shape)}"
            )
        constant = Constant(widened(stored) if "storage" in entry else stored)
        if constant.dtype != entry["dtype"]:
            raise FormatError(f"the constant {name!r} is stored as {wanted}, which stands for {constant.dtype}, not for {entry['dtype']}")
        return constant
    is_mask = quantization["scheme"] == "mask"
    if entry["dtype"] != "f32" or ("storage" in entry and not (is_mask and entry["storage"] == "f16")):
        raise FormatError(f"the constant {name!r} is quantized, which stands for f32 and has no other storage")
    for feature, is_used in (("quantization", True), ("masked", not is_mask and "mask" in quantization)):
        if is_used and feature not in requires:
            raise FormatError(f'the constant {name!r} is quantized, but "requires" does not list "{feature}"')
    mask = tensor(quantization["mask"]) if "mask" in quantization else None
    try:
        if is_mask:
            wanted = entry.get("storage", "f32")
            if _STORED.get(stored.dtype) != wanted:
                raise FormatError(f"its elements are stored as {stored.dtype}, model.json says {wanted}")
            assert mask is not None
            made: Affine | Masked = Masked(stored, mask, shape)
        else:
            zero_point = tensor(quantization["zero_point"]) if "zero_point" in quantization else None
            made = Affine(
                stored,
                shape,
                quantization["bits"],
                quantization["signed"],
                quantization["axis"],
                tensor(quantization["scale"]),
                zero_point,
                quantization.get("block"),
                mask,
            )
        made.dequantize()
        return Constant(made)
    except FormatError as error:
        raise FormatError(f"the constant {name!r} cannot be dequantized: {error}") from None
