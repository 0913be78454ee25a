"""Nodes whose inputs are all constant are computed at conversion."""

from __future__ import annotations

import numpy as np

from webkiln.graph.graph import Constant, Graph, Node
from webkiln.ops import OPERATORS
from webkiln.ops.rules import product
from webkiln.passes.rewrite import Rewrite, is_symbolic, rewrite

SMALL = 1024  # elements that a result may always have


def fold_constants(graph: Graph) -> Graph:
    """Replace nodes over constants by their results, unless these are much larger than what they are made from."""
    return rewrite(graph, _fold)


def _fold(graph: Rewrite, node: Node) -> str | None:
    arrays = [graph.array(name) for name in node.inputs if name]
    if not arrays or any(array is None for array in arrays) or any(map(is_symbolic, node.attributes.values())):
        return None
    output = node.outputs[0]
    shape = graph.source.values[output].shape
    if is_symbolic(shape):
        return None
    known = [array for array in arrays if array is not None]
    if product(shape) > max(SMALL, 2 * sum(array.size for array in known)):
        return None
    result = np.ascontiguousarray(OPERATORS[node.op].reference(known, node.attributes)).reshape(shape)
    stored = [constant.stored for name in node.inputs if name and (constant := graph.constant(name)) is not None]
    if any(isinstance(one, np.ndarray) and one.dtype == np.float16 for one in stored):
        result = _narrowed(result)
    graph.define_constant(output, Constant(result))
    return output


def _narrowed(result: np.ndarray) -> np.ndarray:
    """As float16 when nothing is lost, as when weights were only moved."""
    if result.dtype != np.float32:
        return result
    with np.errstate(over="ignore"):
        half = result.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), result, equal_nan=True) else result
