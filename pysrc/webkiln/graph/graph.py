"""Graphs: nodes in topological order over named values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from webkiln.errors import GraphError
from webkiln.graph.dims import Expression, Shape, symbols_of
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.quantization import Affine, Masked


@dataclass(frozen=True)
class Value:
    """What is known of a value: its canonical dtype and its shape, whose sizes may be symbolic."""

    dtype: str
    shape: Shape

    def __str__(self) -> str:
        return f"{self.dtype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Constant:
    """A tensor that the model carries, as it is stored.

    `stored` is an array of a canonical dtype, or float16 or a quantized form, which stand for float32.
    """

    stored: np.ndarray | Affine | Masked

    @property
    def dtype(self) -> str:
        if not isinstance(self.stored, np.ndarray) or self.stored.dtype == np.float16:
            return "f32"
        for name, dtype in CANONICAL.items():
            if dtype == self.stored.dtype:
                return name
        known = ", ".join(dtype.name for dtype in CANONICAL.values())
        raise GraphError(f"a constant has dtype {self.stored.dtype}, wanted float16 or one of {known}")

    @cached_property
    def array(self) -> np.ndarray:
        """The values in the canonical dtype."""
        if not isinstance(self.stored, np.ndarray):
            return self.stored.dequantize()
        return self.stored.astype(np.float32) if self.stored.dtype == np.float16 else self.stored

    @property
    def value(self) -> Value:
        return Value(self.dtype, tuple(self.stored.shape))


@dataclass(frozen=True)
class Node:
    """One operator applied to values. `name` says where in the source it comes from.

    `bodies` are the graphs that a control-flow operator runs (see `graph/control.py`): they see nothing of the graph around them but what
    their inputs are given, and its symbols.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    bodies: tuple[Graph, ...] = ()

    def symbols(self) -> Iterator[str]:
        """The symbols that its attributes, and those of the nodes in its bodies, name."""
        for value in self.attributes.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, Expression):
                    yield from symbols_of(item)
        for body in self.bodies:
            for node in body.nodes:
                yield from node.symbols()


@dataclass(frozen=True)
class State:
    """The value `output` of one run is the value `input` of the next; `initial` is a constant's name, or "" for zeros."""

    input: str
    output: str
    initial: str = ""


