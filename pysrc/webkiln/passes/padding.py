"""Pads that a convolution or pool can do itself."""

from __future__ import annotations

import math
from typing import Any

from webkiln.errors import ShapeError
from webkiln.graph.graph import Graph, Node
from webkiln.passes.rewrite import Rewrite, rewrite


def fold_padding(graph: Graph) -> Graph:
    """Move pads of height and width into the convolution or pool that follows, where they mean the same there; merge pads."""
    return rewrite(graph, _visit)


def _visit(graph: Rewrite, node: Node) -> str | None:
    pad = graph.maker(node.inputs[0], "pad") if node.inputs else None
    if pad is None or any(gap != 0 for gap in pad.attributes["interior"]):
        return None
    if node.op == "pad":
        return _merged(graph, node, pad)
    if node.op not in _PADDED_WITH or pad.attributes["value"] != _PADDED_WITH[node.op]:
        return None
    low, high, old = pad.attributes["low"], pad.attributes["high"], node.attributes["padding"]
    if any(low[axis] != 0 or high[axis] != 0 for axis in (0, 3)):
        return None
    attributes: dict[str, Any] = dict(node.attributes)
    if node.op == "average_pool2d":
        # The zeros of the pad count; the pool's own padding would have to as well.
        if any(amount != 0 for amount in old) and not attributes["count_padding"]:
            return None
        attributes["count_padding"] = True
    attributes["padding"] = [old[0] + low[1], old[1] + low[2], old[2] + high[1], old[3] + high[2]]
    try:
        return graph.add(node.op, [pad.inputs[0], *node.inputs[1:]], attributes, instead_of=node)
    except ShapeError:  # a pool whose window the padding would fill
        return None


# What each operator's own padding amounts to.
_PADDED_WITH = {"conv2d": 0.0, "average_pool2d": 0.0, "max_pool2d": -math.inf}


def _merged(graph: Rewrite, node: Node, pad: Node) -> str | None:
    outer, inner = node.attributes, pad.attributes
    if outer["value"] != inner["value"] or any(gap != 0 for gap in outer["interior"]):
        return None
    low = [a + b for a, b in zip(outer["low"], inner["low"], strict=True)]
    high = [a + b for a, b in zip(outer["high"], inner["high"], strict=True)]
    return graph.add("pad", [pad.inputs[0]], {**outer, "low": low, "high": high}, instead_of=node)
