"""Converting gallery models, with what their recipes know put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from webkiln.gallery.fetch import fetch
from webkiln.gallery.recipes import Recipe, find

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
    made = models.convert(path, quantize=quantize, inputs=inputs, signature=signature)
    made.bundle.name = recipe.name
    made.bundle.processing = recipe.processing
    made.bundle.provenance = {**made.bundle.provenance, **recipe.provenance}
    return made
