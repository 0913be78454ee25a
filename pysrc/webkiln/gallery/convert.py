"""Converting gallery models, with what their recipes know put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webkiln.gallery.connections import with_connections
from webkiln.gallery.fetch import fetch
from webkiln.gallery.processing import Spec
from webkiln.gallery.recipe import Recipe
from webkiln.gallery.recipes import find
from webkiln.graph.graph import Graph, State
from webkiln.graph.signature import Argument, Signature
from webkiln.passes.dead_code import remove_dead_code

if TYPE_CHECKING:
    from webkiln.graph.bundle import Bundle
    from webkiln.model import Model


def convert(
    model: str | Recipe,
    *,
    quantize: str | None = None,
    max_error: float | None = None,
    prune: float | None = None,
    samples: Sequence[Mapping[str, Any]] | None = None,
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
    made = models.convert(path, inputs=shapes or None, signature=signature)
    bundle = made.bundle
    bundle.name = recipe.name
    bundle.processing = _processing(recipe, path)
    bundle.provenance = {**bundle.provenance, **recipe.provenance}
    for name, rule in recipe.symbols.items():
        if name in bundle.symbols:
            bundle.symbols[name] = {**bundle.symbols[name], **rule}
    bundle.signatures = [_with_state(bundle.graph, one, recipe.state) for one in bundle.signatures]
    if recipe.inner:
        _cut(bundle, recipe.inner)
    made = models.Model(bundle, signature)
    if quantize is None and max_error is None and prune is None:
        return made
    return made.quantized(quantize, max_error=max_error, prune=prune, samples=samples, note=note)


def _cut(bundle: Bundle, inner: Mapping[str, str]) -> None:
    """Let the model end at values inside its graph: outputs of these names, at the values whose names end so."""
    graph = bundle.graph
    outputs = []
    for name, end in inner.items():
        (value,) = (value for node in graph.nodes for value in node.outputs if value.endswith(end))
        outputs.append(Argument(name, value, "float32", graph.values[value].shape))
    graph.outputs = [argument.value for argument in outputs]
    bundle.graph = remove_dead_code(graph)
    bundle.signatures = [Signature(one.name, one.inputs, outputs) for one in bundle.signatures]


def _with_state(graph: Graph, signature: Signature, kept: Mapping[str, str]) -> Signature:
    """The signature without inputs that are outputs of the run before: the graph keeps them as state, which begins as zeros."""
    outputs = {argument.name: argument.value for argument in signature.outputs}
    for argument in signature.inputs:
        if argument.name in kept:
            graph.state.append(State(argument.value, outputs[kept[argument.name]]))
    inputs = [argument for argument in signature.inputs if argument.name not in kept]
    return Signature(signature.name, inputs, [argument for argument in signature.outputs if argument.name not in kept.values()])


def _processing(recipe: Recipe, path: Path) -> dict[str, dict[str, Spec]]:
    """The recipe's, with the characters that the file itself lists, and the lines that a file beside it does."""
    processing = recipe.processing
    for name, spec in processing["outputs"].items():
        if spec["type"] == "text":
            from webkiln.importers.onnx.file import read_metadata

            listed = read_metadata(path)[spec["characters"]].splitlines()
            processing["outputs"][name] = {**spec, "characters": ["", *listed, " "]}
        if "lines" in spec:
            processing["outputs"][name] = with_connections(spec, path.parent / recipe.beside[0].file)
    return processing
