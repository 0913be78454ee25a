"""Simplifications that hold everywhere: graph in, graph out."""

from __future__ import annotations

from webkiln.graph.graph import Graph


def optimize(graph: Graph) -> Graph:
    return graph
