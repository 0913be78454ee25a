"""The nodes of a TensorFlow graph, with what a file holds in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webkiln.errors import FormatError


@dataclass(frozen=True)
class Node:
    """One operation. Values go by the name of their node, and `name:i` for results after the first; control inputs are left out.

    `attributes`: bool, int, float, text (element types by their names, as `dtypes.name_of` gives them), shapes (tuples with −1 for an open size,
    `None` for an unknown rank), or lists of these.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f"node {self.name!r} ({self.op})"


def value_name(text: str) -> str:
    """`name` for `name:0`, which is the same value."""
    return text.removesuffix(":0")


def result_name(node: str, i: int) -> str:
    """The name of result `i` of a node: the first has the node's."""
    return f"{node}:{i}" if i else node


def node_of(value: str) -> str:
    """The name of the node that makes a value."""
    head, colon, index = value.rpartition(":")
    return head if colon and index.isdigit() else value


def needed_nodes(nodes: Iterable[Node], wanted: Sequence[str], given: Iterable[str]) -> list[Node]:
    """The nodes that the values `wanted` come from, each after those that it reads; nothing is asked of the nodes `given`.

    Loops are left open where they close. `FormatError` for a name that stands twice, and for a value that no node makes.
    """
    by_name: dict[str, Node] = {}
    for node in nodes:
        if node.name in by_name:
            raise FormatError(f"two nodes are named {node.name!r}")
        by_name[node.name] = node
    known = set(given)
    done: set[str] = set()
    order: list[Node] = []
    stack: list[tuple[str, bool]] = []
    for value in reversed(wanted):
        if node_of(value) not in by_name:
            raise FormatError(f"the output {value!r} is made by nothing")
        stack.append((node_of(value), False))
    entered: set[str] = set()
    while stack:
        name, finished = stack.pop()
        if finished:
            order.append(by_name[name])
            done.add(name)
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            for source in reversed(by_name[name].inputs if name not in known else ()):
                maker = node_of(source)
                if maker not in by_name:
                    raise FormatError(f"{by_name[name].where}: it reads {source!r}, which nothing makes")
                if maker not in entered:
                    stack.append((maker, False))
    return order
