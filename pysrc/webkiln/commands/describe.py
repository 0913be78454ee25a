"""Tables that say what a model is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webkiln.commands.terminal import say, shape_text, size_text, table
from webkiln.model import Model
from webkiln.ops import OPERATORS
from webkiln.ops.backends import runs_on_webgl


def show_model(model: Model) -> None:
    """Print inputs, outputs, symbols and operators."""
    arguments = [("input", one) for one in model.inputs] + [("output", one) for one in model.outputs]
    processing = model.bundle.processing
    table(
        ("", "name", "dtype", "shape", "holds"),
        [
            (kind, one.name, one.dtype, shape_text(one.shape), held_text(processing.get(kind + "s", {}).get(one.name, {})))
            for kind, one in arguments
        ],
        title=model.name,
    )
    for name, rule in model.bundle.symbols.items():
        say(f"symbol {name}: {', '.join(f'{key} {value}' for key, value in rule.items()) or 'any size'}")
    if len(model.bundle.signatures) > 1:
        say("signatures: " + ", ".join(signature.name for signature in model.bundle.signatures))
    if model.graph.state:
        say("state: " + ", ".join(state.input for state in model.graph.state))
    counts = Counter(node.op for graph in model.graph.graphs() for node in graph.nodes)
    say(f"operators ({counts.total()}): " + ", ".join(f"{op} {count}" for op, count in counts.most_common()))


def show_origin(model: Model) -> None:
    """Print licence, attribution and origin, as far as they are known."""
    for key in ("licence", "attribution", "source", "source_format", "source_sha256", "homepage", "description"):
        if value := model.provenance.get(key):
            say(f"{key.replace('_', ' ')}: {value}")
    if not model.provenance.get("licence"):
        say("licence: not recorded")


def show_backends(model: Model, *, is_planned: bool) -> None:
    """Print the backends, and which operators a WebGL plan leaves to WASM for their kinds and dtypes.

    Sizes and small segments decide too, which takes a plan on a device. `is_planned`: one is shown with it.
    """
    left = Counter(
        node.op
        for graph in model.graph.graphs()
        for node in graph.nodes
        if not node.bodies and not runs_on_webgl(OPERATORS[node.op], (graph.values[name].dtype for name in (*node.inputs, *node.outputs) if name))
    )
    note = f" (which leaves to wasm: {', '.join(f'{op} {count}' for op, count in left.most_common())})" if left else ""
    say(f"backends: numpy, wasm, webgl{note}" + ("" if is_planned else "; by operators and dtypes: --backend webgl plans it on a device"))


def folder_size(folder: Path) -> int:
    """Bytes of all files directly in a folder."""
    return sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())


def show_plan(plan: Mapping[str, Any]) -> None:
    """Print what the runtime's planner says of one run: its segments, and the memory that it takes."""
    if segments := plan.get("segments"):
        say("plan: " + ", ".join(f"{segment['backend']} ({segment['operations']} operators in {segment['commands']} calls)" for segment in segments))
    arena, intermediates = plan.get("arenaBytes"), plan.get("intermediateBytes")
    if isinstance(arena, (int, float)) and isinstance(intermediates, (int, float)):
        share = f" ({arena / intermediates:.0%})" if intermediates else ""
        say(f"memory for a run: arena {size_text(int(arena))}, sum of intermediates {size_text(int(intermediates))}{share}")


def held_text(spec: Mapping[str, Any]) -> str:
    """What an argument holds, by its specification, in a few words."""
    kind = spec.get("type", "")
    if kind == "picture":
        return f"picture {spec.get('width')}×{spec.get('height')} {spec.get('color', 'RGB')}, {spec.get('resize', 'stretch')}"
    if kind == "keypoints":
        return f"{spec.get('count')} key points ({', '.join(spec.get('fields', []))}), {spec.get('units', 'pixels')}"
    if kind == "labels":
        count = len(spec.get("labels", []))
        return f"score of {spec['labels'][0]!r}" if count == 1 else f"scores of {count} labels"
    if kind == "audio":
        return f"audio at {spec.get('sample_rate')} Hz, {spec.get('frame_length', 'any number of')} samples"
    if kind == "tokens":
        return f"tokens of {spec.get('tokenizer', 'a tokenizer')}, at most {spec.get('maximum_length', 'any number')}"
    if kind == "boxes":
        return f"boxes ({', '.join(spec.get('labels', []))}), scores in {spec.get('scores')}"
    return str(kind)
