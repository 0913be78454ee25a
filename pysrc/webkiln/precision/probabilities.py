"""Which elements of an output are probabilities: made by a sigmoid or softmax, and only moved since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from webkiln.errors import GraphError
from webkiln.graph.dims import evaluate
from webkiln.graph.graph import Graph, Node
from webkiln.ops import OPERATORS
from webkiln.reference import concrete

_MOVES = ("reshape", "transpose", "slice", "expand", "concat")


def probabilities(graph: Graph, name: str, shape: Sequence[int], symbols: Mapping[str, int]) -> np.ndarray:
    """A bool for each element of an output of that shape."""
    producers = graph.producers()

    def mark(value: str) -> np.ndarray:
        """What moves values moves the marks of their elements."""
        node = producers.get(value)
        if node is not None and node.op in _MOVES:
            return OPERATORS[node.op].reference([mark(one) for one in node.inputs if one], concrete(node.attributes, symbols))
        is_one = node is not None and (node.op == "sigmoid" or is_softmax(node, producers))
        return np.full([evaluate(dim, symbols) for dim in graph.values[value].shape], is_one)

    try:
        return mark(name)
    except GraphError:  # sizes that only a run tells
        return np.zeros(shape, np.bool_)


def is_softmax(node: Node, producers: Mapping[str, Node]) -> bool:
    """Whether a node is the last of a softmax: exponentials divided by their sum."""
    if node.op != "div":
        return False
    above, below = (producers.get(name) for name in node.inputs)
    return above is not None and below is not None and above.op == "exp" and below.op == "reduce_sum" and below.inputs[0] == node.inputs[0]