@dataclass
class Graph:
    """Inputs, constants and nodes; each value is defined once, by one of them.

    `values` has dtype and shape of every value. `inputs` includes state inputs. `elements` names symbols that stand for the elements
    (row-major) of a value of integers, as the symbols in a shape stand for its sizes: what comes after it may have sizes that a run computes.
    """

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    state: list[State] = field(default_factory=list)
    elements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False, compare=False)  # the last that `fresh` gave, by name

    def producers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each value, once for every input that does."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                if name:
                    found.setdefault(name, []).append(node)
        return found

    def graphs(self) -> Iterator[Graph]:
        """The graph and all bodies in it."""
        yield self
        for node in self.nodes:
            for body in node.bodies:
                yield from body.graphs()

    def results(self) -> set[str]:
        """The values that a run must produce: outputs, next states, and those whose elements are symbols."""
        return {*self.outputs, *(state.output for state in self.state), *(name for name in self.elements if name not in self.inputs)}

    def tellers(self, bound: Collection[str] = ()) -> dict[str, str]:
        """The values that a run computes before certain symbols are known, by symbol: their elements, or the sizes of what control flow gives.

        `bound`: symbols that are known before the graph is run, beside those of its inputs.
        """
        found = {symbol: name for name, symbols in self.elements.items() if name not in self.inputs for symbol in symbols}
        given = {*bound, *self._given()}
        for node in self.nodes:
            for name in node.outputs if node.bodies else ():
                for symbol in sorted(symbol for dim in self.values[name].shape for symbol in symbols_of(dim)):
                    if symbol not in given:
                        found.setdefault(symbol, name)
        return found

    def _given(self) -> set[str]:
        """The symbols that the inputs determine."""
        shapes = {symbol for name in self.inputs for dim in self.values[name].shape for symbol in symbols_of(dim)}
        return shapes.union(*(symbols for name, symbols in self.elements.items() if name in self.inputs))

    def restricted(self, results: set[str]) -> Graph:
        """The part of the graph that these values (and the next states) need. Inputs stay, used or not.

        Raises `GraphError` for a value that the graph does not have.
        """
        unknown = sorted(results - set(self.values))
        if unknown:
            raise GraphError(f"the graph has no value {', '.join(map(repr, unknown))}")
        needed = results | {state.output for state in self.state}
        tellers = self.tellers()
        nodes: list[Node] = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                nodes.append(node)
                needed.update(name for name in node.inputs if name)
                if tellers:
                    needed.update(tellers[symbol] for symbol in node.symbols() if symbol in tellers)
        nodes.reverse()
        constants = {name: constant for name, constant in self.constants.items() if name in needed or self._is_initial(name)}
        made = {output for node in nodes for output in node.outputs}
        values = {name: value for name, value in self.values.items() if name in constants or name in made or name in self.inputs}
        outputs = [name for name in self.outputs if name in results] + sorted(results - set(self.outputs))
        elements = {name: symbols for name, symbols in self.elements.items() if name in self.inputs or name in needed}
        return Graph(list(self.inputs), outputs, nodes, constants, values, list(self.state), elements)

    def _is_initial(self, name: str) -> bool:
        return any(state.initial == name for state in self.state)

    def fresh(self, base: str) -> str:
        """A name that no value has, made from `base`."""
        if base not in self.values:
            return base
        number = self._numbers.get(base, 0) + 1
        while f"{base}.{number}" in self.values:
            number += 1
        self._numbers[base] = number
        return f"{base}.{number}"

    def copy(self) -> Graph:
        """A graph that can be changed without changing this one (arrays are shared)."""
        return Graph(
            list(self.inputs), list(self.outputs), list(self.nodes), dict(self.constants), dict(self.values), list(self.state), dict(self.elements)
        )

    def check(self, bound: Collection[str] = ()) -> None:
        """Raise `GraphError` unless every name is defined once, before it is used, and states lead from value to input.

        `bound`: symbols that are known before the graph is run.
        """
        defined: set[str] = set()

        def define(name: str, by: str) -> None:
            if name in defined:
                raise GraphError(f"{name!r} is defined twice, the second time by {by}")
            if name not in self.values:
                raise GraphError(f"the dtype and shape of {name!r}, defined by {by}, are unknown")
            defined.add(name)

        for name in self.inputs:
            define(name, "an input")
        for name, constant in self.constants.items():
            define(name, "a constant")
            if constant.value != self.values[name]:
                raise GraphError(f"the constant {name!r} is {constant.value}, and the graph says {self.values[name]}")
        tellers = self.tellers(bound)
        for position, node in enumerate(self.nodes):
            where = f"node {position} ({node.op}{' ' + repr(node.name) if node.name else ''})"
            for name in node.inputs:
                if name and name not in defined:
                    later = any(name in other.outputs for other in self.nodes[position:])
                    problem = "is made only later: the graph has a cycle or is out of order" if later else "is not defined"
                    raise GraphError(f"{where} reads {name!r}, which {problem}")
            for symbol in node.symbols() if tellers else ():
                if symbol in tellers and tellers[symbol] not in defined:
                    raise GraphError(f"{where} needs the symbol {symbol}, which {tellers[symbol]!r} tells only later")
            for name in node.outputs:
                define(name, where)
            for body in node.bodies:
                body.check({*bound, *tellers, *self._given()})
        for name, symbols in self.elements.items():
            if name not in defined:
                raise GraphError(f"{name!r}, whose elements are {', '.join(symbols)}, is not defined")
        for name in sorted(self.results()):
            if name not in defined:
                raise GraphError(f"the output {name!r} is not defined")
        for state in self.state:
            if state.input not in self.inputs:
                raise GraphError(f"the state {state.input!r} is not an input of the graph")
            if self.values[state.input] != self.values[state.output]:
                raise GraphError(f"the state {state.input!r} and its next value {state.output!r} differ in dtype or shape")
            if state.initial and state.initial not in self.constants:
                raise GraphError(f"the initial state {state.initial!r} is not a constant")
