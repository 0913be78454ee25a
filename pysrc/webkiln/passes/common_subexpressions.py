"""What is computed, or stored, twice."""

from __future__ import annotations

import numpy as np

from webkiln.graph.graph import Constant, Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def merge_common_subexpressions(graph: Graph) -> Graph:
    """Let equal nodes over equal inputs, and equal constants, be one."""
    same = _equal_constants(graph)
    results = graph.results()
    seen: dict[tuple[object, ...], str] = {}

    def visit(rebuilt: Rewrite, node: Node) -> str | None:
        inputs = tuple(same.get(name, name) for name in node.inputs)
        key = (node.op, inputs, repr(sorted(node.attributes.items())))
        if key in seen and not (seen[key] in results and node.outputs[0] in results):
            return seen[key]
        seen[key] = node.outputs[0]
        if inputs != node.inputs:
            return rebuilt.add(node.op, inputs, node.attributes, instead_of=node)
        return None

    return rewrite(graph, visit)


def _equal_constants(graph: Graph) -> dict[str, str]:
    """For each constant that equals an earlier one, the earlier one's name."""
    same: dict[str, str] = {}
    alike: dict[tuple[object, ...], list[tuple[str, np.ndarray]]] = {}
    results = graph.results()
    for name, constant in graph.constants.items():
        if name in results or not isinstance(constant.stored, np.ndarray):
            continue
        bits = _bits(constant)
        # Most constants differ in their first bytes; only those that do not are compared as a whole.
        found = alike.setdefault((constant.stored.dtype.str, constant.stored.shape, bits[:64].tobytes()), [])
        twin = next((other for other, other_bits in found if np.array_equal(bits, other_bits)), None)
        if twin is None:
            found.append((name, bits))
        else:
            same[name] = twin
    return same


def _bits(constant: Constant) -> np.ndarray:
    """The bytes of a constant: NaN equals itself and −0 differs from 0."""
    assert isinstance(constant.stored, np.ndarray)
    return np.ascontiguousarray(constant.stored).reshape(-1).view(np.uint8)
