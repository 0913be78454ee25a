"""How much a run computes, and which sizes that is said for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from webkiln.errors import ShapeError
from webkiln.graph.dims import Shape, evaluate
from webkiln.graph.graph import Graph, Node
from webkiln.model import Model
from webkiln.webformat.golden import golden_symbols


def operations(model: Model, symbols: Mapping[str, int]) -> int:
    """Additions and multiplications of a run: two for each product that a sum takes, one for any other element computed; bodies of loops count once.

    Values whose sizes only a run tells count nothing.
    """
    return sum(_of_node(graph, node, symbols) for graph in model.graph.graphs() for node in graph.nodes)


def likely_symbols(model: Model) -> dict[str, int]:
    """The sizes that are tried first for what the model leaves open."""
    return next(iter(golden_symbols(model.bundle, model.signature)), {})


def _of_node(graph: Graph, node: Node, symbols: Mapping[str, int]) -> int:
    if node.op in ("reshape", "transpose", "slice", "expand", "concat", "pad", "gather") or node.bodies:
        return 0
    size = sum(_size(graph, name, symbols) for name in node.outputs)
    if node.op == "conv2d":
        height, width, channels, _ = graph.values[node.inputs[1]].shape
        return 2 * size * math.prod(dim if isinstance(dim, int) else 1 for dim in (height, width, channels))
    if node.op == "matmul":
        contracted = graph.values[node.inputs[0]].shape[-1]
        return 2 * size * _known((contracted,), symbols)
    if node.op.startswith(("reduce_", "arg_", "cumulative_")):
        return sum(_size(graph, name, symbols) for name in node.inputs)
    if node.op.endswith("pool2d"):
        height, width = node.attributes["window"]
        return size * int(height) * int(width)
    return size


def _size(graph: Graph, name: str, symbols: Mapping[str, int]) -> int:
    return _known(graph.values[name].shape, symbols) if name else 0


def _known(shape: Shape, symbols: Mapping[str, int]) -> int:
    try:
        return math.prod(evaluate(dim, symbols) for dim in shape)
    except (ShapeError, ZeroDivisionError):
        return 0
