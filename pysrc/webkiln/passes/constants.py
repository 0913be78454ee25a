"""Nodes whose inputs are all constant are computed at conversion."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.graph import Constant, Graph, Node
from webkiln.ops import OPERATORS
from webkiln.ops.rules import product
from webkiln.passes.rewrite import Rewrite, is_symbolic, rewrite

SMALL = 1024  # elements that a result may always have
GROWTH = 2**20  # elements that folding may add to any model


def folding_limit(graph: Graph) -> int:
    """How many elements the constants of a graph may have in all when nodes are folded: without a limit, a few nodes could fill all memory."""
    return 3 * _elements(graph) + GROWTH


def fold_constants(graph: Graph, limit: int | None = None) -> Graph:
    """Replace nodes over constants by their results, unless these are much larger than what they are made from, or more than `limit` in all."""
    return rewrite(graph, _Folding(graph, folding_limit(graph) if limit is None else limit).fold)


class _Folding:
    """`room`: how many elements the constants may still gain."""

    def __init__(self, graph: Graph, limit: int) -> None:
        self.room = limit - _elements(graph)

    def fold(self, graph: Rewrite, node: Node) -> str | None:
        arrays = [graph.array(name) for name in node.inputs if name]
        if not arrays or any(array is None for array in arrays) or any(map(is_symbolic, node.attributes.values())):
            return None
        output = node.outputs[0]
        shape = graph.source.values[output].shape
        if is_symbolic(shape):
            return None
        known = [array for array in arrays if array is not None]
        freed = sum(array.size for name, array in zip(filter(None, node.inputs), known, strict=True) if graph.uses(name) == 1)
        gained = product(shape) - freed
        if product(shape) > max(SMALL, 2 * sum(array.size for array in known)) or gained > self.room:
            return None
        self.room -= gained
        result = np.ascontiguousarray(OPERATORS[node.op].reference(known, node.attributes)).reshape(shape)
        stored = [constant.stored for name in node.inputs if name and (constant := graph.constant(name)) is not None]
        if any(isinstance(one, np.ndarray) and one.dtype == np.float16 for one in stored):
            result = _narrowed(result)
        graph.define_constant(output, Constant(result))
        return output


def _elements(graph: Graph) -> int:
    return sum(math.prod(size for size in constant.value.shape if isinstance(size, int)) for constant in graph.constants.values())


def _narrowed(result: np.ndarray) -> np.ndarray:
    """As float16 when nothing is lost, as when weights were only moved."""
    if result.dtype != np.float32:
        return result
    with np.errstate(over="ignore"):
        half = result.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), result, equal_nan=True) else result
