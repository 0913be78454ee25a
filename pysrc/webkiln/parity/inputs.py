"""Fresh inputs for a model, reproducible from a seed."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from webkiln.errors import GraphError, InputError
from webkiln.model import Model
from webkiln.webformat.golden import generated_inputs, golden_symbols


def fresh_inputs(model: Model, seed: int) -> dict[str, NDArray[Any]]:
    """Inputs by name in the ranges that the model's processing says, made from `seed` by the format's own generator.

    Symbolic dimensions get the first sizes with which the model runs. Raises `InputError` when none of those tried fit.
    """
    candidates = golden_symbols(model.bundle, model.signature)
    for symbols in candidates:
        inputs = generated_inputs(model.bundle, model.signature, seed, symbols)
        if not symbols:
            return inputs
        try:
            model.check_inputs(inputs)
            model.trace(inputs)
        except (InputError, GraphError, ValueError):
            continue
        return inputs
    raise InputError(f"no inputs could be made for {model.name!r}: of the sizes tried for {', '.join(candidates[0])} none fits")
