"""Sizes that the source leaves open: kept open, or fixed."""

from __future__ import annotations

from collections.abc import Mapping

from webkiln.errors import InputError
from webkiln.graph.dims import substitute, symbols_of
from webkiln.model import Model

Sizes = dict[str, int]


def open_symbols(model: Model) -> list[str]:
    """The symbols in the shapes of inputs, in the order in which they come."""
    return list(dict.fromkeys(name for one in model.signature.inputs for dim in one.shape for name in sorted(symbols_of(dim))))


def batch_symbols(model: Model) -> list[str]:
    """Those that only count samples: the size of a first axis of an input with others, and of no other axis."""
    inputs = model.signature.inputs
    first = {str(one.shape[0]) for one in inputs if len(one.shape) > 1}
    others = {name for one in inputs for dim in (one.shape[1:] if len(one.shape) > 1 else one.shape) for name in symbols_of(dim)}
    return [name for name in open_symbols(model) if name in first and name not in others]


def likely(model: Model) -> Sizes:
    """A size for each symbol: 1 for samples, 224 for a side of a map, 128 for another length, within what the model allows."""
    sides = {name for one in model.signature.inputs if len(one.shape) == 4 for dim in one.shape[1:] for name in symbols_of(dim)}
    batches = batch_symbols(model)
    made = {}
    for name in open_symbols(model):
        rule = model.bundle.symbols.get(name, {})
        multiple = rule.get("multiple", 1)
        wanted = max(1 if name in batches else 224 if name in sides else 128, rule.get("minimum", 1))
        size = -(-wanted // multiple) * multiple
        most = rule.get("maximum", size)
        made[name] = size if size <= most else most // multiple * multiple
    return made


def fixed_shapes(model: Model, sizes: Mapping[str, int]) -> dict[str, tuple[int | str, ...]]:
    """The shapes of the inputs in which symbols are fixed. `InputError` for a symbol that is not there."""
    known = open_symbols(model)
    if unknown := [name for name in sizes if name not in known]:
        raise InputError(f"there is no open size {unknown[0]!r}; this model has: {', '.join(known) or 'none, all its sizes are fixed'}")
    found: dict[str, tuple[int | str, ...]] = {}
    for one in model.signature.inputs:
        if any(symbols_of(dim) & sizes.keys() for dim in one.shape):
            dims = [substitute(dim, sizes) for dim in one.shape]
            found[one.name] = tuple(dim if isinstance(dim, int) else str(dim) for dim in dims)
    return found


def text(sizes: Mapping[str, int]) -> str:
    """`H=224, W=224`."""
    return ", ".join(f"{name}={size}" for name, size in sizes.items())


def parsed(written: str, names: list[str]) -> Sizes:
    """The sizes of `text`; `InputError` unless there is one, at least 1, for each of the names and nothing else."""
    made: Sizes = {}
    for part in written.replace(";", ",").split(","):
        name, _, size = part.strip().rpartition("=")
        if name.strip() not in names or not (size.strip().isascii() and size.strip().isdecimal()) or int(size) < 1:
            raise InputError(f"{part.strip()!r} is no size; wanted {', '.join(f'{one}=NUMBER' for one in names)}")
        made[name.strip()] = int(size)
    if missing := [name for name in names if name not in made]:
        raise InputError(f"a size for {', '.join(missing)} is missing; wanted {', '.join(f'{one}=NUMBER' for one in names)}")
    return made
