"""Inputs to measure precision on: the user's files, the gallery's sample, or else generated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webkiln.commands.inputs import read_inputs
from webkiln.errors import WebkilnError
from webkiln.gallery import fetch_sample
from webkiln.model import Model

from converter_wizard.sources import Source

Inputs = Mapping[str, Any]


def samples(source: Source, model: Model, given: Sequence[Path]) -> tuple[list[Inputs] | None, str]:
    """What a model is run with, None for generated inputs, and words for it. Raises `FormatError` and `InputError` for what the user gave."""
    if given:
        made: list[Inputs] = [read_inputs(model, path, "--samples") for path in given]
        for inputs in made:
            model.check_inputs(inputs)
        return made, ", ".join(path.name for path in given)
    if source.recipe is not None and (found := _of_gallery(source, model)) is not None:
        return [found], "the gallery's sample"
    return None, "generated inputs (--samples FILE takes yours)"


def _of_gallery(source: Source, model: Model) -> Inputs | None:
    """The sample, where it is a picture and can be read here."""
    assert source.recipe is not None
    try:
        path = fetch_sample(source.recipe)
        inputs = None if path is None else read_inputs(model, path, "--samples")
        if inputs is not None:
            model.check_inputs(inputs)
        return inputs
    except (WebkilnError, ImportError):
        return None
