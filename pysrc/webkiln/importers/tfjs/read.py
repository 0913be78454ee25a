"""A TensorFlow.js graph model, read into a graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedFormatError
from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE
from webkiln.graph.signature import Argument, Signature
from webkiln.importers.elements import held_as
from webkiln.importers.emitter import Refused
from webkiln.importers.imported import ImportedModel, finished
from webkiln.importers.inputs import given_shape, open_sizes
from webkiln.importers.tensorflow import operators as operators  # which registers them
from webkiln.importers.tensorflow.driver import lower_all
from webkiln.importers.tensorflow.dtypes import name_of
from webkiln.importers.tensorflow.frames import structured
from webkiln.importers.tensorflow.lists import element_of
from webkiln.importers.tensorflow.lowering import Lowering
from webkiln.importers.tensorflow.nodes import Node, needed_nodes, node_of, value_name
from webkiln.importers.tensorflow.tables import with_contents
from webkiln.importers.tfjs.json_values import expect, member
from webkiln.importers.tfjs.topology import constant_of, read_functions, read_nodes, read_shape
from webkiln.importers.tfjs.weights import read_weights

SIGNATURE = "serving_default"
_LAYERS = (
    "it is a TensorFlow.js layers model, which is not converted; only graph models are. "
    "`tensorflowjs_converter --input_format tfjs_layers_model --output_format tfjs_graph_model model.json FOLDER` makes one of it"
)


@dataclass(frozen=True)
class Port:
    """An input or output as the model declares it: the name that users say, and the value. `shape`: −1 for open sizes, `None` for an unknown rank."""

    name: str
    value: str
    dtype: str
    shape: tuple[int, ...] | None


def read(path: Path, *, inputs: Mapping[str, Sequence[int | str]] | None = None, signature: str | None = None) -> ImportedModel:
    """Read a graph model from its model.json, or from the folder of that name's file; its weights must lie in the same folder.

    `inputs`: shapes by input name that replace the file's; a string is a symbolic size. Raises `FormatError` for a file that is wrong,
    `UnsupportedFormatError` for a layers model, `UnsupportedOperatorError` (all at once) for what cannot be converted, and `InputError`
    for an input or signature that does not exist.
    """
    if signature not in (None, SIGNATURE):
        raise InputError(f"the model has no signature {signature!r}; a graph model has one way to be called, so leave the name out")
    file = path / "model.json" if path.is_dir() else path
    content = _parse(file)
    nodes = read_nodes(content.get("modelTopology"))
    taken, made = _ports(content, nodes)
    nodes = with_contents(nodes, _initial(content, nodes))
    needed = needed_nodes(nodes, [port.value for port in made], [node_of(port.value) for port in taken])
    # A placeholder that the signature leaves out is an input all the same.
    named = {port.value for port in taken}
    taken += [_placeholder(node) for node in needed if node.op == "Placeholder" and node.name not in named]
    weights = read_weights(content.get("weightsManifest", []), file.parent)
    flat, functions = structured(needed)
    values = Lowering({**read_functions(content["modelTopology"], weights), **functions})
    problems = _add_inputs(values, taken, inputs or {})
    for node in needed:
        if node.op == "Const" and not values.defined(node.name):
            values.constant(node.name, *constant_of(node, weights))
    ordered = needed_nodes(flat, [port.value for port in made], [node_of(port.value) for port in taken])
    problems += lower_all(values, ordered)
    found = _signature(values, taken, made, problems)
    return finished(
        values.builder.graph,
        found,
        values.elements,
        problems,
        name=(file.resolve().parent.name if file.name == "model.json" else file.stem) or "model",
        metadata=_provenance(content),
        operators=[node.op for node in needed],
        format="tfjs",
    )


def _parse(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise FormatError("it is not JSON, or it is truncated") from None
    content = expect(content, dict, "the file")
    topology = member(content, "modelTopology", dict, "the file")
    if content.get("format") == "layers-model" or ("node" not in topology and ("model_config" in topology or "class_name" in topology)):
        raise UnsupportedFormatError(f"{file.name}: {_LAYERS}")
    return content  # type: ignore[no-any-return]


def _initial(content: Mapping[str, Any], nodes: Sequence[Node]) -> list[Node]:
    """The nodes of the graph that is run once, where the model has one, beside its own."""
    names = {node.name for node in nodes}
    return [node for node in read_nodes(content["modelInitializer"]) if node.name not in names] if content.get("modelInitializer") else []


def _provenance(content: Mapping[str, Any]) -> dict[str, str]:
    producers = [content.get(key) for key in ("generatedBy", "convertedBy")]
    text = ", ".join(one for one in producers if isinstance(one, str) and one)
    return {"source_producer": text} if text else {}


def _ports(content: Mapping[str, Any], nodes: Sequence[Node]) -> tuple[list[Port], list[Port]]:
    """The inputs and outputs: those of the signature, or else every placeholder and every value that nothing reads."""
    signature = content.get("signature")
    if signature is None:
        metadata = content.get("userDefinedMetadata")
        signature = metadata.get("signature") if isinstance(metadata, dict) else None
    signature = expect({} if signature is None else signature, dict, "the signature")
    by_name = {node.name: node for node in nodes}
    sides: dict[str, list[Port]] = {"inputs": [], "outputs": []}
    for side, ports in sides.items():
        names = set(member(signature, side, dict, "the signature", {}))
        for name, entry in member(signature, side, dict, "the signature", {}).items():
            what = f"{name!r} in the {side} of the signature"
            value = value_name(member(entry, "name", str, what, name))
            if node_of(value) not in by_name and side == "outputs":
                value = _renamed(nodes, ports, len(names)) or value
            if node_of(value) not in by_name:
                raise FormatError(f"{what} is the value {value!r}, which no node makes")
            shape = read_shape(entry["tensorShape"], what) if entry.get("tensorShape") is not None else _placeholder(by_name[node_of(value)]).shape
            dtype = entry.get("dtype", "")
            public = value_name(name) if value_name(name) not in names else name
            ports.append(Port(public, value, name_of(dtype if isinstance(dtype, int) else expect(dtype, str, what)), shape))
    read = {source for node in nodes for source in node.inputs}
    if not sides["outputs"]:
        sides["outputs"] = [Port(node.name, node.name, "", None) for node in nodes if node.name not in read and node.op not in ("Const", "NoOp", "Placeholder")]
    if not sides["outputs"]:
        raise FormatError("the model has no outputs: there is nothing to convert")
    return sides["inputs"], sides["outputs"]


def _renamed(nodes: Sequence[Node], others: Sequence[Port], count: int) -> str | None:
    """The only output, where its node has another name than the signature says: the converter gives a fused operator that of its last part but one."""
    read = {node_of(source) for node in nodes for source in node.inputs}
    last = [node.name for node in nodes if node.name not in read and node.op not in ("Const", "NoOp", "Placeholder")]
    fused = [node.name for node in nodes if node.name in last and (node.op == "Prelu" or "Fused" in node.op)]
    return fused[0] if count == len(last) == len(fused) == 1 and not others else None


def _placeholder(node: Node) -> Port:
    return Port(node.name, node.name, str(node.attributes.get("dtype", "float32")), node.attributes.get("shape"))


def _add_inputs(values: Lowering, ports: Sequence[Port], overrides: Mapping[str, Sequence[int | str]]) -> list[Unsupported]:
    """Define the graph's inputs; returns what cannot be one. `InputError` for an override that fits none."""
    for name in overrides:
        if not any(name in (port.name, port.value) for port in ports):
            raise InputError(f"there is no input {name!r}; the model takes: {', '.join(repr(port.name) for port in ports) or 'none'}")
    given = {
        port.value: given_shape(port.name, port.shape, shape) for port in ports for name, shape in overrides.items() if name in (port.name, port.value)
    }
    opened = open_sizes([(port.name, port.shape or ()) for port in ports if port.value not in given])
    shapes = dict(zip([port.value for port in ports if port.value not in given], opened, strict=True)) | given
    problems = []
    for port in ports:
        dtype = port.dtype or "float32"
        if values.defined(port.value):
            raise FormatError(f"two inputs of the signature are the value {port.value!r}")
        if dtype not in (*FROM_SOURCE, *COMPLEX):
            problems.append(Unsupported("INPUT", repr(port.name), f"elements of the dtype {dtype}", "Only numbers and booleans are converted"))
        elif port.shape is None and port.value not in given:
            problems.append(Unsupported("INPUT", repr(port.name), "its rank is not known", f"Give its shape: --input {port.name}=SHAPE"))
        else:
            values.resized |= port.value in given and given[port.value] != port.shape
            shape = shapes[port.value]
            values.names[port.value] = values.builder.input(port.value, held_as(dtype), (*shape, 2) if dtype in COMPLEX else shape)
            values.dtypes[port.value] = dtype
            continue
        values.missing.add(port.value)
    values.offer_elements()
    return problems


