"""What no result needs."""

from __future__ import annotations

from webkiln.graph.graph import Graph


def remove_dead_code(graph: Graph) -> Graph:
    """Drop nodes and constants that no result needs. Inputs stay."""
    kept = graph.restricted(set(graph.outputs))
    return kept if len(kept.nodes) < len(graph.nodes) or len(kept.constants) < len(graph.constants) else graph
