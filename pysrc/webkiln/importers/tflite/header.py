"""What a TFLite file says of itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from webkiln.errors import Unsupported
from webkiln.importers.converted import converted
from webkiln.importers.inputs import open_sizes
from webkiln.importers.inspection import Declared, Inspection
from webkiln.importers.tflite.file import File, Subgraph, parse, place
from webkiln.importers.tflite.hints import hint
from webkiln.importers.tflite.signatures import chosen, in_order_of


def header(data: bytes, name: str) -> Inspection:
    """The facts of a file's content; `name`: where the file has none."""
    file = parse(data)
    first = chosen(file, None)[0]
    graph = file.subgraphs[first.subgraph]
    listed = [(one, operator) for one in file.subgraphs for operator in one.operators]
    known = converted("tflite")
    return Inspection(
        "tflite",
        file.metadata.origin.get("name") or name or "model",
        len(data),
        _declared(graph, in_order_of(graph.inputs, first.inputs)),
        _declared(graph, in_order_of(graph.outputs, first.outputs)),
        tuple(signature.name for signature in file.signatures),
        Counter(operator.name for _, operator in listed),
        tuple(Unsupported(operator.name, place(one, operator), "", hint(operator.name)) for one, operator in listed if operator.name not in known),
        _parameters(file),
        file.weight_bytes,
        file.metadata.provenance,
    )


def _declared(graph: Subgraph, arguments: Sequence[tuple[str, int]]) -> tuple[Declared, ...]:
    tensors = [graph.tensors[index] for _, index in arguments]
    shapes = open_sizes([(name, tensor.shape) for (name, _), tensor in zip(arguments, tensors, strict=True)])
    return tuple(
        Declared(name, tensor.dtype, shape if tensor.ranked else None) for (name, _), tensor, shape in zip(arguments, tensors, shapes, strict=True)
    )


def _parameters(file: File) -> int:
    """Values that several tensors share count once."""
    held = {id(tensor.data): abs(math.prod(tensor.shape)) for graph in file.subgraphs for tensor in graph.tensors if tensor.data is not None}
    return sum(held.values())
