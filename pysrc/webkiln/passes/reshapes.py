"""Reshapes."""

from __future__ import annotations

from webkiln.graph.graph import Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def merge_reshapes(graph: Graph) -> Graph:
    """Let a reshape of a reshape be one, and remove those that change nothing."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    if node.op != "reshape":
        return None
    source = node.inputs[0]
    inner = graph.maker(source, "reshape")
    if inner is not None:
        source = inner.inputs[0]
    if graph.shape(source) == tuple(node.attributes["shape"]) and not _names_a_result(graph, source, node.outputs[0]):
        return source
    return graph.add("reshape", [source], node.attributes, instead_of=node) if inner is not None else None


def _names_a_result(graph: Rewrite, source: str, output: str) -> bool:
    """Whether the node only gives an input, or another result, the name of a result: it cannot go."""
    results = graph.source.results()
    return output in results and (source in graph.source.inputs or source in results)
