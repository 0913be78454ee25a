"""Which constants are weights, and along which of their axes: found from the operators that read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from webkiln.graph.graph import Constant, Graph, Node

_DEEPEST = 16  # views and bodies between a constant and the operator that reads it


@dataclass(frozen=True)
class Axes:
    """`channel` tells apart what is computed independently, and has a scale for each position; over `contracted` sums run.

    Either is None where a view between weight and operator leaves no axis of the weight that is it.
    """

    channel: int | None
    contracted: int | None


@dataclass(frozen=True)
class Weight:
    """A float constant of a graph or of its bodies that a convolution, product or gather reads. Equal `key`: the same stored tensor."""

    key: int
    name: str
    constant: Constant
    axes: Axes


def weights_of(graph: Graph) -> list[Weight]:
    """The weights of a graph and all bodies in it, each stored tensor once."""
    found: dict[int, Weight] = {}
    for one in graph.graphs():
        axes_of = _reader(one)
        for name, constant in one.constants.items():
            key = id(constant.stored)
            if constant.dtype == "f32" and key not in found and (axes := axes_of(name)) is not None:
                found[key] = Weight(key, name, constant, axes)
    return list(found.values())


def _reader(graph: Graph, deepest: int = _DEEPEST) -> Callable[[str], Axes | None]:
    """A function that says which axes the first operator that reads a value as weights has, in the axes of the value."""
    consumers = graph.consumers()

    @cache
    def axes_of(name: str, left: int = deepest) -> Axes | None:
        for node in consumers.get(name, []) if left else []:
            for position, read in enumerate(node.inputs):
                if read == name and (axes := through(node, position, name, left - 1)) is not None:
                    return axes
        return None

    def through(node: Node, position: int, name: str, left: int) -> Axes | None:
        rank = len(graph.values[name].shape)
        if node.op == "conv2d" and position == 1:
            return Axes(channel=3, contracted=2)
        if node.op == "matmul" and position < 2:
            return Axes(channel=rank - 1, contracted=rank - 2) if position else Axes(channel=rank - 2, contracted=rank - 1)
        if node.op == "gather" and position == 0:
            axis = node.attributes["axis"]
            others = [one for one in range(rank) if one != axis]
            return Axes(channel=axis, contracted=others[-1] if others else None)
        if node.op in ("transpose", "reshape"):
            after = axes_of(node.outputs[0], left)
            return after and Axes(_before(graph, node, after.channel), _before(graph, node, after.contracted))
        for body in node.bodies:
            place = position - (len(node.inputs) - len(body.inputs))
            if place >= 0 and (axes := _reader(body, left)(body.inputs[place])) is not None:
                return axes
        return None

    return axes_of


def _before(graph: Graph, node: Node, axis: int | None) -> int | None:
    """The axis of a view's input that is an axis of its output, if one is."""
    if axis is None or node.op == "transpose":
        return axis if axis is None else node.attributes["permutation"][axis]
    before, after = (graph.values[name].shape for name in (node.inputs[0], node.outputs[0]))
    if not all(isinstance(size, int) for size in (*before, *after)):
        return None
    for one, size in enumerate(before):
        if size == after[axis] and math.prod(before[:one]) == math.prod(after[:axis]):
            return one
    return None
