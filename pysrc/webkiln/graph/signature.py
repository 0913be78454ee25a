"""How a model is called: its arguments, in the source's names, dtypes and layout."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Shape


@dataclass(frozen=True)
class Argument:
    """An input or output of a model. `name` is what the user says, `value` the name in the graph, `dtype` the source's NumPy name."""

    name: str
    value: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Signature:
    """One way to call a model."""

    name: str
    inputs: list[Argument]
    outputs: list[Argument]
