"""Simplifications that hold everywhere: each takes a graph and returns one that computes the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from webkiln.graph.graph import Graph
from webkiln.passes.batch_norm import fold_batch_norm
from webkiln.passes.bias import fold_bias
from webkiln.passes.bodies import narrow_bodies
from webkiln.passes.common_subexpressions import merge_common_subexpressions
from webkiln.passes.constants import fold_constants, folding_limit
from webkiln.passes.dead_code import remove_dead_code
from webkiln.passes.identities import remove_identities
from webkiln.passes.padding import fold_padding
from webkiln.passes.patterns import recover_patterns
from webkiln.passes.reshapes import merge_reshapes
from webkiln.passes.transposes import move_transposes

Pass = Callable[[Graph], Graph]

# In the order in which they are run: what is cheap and makes the rest easier comes first.
PASSES: tuple[Pass, ...] = (
    remove_dead_code,
    fold_constants,
    remove_identities,
    merge_common_subexpressions,
    move_transposes,
    merge_reshapes,
    fold_batch_norm,
    fold_bias,
    fold_padding,
    recover_patterns,
)
MAXIMUM_ROUNDS = 20


def optimize(graph: Graph) -> Graph:
    """Run all passes, until none of them changes anything (at most `MAXIMUM_ROUNDS` times), then over the bodies of control flow. The graph given is not changed.

    Names of inputs, outputs and states stay. Results agree with those before up to float32 rounding.
    """
    graph = _simplified(graph)
    graph.check()
    return graph


def _simplified(graph: Graph) -> Graph:
    limit = folding_limit(graph)
    for _ in range(MAXIMUM_ROUNDS):
        before = graph
        for simplify in PASSES:
            graph = fold_constants(graph, limit) if simplify is fold_constants else simplify(graph)
        if graph is before:
            break
    if any(node.bodies for node in graph.nodes):
        graph = narrow_bodies(graph).copy()
        graph.nodes = [replace(node, bodies=tuple(map(_simplified, node.bodies))) for node in graph.nodes]
    return graph


__all__ = ["PASSES", "Pass", "optimize"]
