"""Reading the source into a model, and the ways in which it can be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from webkiln import gallery
from webkiln.commands.terminal import Note
from webkiln.model import Model, convert

from converter_wizard.sources import Source

if TYPE_CHECKING:
    from webkiln.importers.tflite.metadata import Described as DescribedTensor

Described = Mapping[str, Mapping[str, "DescribedTensor"]]
"""By the names of arguments, under "inputs" and "outputs"."""


def signatures(source: Source) -> list[str]:
    """The names of a TFLite file's signatures; other sources have one way to be called."""
    if source.format != "tflite":
        return []
    from webkiln.importers.tflite.file import parse

    return [signature.name for signature in parse(source.path.read_bytes()).signatures]


def described(source: Source, signature: str | None) -> Described:
    """What a TFLite file's metadata say of the inputs and outputs of a signature; other files say nothing."""
    if source.format != "tflite":
        return {}
    from webkiln.importers.tflite.read import described

    return described(source.path, signature)


def read(source: Source, note: Note, *, inputs: Mapping[str, Sequence[int | str]] | None = None, signature: str | None = None) -> Model:
    """The model with its weights as the source has them. Raises what `webkiln.convert` raises."""
    note(f"reading {source.stem}")
    if source.recipe is not None:
        return gallery.convert(source.recipe, inputs=inputs or None, signature=signature, note=note)
    return convert(source.path, inputs=inputs or None, signature=signature)
