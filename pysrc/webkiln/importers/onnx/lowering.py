"""An ONNX graph on its way into ours: what lowering functions see of a node, and where their results go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from webkiln.errors import Unsupported
from webkiln.importers.emitter import Refused
from webkiln.importers.named import NamedCall, Result, Typed, Values, fixed, result_dtype
from webkiln.importers.onnx.nodes import Operation, Scope
from webkiln.importers.onnx.tensors import TensorReader

__all__ = ["Call", "Lower", "Lowering", "NotMade", "Result", "Typed", "fixed", "result_dtype"]


class NotMade(Exception):
    """The results cannot be made, for reasons that are among the problems already."""


class Lowering(Values):
    """The values of a model, the reader of its tensors, and what could not be lowered in its subgraphs."""

    def __init__(self, tensors: TensorReader) -> None:
        super().__init__()
        self.tensors = tensors
        self.problems: list[Unsupported] = []

    def as_value(self, label: str, result: Typed) -> str:
        """A result as a value of the graph."""
        name = f"{label}/{len(self.builder.graph.values)}"
        self.hold(name, result)
        return self.value(name)


class Call(NamedCall):
    """One node, as a lowering function sees it. Inputs are counted from 0; the function returns its outputs."""

    lowering: Lowering

    def __init__(self, lowering: Lowering, operation: Operation) -> None:
        super().__init__(lowering, operation.inputs, operation.outputs, next((name for name in operation.outputs if name), operation.type))
        self.operation = operation
        self.version = operation.version

    @property
    def where(self) -> str:
        return self.operation.where

    # Attributes, by their names and with their defaults.

    def given(self, name: str) -> bool:
        return name in self.operation.attributes

    def integer(self, name: str, default: int) -> int:
        attribute = self._attribute(name, 2)
        return default if attribute is None else int(attribute.i)

    def integers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        attribute = self._attribute(name, 7)
        return list(default) if attribute is None else list(attribute.ints)

    def number(self, name: str, default: float) -> float:
        attribute = self._attribute(name, 1)
        return default if attribute is None else float(attribute.f)

    def floats(self, name: str, default: Sequence[float] = ()) -> list[float]:
        attribute = self._attribute(name, 6)
        return list(default) if attribute is None else list(attribute.floats)

    def text(self, name: str, default: str) -> str:
        attribute = self._attribute(name, 3)
        return default if attribute is None else bytes(attribute.s).decode("utf-8", "replace")

    def texts(self, name: str) -> list[str]:
        attribute = self._attribute(name, 8)
        return [] if attribute is None else [bytes(one).decode("utf-8", "replace") for one in attribute.strings]

    def graph(self, name: str) -> Any:
        """A subgraph."""
        attribute = self._attribute(name, 5)
        if attribute is None:
            self.fail(f"its attribute {name!r} is missing")
        return attribute.g

    def tensor(self, name: str) -> tuple[np.ndarray, str] | None:
        """A tensor that is an attribute, and its element type."""
        attribute = self._attribute(name, 4)
        return None if attribute is None else self.lowering.tensors.read(attribute.t, f"the attribute {name!r} of {self.where}")

    def choice(self, name: str, default: str, *known: str) -> str:
        """A word; refused when it is none of those known."""
        word = self.text(name, default)
        if word not in (default, *known):
            raise Refused(f"{name} is {word!r}; known: {', '.join((default, *known))}")
        return word

    def _attribute(self, name: str, kind: int) -> Any:
        attribute = self.operation.attributes.get(name)
        # Files of old did not write the type of an attribute.
        if attribute is not None and attribute.type not in (0, kind):
            self.fail(f"its attribute {name!r} is of the type number {attribute.type}, expected {kind}")
        return attribute

    def scope(self) -> Scope:
        assert self.operation.scope is not None
        return self.operation.scope


Lower = Callable[[Call], "Result | Sequence[Result]"]
