"""Constants a channel that are added around convolutions and products of matrices."""

from __future__ import annotations

import numpy as np

from webkiln.graph.graph import Graph, Node
from webkiln.passes.batch_norm import channels, constant_bias, folded_weights, per_input
from webkiln.passes.rewrite import Rewrite, rewrite


def fold_bias(graph: Graph) -> Graph:
    """Let `add` and `sub` of a constant a channel, after (or before, where nothing is padded), become the bias."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    if node.op in ("add", "sub"):
        return _shift_after(graph, node)
    if node.op in ("conv2d", "matmul"):
        return _shift_before(graph, node)
    return None


def _shift_after(graph: Rewrite, node: Node) -> str | None:
    for product, other in ((0, 1), (1, 0))[: 2 if node.op == "add" else 1]:
        inner = graph.maker(node.inputs[product], "conv2d", "matmul")
        if inner is None or graph.uses(node.inputs[product]) != 1:
            continue
        shift, bias = channels(graph, node.inputs[other], inner.outputs[0]), constant_bias(graph, inner)
        if shift is None or bias is None:
            continue
        return _with_bias(graph, node, inner, inner.inputs[0], bias + (shift if node.op == "add" else -shift))
    return None


def _shift_before(graph: Rewrite, node: Node) -> str | None:
    shifted = graph.maker(node.inputs[0], "add", "sub")
    weights, bias = folded_weights(graph, node), constant_bias(graph, node)
    if shifted is None or weights is None or bias is None or graph.uses(node.inputs[0]) != 1:
        return None
    if node.op == "conv2d" and any(amount != 0 for amount in node.attributes["padding"]):
        return None
    for data, other in ((0, 1), (1, 0))[: 2 if shifted.op == "add" else 1]:
        shift = channels(graph, shifted.inputs[other], shifted.outputs[0])
        if shift is None or graph.shape(shifted.inputs[data]) != graph.shape(shifted.outputs[0]):
            continue
        reached = weights * per_input(node, weights, shift if shifted.op == "add" else -shift)
        return _with_bias(graph, node, node, shifted.inputs[data], bias + reached.sum(axis=tuple(range(reached.ndim - 1))))
    return None


def _with_bias(graph: Rewrite, node: Node, inner: Node, data: str, bias: np.ndarray) -> str | None:
    count = graph.shape(inner.inputs[1])[-1]
    assert isinstance(count, int)
    with np.errstate(over="ignore"):
        numbers = np.broadcast_to(bias, (count,)).astype(np.float32)
    if not np.isfinite(numbers).all():
        return None
    name = inner.inputs[2] if len(inner.inputs) > 2 else f"{inner.outputs[0]}/bias"
    return graph.add(inner.op, [data, inner.inputs[1], graph.add_constant(numbers, name)], inner.attributes, instead_of=node)
