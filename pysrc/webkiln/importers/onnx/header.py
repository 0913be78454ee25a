"""What an ONNX file says of itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from webkiln.errors import FormatError
from webkiln.importers.converted import converted
from webkiln.importers.inspection import Declared, Inspection
from webkiln.importers.onnx.declared import declared_shape
from webkiln.importers.onnx.dtype_names import NAMES, name_of
from webkiln.importers.onnx.file import parse, provenance, tensor_shape
from webkiln.importers.onnx.nodes import Operation, listed_operations, operations
from webkiln.importers.onnx.refusal import refusal

_OTHER_TYPES = ("sequence_type", "map_type", "optional_type", "sparse_tensor_type")


def header(data: bytes, name: str) -> Inspection:
    """The facts of a file's content; `name`: where the file has none."""
    model = parse(data)
    graph = model.graph
    listed = list(_with_bodies(listed_operations(model)))
    known = converted("onnx")
    constants = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    sizes = [_size(tensor) for tensor in (*_of_graph(graph), *(one for function in model.functions for one in _of_nodes(function.node)))]
    return Inspection(
        "onnx",
        graph.name or name or "model",
        len(data),
        tuple(_declared(value) for value in graph.input if value.name not in constants),
        tuple(map(_declared, graph.output)),
        (),
        Counter(operation.kind for operation in listed),
        tuple(problem for operation in listed if (problem := refusal(operation, operation.kind in known)) is not None),
        sum(count for count, _ in sizes),
        sum(size for _, size in sizes),
        provenance(model),
    )


def _with_bodies(listed: Iterable[Operation]) -> Iterator[Operation]:
    """Operations, each before those of the graphs among its attributes."""
    for operation in listed:
        yield operation
        for attribute in operation.attributes.values():
            for graph in _graphs(attribute):
                assert operation.scope is not None
                yield from _with_bodies(operations(graph.node, operation.scope.inner(f"{operation.index}/")))


def _declared(value: Any) -> Declared:
    other = next((kind for kind in _OTHER_TYPES if value.type.HasField(kind)), None)
    if other is not None:
        return Declared(value.name, other.removesuffix("_type"), None)
    known = value.type.HasField("tensor_type")
    return Declared(value.name, name_of(value.type.tensor_type.elem_type) if known else "unknown", declared_shape(value))


def _graphs(attribute: Any) -> list[Any]:
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _of_graph(graph: Any) -> Iterator[Any]:
    """The constants of a graph and of its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[Any]) -> Iterator[Any]:
    for attribute in (one for node in nodes for one in node.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        yield from attribute.tensors
        for graph in _graphs(attribute):
            yield from _of_graph(graph)


def _size(tensor: Any) -> tuple[int, int]:
    """Elements and bytes; what lies outside of the file counts too."""
    what = f"the constant {tensor.name!r}"
    count = math.prod(tensor_shape(tensor, what))
    if tensor.data_type not in NAMES:
        raise FormatError(f"{what} has elements of the unknown type {name_of(tensor.data_type)}")
    name = NAMES[tensor.data_type]
    if name == "string":
        return count, sum(map(len, tensor.string_data))
    bits = re.search(r"\d+", name)  # each name but that of booleans begins its numbers with the width
    return count, (count * (int(bits[0]) if bits else 8) + 7) // 8
