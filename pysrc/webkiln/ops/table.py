"""What the operator table records about an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from webkiln.errors import ShapeError
from webkiln.graph.dims import Expression

Attributes = dict[str, Any]
ShapeRule = Callable[[list[Any], Attributes], list[Any]]
DtypeRule = Callable[[list[str], Attributes], list[str]]
Reference = Callable[[list[np.ndarray], Attributes], np.ndarray]
GradientRule = Callable[[Any, list[Any], Any, Any, Attributes], list[Any]]
LayoutRule = Callable[[Sequence[int], Attributes], "tuple[Attributes, list[int]] | None"]


@dataclass(frozen=True)
class Attribute:
    """An attribute's type, `int`, `ints`, `float`, `bool`, `string` or `dims`, and its default (`None`: it must be given)."""

    type: str
    default: Any = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tolerance:
    """How far a backend may be from the reference: `absolute + relative × |reference|`, and why it may."""

    relative: float
    absolute: float
    reason: str


EXACT = Tolerance(0.0, 0.0, "moves or compares values, or is one IEEE operation")


LEAST_TOLERANCES = {"wasm": 1e-5, "webgl": 5e-5}
"""What a model's results may differ from the reference in any case, by backend, relative to the largest magnitude of each quantity: GPUs
add in another order, and some divide less exactly. More is allowed where rounding is measured to move a model further."""


@dataclass(frozen=True)
class Unavailable:
    """Stands in a column that has no entry, with the reason."""

    reason: str


@dataclass(frozen=True)
class Case:
    """Test inputs of one operator."""

    inputs: list[np.ndarray]
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Operator:
    """One row of the table.

    `inputs`: names; `bias?` may be left out, `xs*` stands for one or more.
    `shape`, `dtype`: rules from the inputs' shapes or dtypes and the attributes to those of the outputs, written in the
    restricted subset of Python that `codegen.transpile` turns into JavaScript.
    `layout`: how a permutation passes through. From the permutation `p` that all inputs went through (as in
    `op(transpose(x, p))`) and the attributes, the attributes for which `transpose(op(x), q)` is the same, and `q`; or `None`.
    `reference`: the meaning, in NumPy.
    `gradient`: a rule (see `ops.gradients`), or for element-wise operators one scalar expression an input (see `ops.elementwise`).
    `cases`: test inputs, from a random generator. `tolerance`: what a backend may differ by.
    `expression`: for element-wise operators, the scalar expression over the inputs and then the float attributes.
    `variants`: for element-wise operators, the dtypes of inputs and output that exist.
    """

    name: str
    summary: str
    inputs: tuple[str, ...]
    shape: ShapeRule
    dtype: DtypeRule
    layout: LayoutRule | Unavailable
    reference: Reference
    gradient: GradientRule | tuple[str, ...] | Unavailable
    cases: Callable[[np.random.Generator], Iterator[Case]]
    tolerance: Tolerance
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    expression: str | None = None
    variants: tuple[tuple[str, ...], ...] = ()

    @property
    def elementwise(self) -> bool:
        return self.expression is not None

    @property
    def optional(self) -> int:
        """How many inputs at the end may be left out."""
        return sum(name.endswith("?") for name in self.inputs)

    @property
    def variadic(self) -> bool:
        return self.inputs[-1].endswith("*")

    @property
    def floats(self) -> tuple[str, ...]:
        """The float attributes that the scalar expression reads, in order."""
        if not self.elementwise:
            return ()
        return tuple(name for name, attribute in self.attributes.items() if attribute.type == "float")


def fill_defaults(operator: Operator, attributes: Mapping[str, Any]) -> Attributes:
    """Attributes with the defaults of those that are missing, as plain Python values.

    Raises `ShapeError` for one that is unknown, missing, of another type, or not among the choices.
    """
    for name in attributes:
        if name not in operator.attributes:
            known = ", ".join(operator.attributes) or "none"
            raise ShapeError(f"{operator.name} has no attribute {name!r}; it has: {known}")
    filled: Attributes = {}
    for name, attribute in operator.attributes.items():
        value = attributes.get(name, attribute.default)
        if value is None:
            raise ShapeError(f"{operator.name} needs the attribute {name!r}")
        checked = _checked(attribute, value)
        if checked is None:
            raise ShapeError(f"{operator.name}: {name} is {str(value)[:80]!r}, wanted {_KINDS[attribute.type]}")
        if attribute.choices and checked not in attribute.choices:
            raise ShapeError(f"{operator.name}: {name} is {checked!r}, not one of {', '.join(attribute.choices)}")
        filled[name] = checked
    return filled


_KINDS = {
    "int": "an integer",
    "ints": "a list of integers",
    "float": "a number",
    "bool": "true or false",
    "string": "a string",
    "dims": "a list of sizes",
}


def _checked(attribute: Attribute, value: Any) -> Any:
    """The value as a plain Python object of the attribute's type; `None` when it is of another type."""
    if attribute.type == "bool":
        return bool(value) if isinstance(value, (bool, np.bool_)) else None
    if attribute.type == "string":
        return value if isinstance(value, str) else None
    if attribute.type == "int":
        return _integer(value)
    if attribute.type == "float":
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        return float(value) if number else None
    if not isinstance(value, (list, tuple, np.ndarray)):
        return None
    sized = attribute.type == "dims"
    items = [item if sized and isinstance(item, Expression) else _integer(item) for item in value]
    return None if any(item is None for item in items) else items


def _integer(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else None
