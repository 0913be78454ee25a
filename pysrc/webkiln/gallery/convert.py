"""Converting gallery models, with what their recipes know put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from webkiln.gallery.fetch import fetch
from webkiln.gallery.processing import Spec
from webkiln.gallery.recipe import Recipe
from webkiln.gallery.recipes import find

if TYPE_CHECKING:
    from webkiln.model import Model


def convert(
    model: str | Recipe,
    *,
    quantize: str | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    signature: str | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Model:
    """Fetch a gallery model and convert it, with its processing, origin and licence; the arguments are those of `webkiln.convert`."""
    from webkiln import model as models

    recipe = find(model) if isinstance(model, str) else model
    path = fetch(recipe, note=note)
    note(f"converting {recipe.file}")
    shapes = {**recipe.shapes, **(inputs or {})}
    made = models.convert(path, quantize=quantize, inputs=shapes or None, signature=signature)
    made.bundle.name = recipe.name
    made.bundle.processing = _processing(recipe, path)
    for name, rule in recipe.symbols.items():
        if name in made.bundle.symbols:
            made.bundle.symbols[name] = {**made.bundle.symbols[name], **rule}
    made.bundle.provenance = {**made.bundle.provenance, **recipe.provenance}
    return made


def _processing(recipe: Recipe, path: Path) -> dict[str, dict[str, Spec]]:
    """The recipe's, with the characters that the file itself lists."""
    processing = recipe.processing
    for name, spec in processing["outputs"].items():
        if spec["type"] == "text":
            from webkiln.importers.onnx.read import read_metadata

            listed = read_metadata(path)[spec["characters"]].splitlines()
            processing["outputs"][name] = {**spec, "characters": ["", *listed, " "]}
    return processing
