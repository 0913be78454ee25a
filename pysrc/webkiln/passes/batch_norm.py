"""Batch normalization, and any other scale of the channels, around convolutions and products of matrices."""

from __future__ import annotations

import numpy as np

from webkiln.graph.graph import Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def fold_batch_norm(graph: Graph) -> Graph:
    """Fold `mul` and `div` by a constant a channel, before or after, into constant weights and bias."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    if node.op in ("mul", "div"):
        return _scale_after(graph, node)
    if node.op in ("conv2d", "matmul"):
        return _scale_before(graph, node)
    return None


def _scale_after(graph: Rewrite, node: Node) -> str | None:
    for product, other in ((0, 1), (1, 0))[: 2 if node.op == "mul" else 1]:
        inner = graph.maker(node.inputs[product], "conv2d", "matmul")
        if inner is None or graph.uses(node.inputs[product]) != 1:
            continue
        weights = folded_weights(graph, inner)
        scale = channels(graph, node.inputs[other], inner.outputs[0])
        bias = constant_bias(graph, inner)
        if weights is None or scale is None or bias is None:
            continue
        factor = 1 / scale if node.op == "div" and (scale != 0).all() else scale if node.op == "mul" else None
        if factor is None:
            continue
        # With the channels of the output last, the scale broadcasts along the weights.
        return replace(graph, node, inner, inner.inputs[0], weights * factor, bias * factor if len(inner.inputs) > 2 else None)
    return None


def _scale_before(graph: Rewrite, node: Node) -> str | None:
    """Zero padding stays zero under a scale, so it does no harm here."""
    scaled = graph.maker(node.inputs[0], "mul")
    weights = folded_weights(graph, node)
    if scaled is None or weights is None or graph.uses(node.inputs[0]) != 1:
        return None
    for data, other in ((0, 1), (1, 0)):
        factor = channels(graph, scaled.inputs[other], scaled.outputs[0])
        if factor is None or graph.shape(scaled.inputs[data]) != graph.shape(scaled.outputs[0]):
            continue
        return replace(graph, node, node, scaled.inputs[data], weights * per_input(node, weights, factor), keep_bias=True)
    return None


def per_input(node: Node, weights: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Numbers a channel of the input, spread along the weights [KH, KW, C/groups, O] or [K, N]."""
    if node.op == "matmul":
        return np.asarray(np.broadcast_to(factor, weights.shape[:1])[:, None])
    groups, out = node.attributes["groups"], weights.shape[3]
    every = np.broadcast_to(factor, (groups * weights.shape[2],)).reshape(groups, weights.shape[2])
    return np.asarray(np.repeat(every, out // groups, axis=0).T)  # [C/groups, O]: the channel that each filter reads


def folded_weights(graph: Rewrite, node: Node) -> np.ndarray | None:
    """Constant weights in float64, for a node whose data are its first input."""
    array = graph.array(node.inputs[1])
    if array is None or (node.op == "matmul" and array.ndim != 2):
        return None
    return array.astype(np.float64)


def constant_bias(graph: Rewrite, node: Node) -> np.ndarray | None:
    """The bias in float64, zeros when there is none; `None` when it is not constant."""
    if len(node.inputs) < 3:
        return np.zeros(1)
    array = graph.array(node.inputs[2])
    return None if array is None else array.astype(np.float64)


def channels(graph: Rewrite, name: str, output: str) -> np.ndarray | None:
    """A finite constant with one number, or one a channel of `output`'s last axis, in float64; else `None`."""
    array, shape = graph.array(name), graph.shape(output)
    if array is None or array.dtype != np.float32 or array.ndim > len(shape) or array.size not in (1, array.shape[-1] if array.ndim else 1):
        return None
    if array.size not in (1, shape[-1]) or not np.isfinite(array).all():
        return None
    return array.reshape(-1).astype(np.float64)


def replace(
    graph: Rewrite, node: Node, inner: Node, data: str, weights: np.ndarray, bias: np.ndarray | None = None, *, keep_bias: bool = False
) -> str | None:
    """The convolution or product with other weights and bias, instead of `node`; `None` when float32 cannot hold them."""
    inputs = [data]
    with np.errstate(over="ignore"):
        parts = [weights.astype(np.float32)] + ([] if bias is None else [bias.astype(np.float32)])
    if not all(np.isfinite(part).all() for part in parts):
        return None
    names = [inner.inputs[1], inner.inputs[2] if len(inner.inputs) > 2 else f"{inner.outputs[0]}/bias"]
    inputs += [graph.add_constant(part, name) for part, name in zip(parts, names, strict=False)]
    if keep_bias:
        inputs += inner.inputs[2:]
    return graph.add(inner.op, inputs, inner.attributes, instead_of=node)
