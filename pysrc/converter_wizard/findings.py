"""What was found in a source, shown before anything is asked."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from webkiln.commands.terminal import say, shape_text, size_text, table
from webkiln.model import Model
from webkiln.ops import OPERATORS
from webkiln.ops.backends import runs_on_webgl

from converter_wizard.kinds import Guess, title
from converter_wizard.labels import class_output
from converter_wizard.operations import likely_symbols, operations
from converter_wizard.reading import Described
from converter_wizard.sources import Source

_FORMATS = {"tflite": "TFLite", "onnx": "ONNX", "tfjs": "TensorFlow.js graph model"}
_UNITS = ("", " thousand", " million", " billion", " trillion")


def show(source: Source, model: Model, signatures: Sequence[str], guesses: Mapping[str, Guess], described: Described) -> None:
    """Print what there is; problems first."""
    for problem in problems(model):
        say(f"Note: {problem}")
    origin = [_FORMATS.get(source.format, source.format)]
    if producer := model.provenance.get("source_producer"):
        origin.append(f"made by {producer}")
    if licence := model.provenance.get("licence"):
        origin.append(f"licence {licence}")
    say(f"{model.name}: {', '.join(origin)}")
    if len(signatures) > 1:
        say(f"signatures: {', '.join(signatures)}")
    recorded = model.processing
    told = {name: f"{title(guess.best)} ({guess.why})" for name, guess in guesses.items()}
    rows = [("input", one.name, one.dtype, shape_text(one.shape), _meaning(recorded, described, "inputs", one.name, told)) for one in model.inputs]
    told = {} if (scores := class_output(model)) is None else {scores.name: f"scores of {scores.shape[-1]} classes (a softmax makes them)"}
    rows += [("output", one.name, one.dtype, shape_text(one.shape), _meaning(recorded, described, "outputs", one.name, told)) for one in model.outputs]
    table(("", "name", "dtype", "shape", "looks like"), rows)
    if model.graph.state:
        say(f"state, kept from run to run: {', '.join(state.input for state in model.graph.state)}")
    say(f"size: {size_text(source.bytes)}, {model.bundle.parameters:,} parameters; {_operations(model)} a run")
    say(_operators(model))


def problems(model: Model) -> list[str]:
    """What a user should know before choosing."""
    found = []
    if left := _left_of_webgl(model):
        count = sum(left.values())
        found.append(f"{count} operator{'s' * (count > 1)} of {_count(model)} have no WebGL kernel and run in WASM within the same plan: {_listed(left)}")
    if not model.provenance.get("licence"):
        found.append("the file records no licence; know what you may do with the model before you publish it")
    return found


def amount(number: float) -> str:
    """`about 230 million`."""
    for unit in _UNITS:
        if number < 1000 or unit == _UNITS[-1]:
            break
        number /= 1000
    return f"{number:.3g}{unit}"


def _operations(model: Model) -> str:
    symbols = likely_symbols(model)
    where = f" (with {', '.join(f'{name}={size}' for name, size in symbols.items())})" if symbols else ""
    return f"about {amount(operations(model, symbols))} operations{where}"


def _operators(model: Model) -> str:
    counts = Counter(node.op for graph in model.graph.graphs() for node in graph.nodes)
    left = _left_of_webgl(model)
    on_webgl = counts.total() - sum(left.values())
    return f"operators: {counts.total()}, all of them in NumPy and WASM, {on_webgl} in WebGL: {_listed(counts)}"


def _left_of_webgl(model: Model) -> Counter[str]:
    """The operators that WebGL has no kernel for, by kinds and dtypes."""
    return Counter(
        node.op
        for graph in model.graph.graphs()
        for node in graph.nodes
        if not node.bodies and not runs_on_webgl(OPERATORS[node.op], (graph.values[name].dtype for name in (*node.inputs, *node.outputs) if name))
    )


def _count(model: Model) -> int:
    return sum(len(graph.nodes) for graph in model.graph.graphs())


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{op} {count}" for op, count in itertools.islice(counts.most_common(), 8))
    return shown + (f" and {len(counts) - 8} more kinds" if len(counts) > 8 else "")


def _meaning(recorded: Mapping[str, Mapping[str, Mapping[str, object]]], described: Described, side: str, name: str, guessed: Mapping[str, str]) -> str:
    parts = []
    spec = recorded.get(side, {}).get(name)
    if spec is not None:
        parts.append(f"{spec['type']}, as recorded")
    elif name in guessed:
        parts.append(guessed[name])
    if (one := described.get(side, {}).get(name)) and one.title:
        parts.append(f"the file says: {one.title}")
    return "; ".join(parts)
