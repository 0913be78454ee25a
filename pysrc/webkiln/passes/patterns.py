"""Activation functions that were written out, put back together."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from webkiln.graph.graph import Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def recover_patterns(graph: Graph) -> Graph:
    """Recognise clip, leaky_relu, prelu, hard_swish and rsqrt in the operators that they were made of."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    if len(node.inputs) == 0 or graph.dtype(node.inputs[0]) != "f32":
        return None
    for recover in _BY_OPERATOR.get(node.op, ()):
        value = recover(graph, node)
        if value is not None:
            return value
    return None


def _pairs(node: Node) -> Iterator[tuple[str, str]]:
    """The inputs of an operator that commutes, in both orders."""
    yield node.inputs[0], node.inputs[1]
    yield node.inputs[1], node.inputs[0]


def _keeps_shape(graph: Rewrite, node: Node, x: str) -> bool:
    return graph.shape(x) == graph.source.values[node.outputs[0]].shape


def _range(graph: Rewrite, name: str) -> tuple[str, float, float] | None:
    """What a value clamps, and between which bounds; `None` when it clamps nothing."""
    node = graph.maker(name, "clip", "relu")
    if node is None:
        return None
    if node.op == "relu":
        return node.inputs[0], 0.0, math.inf
    return node.inputs[0], node.attributes["minimum"], node.attributes["maximum"]


def _clamped(graph: Rewrite, node: Node, x: str, low: float, high: float) -> str:
    if (low, high) == (0.0, math.inf):
        return graph.add("relu", [x], instead_of=node)
    return graph.add("clip", [x], {"minimum": low, "maximum": high}, instead_of=node)


def _merged_clips(graph: Rewrite, node: Node) -> str | None:
    """A clamp of a clamp is one, when both leave something."""
    inner = _range(graph, node.inputs[0])
    low, high = (0.0, math.inf) if node.op == "relu" else (node.attributes["minimum"], node.attributes["maximum"])
    if inner is None:
        return _clamped(graph, node, node.inputs[0], low, high) if node.op == "clip" and (low, high) == (0.0, math.inf) else None
    x, inner_low, inner_high = inner
    if not (inner_low <= inner_high and low <= high):
        return None
    return _clamped(graph, node, x, min(max(inner_low, low), high), min(max(inner_high, low), high))


def _clip_from_extreme(graph: Rewrite, node: Node) -> str | None:
    """`max(x, c)` and `min(x, c)` with one number c."""
    for x, other in _pairs(node):
        number = graph.number(other)
        if number is not None and not math.isnan(number) and _keeps_shape(graph, node, x) and graph.array(x) is None:
            return _clamped(graph, node, x, number, math.inf) if node.op == "max" else _clamped(graph, node, x, -math.inf, number)
    return None


def _leaky_relu(graph: Rewrite, node: Node) -> str | None:
    """`max(x, a · x)` for 0 < a < 1."""
    for x, scaled in _pairs(node):
        product = graph.maker(scaled, "mul")
        if product is None:
            continue
        for data, factor in _pairs(product):
            alpha = graph.number(factor)
            if data == x and alpha is not None and 0 < alpha < 1 and _keeps_shape(graph, node, x):
                return graph.add("leaky_relu", [x], {"alpha": alpha}, instead_of=node)
    return None


def _prelu(graph: Rewrite, node: Node) -> str | None:
    """`relu(x) − a · relu(−x)`, however the sign is written."""
    for left, right in ((node.inputs[0], node.inputs[1]),) if node.op == "sub" else tuple(_pairs(node)):
        positive, product = graph.maker(left, "relu"), graph.maker(right, "mul")
        if positive is None or product is None:
            continue
        x = positive.inputs[0]
        for part, factor in _pairs(product):
            slope = graph.array(factor)
            negative = graph.maker(part, "relu")
            flipped = graph.maker(negative.inputs[0], "neg") if negative is not None else None
            if slope is None or flipped is None or flipped.inputs[0] != x or not _keeps_shape(graph, node, x):
                continue
            if not np.isfinite(slope).all():
                continue
            sign = 1 if node.op == "sub" else -1
            return graph.add("prelu", [x, graph.add_constant(np.asarray(sign * slope, np.float32), factor)], instead_of=node)
    return None


def _hard_swish(graph: Rewrite, node: Node) -> str | None:
    """`x · clip(x + 3, 0, 6) / 6`, with the sixth anywhere, and `x · clip(x / 6 + 0.5, 0, 1)`."""
    factor, parts = _product(graph, node)
    if len(parts) != 2:
        return None
    for x, gate in (parts, parts[::-1]):
        clamp = _range(graph, gate)
        if clamp is None or not _keeps_shape(graph, node, x):
            continue
        inner, low, high = clamp
        line = _line(graph, inner)
        if line is None or line[0] != x or low != 0.0 or high <= 0:
            continue
        # factor · clip(slope · x + offset, 0, high) must be clip(x / 6 + 0.5, 0, 1).
        wanted = ((line[1] * factor, 1 / 6), (line[2] * factor, 0.5), (high * factor, 1.0))
        if all(math.isclose(found, expected, rel_tol=1e-6) for found, expected in wanted):
            return graph.add("hard_swish", [x], instead_of=node)
    return None


def _product(graph: Rewrite, node: Node) -> tuple[float, list[str]]:
    """A product as one number and what else is multiplied, at most three operators deep."""
    factor, parts, found = 1.0, [], [(name, 2) for name in node.inputs]
    if node.op == "div":
        divisor = graph.number(node.inputs[1])
        if not divisor:
            return 1.0, []
        factor, found = 1 / divisor, [(node.inputs[0], 2)]
    while found:
        name, depth = found.pop(0)
        number = graph.number(name)
        inner = graph.maker(name, "mul", "div") if depth else None
        if number is not None:
            factor *= number
        elif inner is not None and inner.op == "mul":
            found += [(part, depth - 1) for part in inner.inputs]
        elif inner is not None and graph.number(inner.inputs[1]):
            factor /= graph.number(inner.inputs[1]) or math.nan
            found.append((inner.inputs[0], depth - 1))
        else:
            parts.append(name)
    return factor, parts


def _line(graph: Rewrite, name: str) -> tuple[str, float, float] | None:
    """A value as `slope · x + offset`."""
    node = graph.maker(name, "add")
    if node is None:
        return None
    for scaled, other in _pairs(node):
        offset = graph.number(other)
        if offset is None:
            continue
        inner = graph.maker(scaled, "mul", "div")
        if inner is not None:
            factor, parts = _product(graph, inner)
            if len(parts) == 1 and factor != 1.0:
                return parts[0], factor, offset
        return scaled, 1.0, offset
    return None


def _rsqrt(graph: Rewrite, node: Node) -> str | None:
    """`1 / sqrt(x)`."""
    root = graph.maker(node.inputs[1], "sqrt")
    if root is None or graph.number(node.inputs[0]) != 1.0 or not _keeps_shape(graph, node, root.inputs[0]):
        return None
    return graph.add("rsqrt", [root.inputs[0]], instead_of=node)


_BY_OPERATOR = {
    "clip": (_merged_clips,),
    "relu": (_merged_clips,),
    "max": (_leaky_relu, _clip_from_extreme),
    "min": (_clip_from_extreme,),
    "sub": (_prelu,),
    "add": (_prelu,),
    "mul": (_hard_swish,),
    "div": (_hard_swish, _rsqrt),
}
