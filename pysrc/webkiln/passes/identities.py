"""Nodes that give back what they are given."""

from __future__ import annotations

import math
from collections.abc import Callable

from webkiln.graph.graph import Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def remove_identities(graph: Graph) -> Graph:
    """Remove nodes that change nothing: casts to the same dtype, slices of the whole, `+ 0`, `· 1` and the like."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    if node.op in _NEUTRAL:
        return _without_neutral(graph, node)
    check = _CHECKS.get(node.op)
    return node.inputs[0] if check is not None and check(graph, node) else None


def _same_shape(graph: Rewrite, node: Node) -> bool:
    return graph.shape(node.inputs[0]) == graph.source.values[node.outputs[0]].shape


# The neutral element, and whether it may stand on the left.
_NEUTRAL = {"add": (0.0, True), "sub": (0.0, False), "mul": (1.0, True), "div": (1.0, False)}

_CHECKS: dict[str, Callable[[Rewrite, Node], bool]] = {
    "cast": lambda graph, node: bool(graph.dtype(node.inputs[0]) == node.attributes["to"]),
    "expand": _same_shape,
    "slice": lambda graph, node: _same_shape(graph, node) and all(step == 1 for step in node.attributes["step"]),
    "pad": _same_shape,
    "concat": lambda graph, node: len(node.inputs) == 1,
    "clip": lambda graph, node: bool(node.attributes["minimum"] == -math.inf and node.attributes["maximum"] == math.inf),
    "reduce_sum": lambda graph, node: not node.attributes["axes"],
    "reduce_mean": lambda graph, node: not node.attributes["axes"],
    "reduce_max": lambda graph, node: not node.attributes["axes"],
    "reduce_min": lambda graph, node: not node.attributes["axes"],
    "reduce_prod": lambda graph, node: not node.attributes["axes"],
}


def _without_neutral(graph: Rewrite, node: Node) -> str | None:
    neutral, either = _NEUTRAL[node.op]
    shape = graph.source.values[node.outputs[0]].shape
    for other, kept in ((1, 0), (0, 1))[: 2 if either else 1]:
        array = graph.array(node.inputs[other])
        if array is not None and array.size and (array == neutral).all() and graph.shape(node.inputs[kept]) == shape:
            return node.inputs[kept]
    return None
