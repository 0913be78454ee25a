"""Sizes, positions and axes that a model reads from its inputs or computes: symbols for their elements, which a run binds."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

import numpy as np

from webkiln.graph.dims import Dim, Expression, Unsized, evaluate, symbol, symbols_of
from webkiln.graph.graph import Graph
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.inputs import symbols_in

LIMIT = 64  # elements of an input that may stand for sizes
LOWEST, HIGHEST = -(2**31), 2**31 - 1
TEXT_LIMIT = 256  # characters of an expression that is computed from such symbols in case it is asked for


class ElementSymbols:
    """Values that only a run tells, as arrays of symbols and of what is computed from them, by their names in the source.

    They are also ordinary values of the graph. One whose symbols come up in the graph in the end is one that binds them.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._tellers: dict[str, tuple[str, ...]] = {}
        self._limits: dict[str, tuple[int, int]] = {}
        self._taken: set[str] = set()

    def add_inputs(self, graph: Graph, dtypes: Container[str]) -> list[str]:
        """The inputs of a graph that are of these dtypes. Returns the symbols in the shapes of all inputs."""
        symbols = symbols_in(graph.values[name].shape for name in graph.inputs)
        self._taken.update(symbols)
        for name in graph.inputs:
            value = graph.values[name]
            if value.dtype in dtypes:
                self.add(name, name, value.shape)
        return symbols

    def add(self, name: str, value: str, shape: Iterable[Dim], low: int = LOWEST, high: int = HIGHEST) -> None:
        """A value of integers, under its name in the source and in the graph, whose elements lie in a range; one without a small, fixed shape is left out."""
        sizes = tuple(shape)
        fixed = [size for size in sizes if isinstance(size, int)]
        if len(fixed) < len(sizes) or int(np.prod(fixed, dtype=object)) > LIMIT:
            return
        base = _as_symbol(name)
        while any(one.startswith(f"{base}_at") for one in (*self._limits, *self._taken)):
            base += "_"
        count = int(np.prod(fixed, dtype=object))
        names = tuple(f"{base}_at{i}" for i in range(count))
        array = np.empty(count, object)
        array[:] = [symbol(one, low) for one in names]
        self.arrays[name] = array.reshape(fixed)
        self._tellers[value] = names
        self._limits.update(dict.fromkeys(names, (low, high)))

    def told(self, graph: Graph, value: str, low: int, high: int) -> list[Dim]:
        """The elements of a small value of the graph (i32) as sizes, which a run tells, and refuses outside of a range."""
        self.add(value, value, graph.values[value].shape, low, high)
        if value not in self.arrays:
            raise Refused("sizes whose number is not fixed", FIX_SIZES)
        return list(self.arrays[value].reshape(-1))

    def size(self, name: str) -> Expression:
        """A new symbol for a size that control flow gives, and only a run tells."""
        base = one = f"{_as_symbol(name)}_size"
        number = 1
        while one in self._limits or one in self._taken:
            number += 1
            one = f"{base}{number}"
        self._limits[one] = (0, HIGHEST)
        return symbol(one, 0)

    def made(self) -> set[str]:
        """All symbols that there are now."""
        return set(self._limits)

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

    def tell(self, graph: Graph) -> None:
        """Note in a graph, of which the outputs are known, which of its values bind symbols."""
        graph.elements = {value: names for value, names in self._tellers.items() if value in graph.values}
        live = graph.restricted(set(graph.outputs))
        used = _symbols_of(live)
        graph.elements = {value: names for value, names in live.elements.items() if used.intersection(names)}

    def bind(self, graph: Graph) -> dict[str, dict[str, int]]:
        """The same for the whole graph; returns the ranges of all these symbols, and of those in its bodies, by name."""
        self.tell(graph)
        found = {str(name) for name in _symbols_of(graph)} | {name for one in graph.graphs() for names in one.elements.values() for name in names}
        return {name: {"minimum": low, "maximum": high} for name, (low, high) in self._limits.items() if name in found}


def _as_symbol(name: str) -> str:
    base = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{base}" if not base or base[0].isdigit() else base


def _symbols_of(graph: Graph) -> set[str]:
    """The symbols that may be less than 1, in the shapes and nodes of a graph and the bodies in it."""
    found = {name for one in graph.graphs() for value in one.values.values() for dim in value.shape for name in symbols_of(dim)}
    found.update(name for node in graph.nodes for name in node.symbols())
    return {name for name in found if isinstance(name, Unsized)}
