"""Rebuilding a graph, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Expression, Shape
from webkiln.graph.graph import Constant, Graph, Node

# Given the graph under construction and a node whose inputs are up to date: the value that replaces the node's output (perhaps
# one added under the same name), or `None` to keep the node.
Visit = Callable[["Rewrite", Node], "str | None"]


def rewrite(graph: Graph, visit: Visit) -> Graph:
    """The graph after every node was offered to `visit`, in order; the same object when nothing was replaced.

    The names of inputs and results stay, whatever happens to the nodes that made them. What nothing needs any more goes.
    """
    rebuilt = Rewrite(graph)
    for node in graph.nodes:
        rebuilt.offer(node, visit)
    return rebuilt.finish() if rebuilt.changed else graph


class Rewrite:
    """A graph under construction. Values keep their names unless they are replaced."""

    def __init__(self, source: Graph) -> None:
        self.source = source
        self.changed = False
        names = (*source.inputs, *source.constants)
        self.graph = Graph(
            inputs=list(source.inputs),
            outputs=list(source.outputs),
            constants=dict(source.constants),
            values={name: source.values[name] for name in names},
            state=list(source.state),
            elements=dict(source.elements),
        )
        self._builder = GraphBuilder(self.graph)
        self._replaced: dict[str, str] = {}
        self._makers: dict[str, Node] = {}
        self._uses = Counter(name for node in source.nodes for name in node.inputs if name)
        self._uses.update(source.results())

    def offer(self, node: Node, visit: Visit) -> None:
        if any(name in self._replaced for name in node.inputs):
            node = replace(node, inputs=tuple(self._replaced.get(name, name) for name in node.inputs))
        before = len(self.graph.nodes)
        value = None if node.bodies else visit(self, node)
        if value is None:
            for output in node.outputs:
                self.graph.values[output] = self.source.values[output]
            self.graph.nodes.append(node)
        else:
            self.changed = True
            if value != node.outputs[0]:
                self._replaced[node.outputs[0]] = value
        for made in self.graph.nodes[before:]:
            self._makers.update(dict.fromkeys(made.outputs, made))

    def maker(self, name: str, *ops: str) -> Node | None:
        """The node that makes a value, when it is of one of these operators (or of any, when none is named)."""
        node = self._makers.get(name)
        return node if node is not None and (not ops or node.op in ops) else None

    def uses(self, name: str) -> int:
        """How often a value was read in the graph before, counting results; 0 for a value that is new."""
        return self._uses[name]

    def constant(self, name: str) -> Constant | None:
        return self.graph.constants.get(name)

    def array(self, name: str) -> np.ndarray | None:
        """The values of a plain (not quantized) constant in its canonical dtype."""
        constant = self.graph.constants.get(name)
        return constant.array if constant is not None and isinstance(constant.stored, np.ndarray) else None

    def number(self, name: str) -> float | None:
        """The value of a constant that has one element."""
        array = self.array(name)
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None

    def shape(self, name: str) -> Shape:
        return self.graph.values[name].shape

    def dtype(self, name: str) -> str:
        return self.graph.values[name].dtype

    def add(
        self, op: str, inputs: Sequence[str], attributes: Mapping[str, Any] | None = None, *, instead_of: Node | None = None, like: Node | None = None
    ) -> str:
        """Add a node, under the name of the one that it replaces or under a new one made from `like`'s."""
        if instead_of is not None:
            return self._builder.node(op, inputs, attributes or {}, instead_of.name, instead_of.outputs[0])
        base = like or Node(op, (), (op,))
        return self._builder.node(op, inputs, attributes or {}, base.name, self.fresh(f"{base.outputs[0]}/{op}"))

    def add_constant(self, stored: np.ndarray, base: str) -> str:
        """Add a constant under a new name made from `base`."""
        name = self.fresh(base)
        self.define_constant(name, Constant(stored))
        return name

    def define_constant(self, name: str, constant: Constant) -> None:
        self.graph.constants[name] = constant
        self.graph.values[name] = constant.value

    def fresh(self, base: str) -> str:
        """A name that no value has, before or after."""
        name, number = base, 0
        while name in self.graph.values or name in self.source.values:
            number += 1
            name = f"{base}.{number}"
        return name

    def finish(self) -> Graph:
        """The new graph, with its results under their old names and nothing in it that they do not need."""
        results = self.graph.results()
        renamed: dict[str, str] = {}
        for result in sorted(results):
            if result not in self._replaced:
                continue
            value = self._replaced[result]
            if value in self.graph.constants:
                self.define_constant(result, self.graph.constants[value])
            elif value in self._makers and value not in results and value not in renamed:
                renamed[value] = result
            else:  # an input, or a value that is another result already: a name of its own needs a node
                self._builder.node("reshape", [value], {"shape": list(self.shape(value))}, "", result)
        if renamed:
            self._rename(renamed)
        return self.graph.restricted(set(self.graph.outputs))

    def _rename(self, names: Mapping[str, str]) -> None:
        for old, new in names.items():
            self.graph.values[new] = self.graph.values.pop(old)
        for i, node in enumerate(self.graph.nodes):
            if any(name in names for name in (*node.inputs, *node.outputs)):
                inputs, outputs = (tuple(names.get(name, name) for name in ends) for ends in (node.inputs, node.outputs))
                self.graph.nodes[i] = replace(node, inputs=inputs, outputs=outputs)


def is_symbolic(value: Any) -> bool:
    """Whether an attribute, or a shape, holds a size that is not a number."""
    if isinstance(value, (list, tuple)):
        return any(is_symbolic(item) for item in value)
    return isinstance(value, Expression)
