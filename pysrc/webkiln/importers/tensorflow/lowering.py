"""What lowering functions see of a node of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.errors import Unsupported
from webkiln.graph.dims import Dim
from webkiln.importers.axes import told_axes
from webkiln.importers.emitter import Refused
from webkiln.importers.named import NamedCall, Result, Typed, Values
from webkiln.importers.tensorflow.functions import Function
from webkiln.importers.tensorflow.nodes import Node

__all__ = ["Call", "Lower", "Lowering", "NotMade", "Result", "Typed"]


class NotMade(Exception):
    """The results cannot be made, for reasons that are among the problems already."""


class Lowering(Values):
    """The values of a model, the functions that its nodes may run, and what could not be lowered in them."""

    def __init__(self, functions: Mapping[str, Function] | None = None) -> None:
        super().__init__()
        self.functions = functions or {}
        self.problems: list[Unsupported] = []
        self.running: list[str] = []  # the functions that are being lowered, each run by the one before
        self.called = 0  # nodes of functions so far
        self.bodies = 0  # functions that were lowered as bodies so far

    def constant(self, name: str, array: np.ndarray | None, dtype: str) -> None:
        """A constant of the source; of text, only the type."""
        if array is None:
            self.dtypes[name] = dtype
        else:
            self.define(name, array, dtype)


class Call(NamedCall):
    """One node, as a lowering function sees it. Inputs are counted from 0; the function returns its results."""

    lowering: Lowering

    def __init__(self, lowering: Lowering, node: Node) -> None:
        super().__init__(lowering, node.inputs, (node.name,), node.name)
        self.source = node

    @property
    def where(self) -> str:
        return self.source.where

    # Attributes, by their names and with their defaults.

    def given(self, name: str) -> bool:
        return name in self.source.attributes

    def flag(self, name: str, default: bool = False) -> bool:
        found: bool = self._attribute(name, bool, default)
        return found

    def integer(self, name: str, default: int) -> int:
        found: int = self._attribute(name, int, default)
        return found

    def number(self, name: str, default: float) -> float:
        return float(self._attribute(name, (float, int), default))

    def text(self, name: str, default: str = "") -> str:
        found: str = self._attribute(name, str, default)
        return found

    def integers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        return self._list(name, int, default)

    def texts(self, name: str) -> list[str]:
        return self._list(name, str, ())

    def choice(self, name: str, default: str, *known: str) -> str:
        """A word; refused when it is none of those known."""
        word = self.text(name, default)
        if word not in (default, *known):
            raise Refused(f"{name} is {word!r}; known: {', '.join((default, *known))}")
        return word

    def _list(self, name: str, kind: type, default: Sequence[Any]) -> list[Any]:
        found: list[Any] = self._attribute(name, list, list(default))
        if any(not isinstance(one, kind) or isinstance(one, bool) for one in found):
            self.fail(f"its attribute {name!r} is {found}, expected a list of {kind.__name__}")
        return found

    def _attribute(self, name: str, kind: Any, default: Any) -> Any:
        found = self.source.attributes.get(name, default)
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            self.fail(f"its attribute {name!r} is {found!r}")
        return found

    # Inputs that are parameters.

    def one(self, i: int, what: str) -> int:
        """Input `i` as one number."""
        numbers = self.ints(i, what)
        if len(numbers) != 1:
            self.fail(f"{what} is {numbers}, expected one number")
        return numbers[0]

    def axis_input(self, i: int, rank: int, what: str = "the axis") -> int:
        """Input `i` as an axis, counted from the front."""
        return self.axis(self.one(i, what), rank)

    def told_axes(self, i: int, what: str, rank: int) -> list[Dim]:
        """Input `i` as axes counted from the front, perhaps such as only a run tells."""
        return told_axes(self, self.lowering.elements, self.dims(i, what), rank)

    def size(self, i: int, what: str) -> Dim:
        """Input `i` as one size, which may be symbolic."""
        sizes = self.dims(i, what)
        if len(sizes) != 1:
            self.fail(f"{what} is {[str(size) for size in sizes]}, expected one number")
        return sizes[0]

    def back(self, value: str, i: int = 0) -> Typed:
        """A result of the element type of input `i`, to whose range 32-bit integers are wrapped; truth values come back as such."""
        dtype = self.dtype(i)
        value = self.cast(value, "bool") if dtype == "bool" else self.narrow(value, dtype)
        return Typed(value, dtype)


Lower = Callable[[Call], "Result | Sequence[Result]"]
