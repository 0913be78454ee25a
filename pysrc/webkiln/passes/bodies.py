"""What the bodies of control flow take from the graph around them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from webkiln.graph.dims import symbols_of
from webkiln.graph.graph import Constant, Graph, Node


def narrow_bodies(graph: Graph) -> Graph:
    """Move constants that bodies are given into them, where they are weights, and drop inputs that no body reads."""
    nodes = [_narrowed(graph, node) if node.bodies else node for node in graph.nodes]
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    changed = graph.copy()
    changed.nodes = nodes
    return changed.restricted(set(graph.outputs))


def _narrowed(graph: Graph, node: Node) -> Node:
    first = 1 if node.op == "if" else 0  # the condition is for no body
    fixed = 1 if node.op == "if" else node.attributes["carried"]
    read = [_read(body) for body in node.bodies]
    constants = {
        i: graph.constants[name]
        for i, name in enumerate(node.inputs)
        if i >= fixed and name in graph.constants and not any(_tells(body, body.inputs[i - first]) for body in node.bodies)
    }
    unread = {i for i in range(fixed, len(node.inputs)) if not any(body.inputs[i - first] in names for body, names in zip(node.bodies, read, strict=True))}
    if not constants and not unread:
        return node
    inputs = tuple(name for i, name in enumerate(node.inputs) if i not in constants and i not in unread)
    bodies = tuple(_without(body, {i - first: constants.get(i) for i in {*constants, *unread}}) for body in node.bodies)
    return replace(node, inputs=inputs, bodies=bodies)


def _read(body: Graph) -> Collection[str]:
    """The values that a body needs."""
    return {*body.consumers(), *body.results(), *body.elements}


def _tells(body: Graph, name: str) -> bool:
    """Whether a body learns a size that its nodes need from an input."""
    symbols = {symbol for dim in body.values[name].shape for symbol in symbols_of(dim)}
    return name in body.elements or any(symbol in symbols for node in body.nodes for symbol in node.symbols())


def _without(body: Graph, gone: dict[int, Constant | None]) -> Graph:
    """The body without these inputs, which become constants where there is one."""
    changed = body.copy()
    changed.inputs = [name for i, name in enumerate(body.inputs) if i not in gone]
    for i, constant in gone.items():
        name = body.inputs[i]
        if constant is None:
            del changed.values[name]
        else:
            changed.constants[name], changed.values[name] = constant, constant.value
    return changed