def _signature(values: Lowering, taken: Sequence[Port], made: Sequence[Port], problems: list[Unsupported]) -> Signature:
    """The arguments in the source's names and dtypes; an output that cannot be given is added to the problems."""
    shapes = {name: value.shape for name, value in values.builder.graph.values.items()}
    inputs = [Argument(port.name, port.value, values.dtypes[port.value], shapes[port.value]) for port in taken if port.value in values.dtypes]
    outputs = []
    for port in made:
        if node_of(port.value) in values.missing:
            continue
        if port.value not in values.dtypes:
            raise FormatError(f"the output {port.name!r} is the value {port.value!r}, which its node does not make")
        try:
            dtype = port.dtype or element_of(values.dtypes[port.value])
            same = held_as(dtype) == held_as(values.dtypes[port.value]) and (dtype in COMPLEX) == (values.dtypes[port.value] in COMPLEX)
            value = values.value(port.value)
        except Refused as refusal:
            problems.append(Unsupported("OUTPUT", repr(port.name), refusal.reason, refusal.hint))
            continue
        if not same:
            raise FormatError(f"the output {port.name!r} is declared as {dtype}, but is {values.dtypes[port.value]}")
        outputs.append(Argument(port.name, value, dtype, values.builder.graph.values[value].shape))
    return Signature(SIGNATURE, inputs, outputs)
