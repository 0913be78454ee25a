"""Sizes, positions and axes that a model reads from its inputs: symbols for their elements, which a run binds."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

import numpy as np

from webkiln.graph.dims import Dim, Expression, Unsized, evaluate, symbol, symbols_of
from webkiln.graph.graph import Graph
from webkiln.importers.emitter import Refused
from webkiln.importers.inputs import symbols_in

LIMIT = 64  # elements of an input that may stand for sizes
LOWEST, HIGHEST = -(2**31), 2**31 - 1
TEXT_LIMIT = 256  # characters of an expression that is computed from such symbols in case it is asked for


class ElementSymbols:
    """Values that only a run tells, as arrays of symbols and of what is computed from them, by their names in the source.

    They are also ordinary values of the graph. An input whose symbols come up in the graph in the end is one that binds them.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._limits: dict[str, tuple[int, int]] = {}

    def add_inputs(self, graph: Graph, dtypes: Container[str]) -> list[str]:
        """The inputs of a graph that are of these dtypes. Returns the symbols in the shapes of all inputs."""
        symbols = symbols_in(graph.values[name].shape for name in graph.inputs)
        for name in graph.inputs:
            value = graph.values[name]
            if value.dtype in dtypes:
                self.add_input(name, name, value.shape, symbols)
        return symbols

    def add_input(self, name: str, value: str, shape: Iterable[Dim], taken: Iterable[str] = ()) -> None:
        """An input of integers, under its name in the source and in the graph; one without a small, fixed shape is left out."""
        sizes = tuple(shape)
        fixed = [size for size in sizes if isinstance(size, int)]
        if len(fixed) < len(sizes) or int(np.prod(fixed, dtype=object)) > LIMIT:
            return
        base = re.sub(r"\W", "_", name, flags=re.ASCII)
        base = f"_{base}" if not base or base[0].isdigit() else base
        used = {*self._limits, *taken}
        while any(one.startswith(f"{base}_at") for one in used):
            base += "_"
        count = int(np.prod(fixed, dtype=object))
        names = tuple(f"{base}_at{i}" for i in range(count))
        array = np.empty(count, object)
        array[:] = [symbol(one, LOWEST) for one in names]
        self.arrays[name] = array.reshape(fixed)
        self._inputs[value] = names
        self._limits.update(dict.fromkeys(names, (LOWEST, HIGHEST)))

    def add_result(self, name: str, array: np.ndarray) -> None:
        """What an operator computes from such values, when it is short enough."""
        if all(isinstance(dim, (int, bool)) or len(str(dim)) <= TEXT_LIMIT for dim in array.reshape(-1)):
            self.arrays[name] = array

    def limit(self, dim: Dim, low: int, high: int) -> None:
        """Let runs refuse an element below `low` or above `high`. Refused itself for what is computed from several."""
        if isinstance(dim, int):
            if not low <= dim <= high:
                raise Refused(f"{dim} where {low} to {high} is wanted")
            return
        if dim >= low and dim <= high:
            return
        names = symbols_of(dim)
        if len(names) != 1 or len(dim.terms) > 2 or not all(len(monomial) <= 1 and not any(not isinstance(atom, str) for atom in monomial) for monomial in dim.terms):
            raise Refused(f"{dim}, which a run tells, where {low} to {high} is wanted")
        (name,) = names
        if name not in self._limits:
            raise Refused(f"{dim}, which depends on the sizes of the inputs, where {low} to {high} is wanted")
        at_0, at_1 = (evaluate(dim, {name: value}) for value in (0, 1))
        if at_1 - at_0 != 1:
            raise Refused(f"{dim}, which a run tells, where {low} to {high} is wanted")
        least, most = self._limits[name]
        self._limits[name] = max(least, low - at_0), min(most, high - at_0)

    def at_least(self, low: int, dims: list[Dim]) -> list[Dim]:
        """The same dimensions, of which runs refuse what is below `low`. Constants are left to who reads them."""
        for dim in dims:
            if not isinstance(dim, int):
                self.limit(dim, low, HIGHEST)
        return dims

    def bind(self, graph: Graph) -> dict[str, dict[str, int]]:
        """Note in the graph which inputs bind symbols; returns the ranges of these, by name."""
        used = _symbols_of_graph(graph)
        graph.elements = {value: names for value, names in self._inputs.items() if used.intersection(names)}
        bound = [name for names in graph.elements.values() for name in names]
        return {name: {"minimum": self._limits[name][0], "maximum": self._limits[name][1]} for name in bound}


def _symbols_of_graph(graph: Graph) -> set[str]:
    live = graph.restricted(set(graph.outputs))
    dims = [dim for value in live.values.values() for dim in value.shape]
    for node in live.nodes:
        for attribute in node.attributes.values():
            dims += [one for one in (attribute if isinstance(attribute, list) else [attribute]) if isinstance(one, Expression)]
    return {name for dim in dims for name in symbols_of(dim) if isinstance(name, Unsized)}
