"""Shapes of a model's inputs: symbols for the sizes that a source leaves open, and shapes that the user gives instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from numbers import Integral  # which NumPy's integers are too

from webkiln.errors import InputError
from webkiln.graph.dims import Dim, Shape, parse_dim, symbol, symbols_of


def open_sizes(declared: Sequence[tuple[str, Sequence[int]]]) -> list[Shape]:
    """The shapes of inputs, given by name, with a symbol for each −1: `N` for all first axes when every input has one there, else the name and axis."""
    one_batch = all(tuple(sizes[:1]) == (-1,) for _, sizes in declared)
    taken: set[str] = set()
    shapes: list[Shape] = []
    for name, sizes in declared:
        dims: list[Dim] = []
        for axis, size in enumerate(sizes):
            if size != -1:
                dims.append(size)
            else:
                dims.append(symbol("N") if axis == 0 and one_batch else symbol(_symbol_name(name, axis, taken)))
        shapes.append(tuple(dims))
    return shapes


def given_shape(name: str, declared: Sequence[Dim] | None, given: Sequence[int | str]) -> Shape:
    """The shape that a user gives for an input; `InputError` when it does not fit the rank that is declared (`None` fits all)."""
    shape = tuple(parse_dim(int(size) if isinstance(size, Integral) else size) for size in given)
    if declared is not None and len(shape) != len(declared):
        raise InputError(f"the input {name!r} has rank {len(declared)} ({[str(dim) for dim in declared]}), not {len(shape)}")
    for size in shape:
        if size < 0:
            raise InputError(f"the size {size} given for the input {name!r} is negative")
    return shape


def symbols_in(shapes: Iterable[Shape]) -> list[str]:
    """The names of the symbols, in the order in which they come."""
    return list(dict.fromkeys(name for shape in shapes for dim in shape for name in sorted(symbols_of(dim))))


def _symbol_name(argument: str, axis: int, taken: set[str]) -> str:
    clean = re.sub(r"\W", "_", argument, flags=re.ASCII)
    base = name = f"{clean if not clean[:1].isdigit() else '_' + clean}_d{axis}"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name
