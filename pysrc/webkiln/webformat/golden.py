"""Golden vectors: what the reference gave for generated inputs, kept small enough to travel with the model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from webkiln import generator, reference, rounding
from webkiln.errors import GraphError, InputError
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import evaluate, symbols_of
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.signature import Argument, Signature

WHOLE_BYTES = 16 * 1024
SAMPLES = 4096
TOLERANCE = rounding.LEAST
FEWEST_ROWS = 64
_HEADER_BYTES = 192  # at most what a tensor takes in the header, its name aside
_BATCH = 2  # more samples would only take longer
_SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 128, 224, 256)


def golden_vectors(bundle: Bundle, budget: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The `golden` entry of model.json and the tensors of its shard, which takes at most `budget` bytes.

    One case for each signature. A model whose symbols fit none of the sizes tried gets no case, nor one with so many outputs that
    a number of each does not fit.
    """
    cases: list[dict[str, Any]] = []
    tensors: dict[str, np.ndarray] = {}
    names = [argument.name for signature in bundle.signatures for argument in signature.outputs]
    header = 16 + sum(len(json.dumps(name)) + _HEADER_BYTES for name in names)
    limit = min(SAMPLES, (budget - header) // (4 * max(1, len(names))))
    if limit < 1:
        return {"generator": generator.NAME, "tolerance": TOLERANCE, "cases": []}, {}
    for signature in bundle.signatures:
        made = _case(bundle, signature)
        if made is not None:
            specification, held, outputs, allowed = made
            for name, array in held.items():
                tensor = f"{len(cases)}/in/{name}"
                tensors[tensor], specification["inputs"][name] = array, {"tensor": tensor}
            specification["outputs"] = {
                name: _store(array, f"{len(cases)}/{name}", channels_of(bundle, name, array.shape), limit, tensors)
                for name, array in outputs.items()
            }
            for name, tolerance in allowed.items():
                if tolerance > TOLERANCE:
                    specification["outputs"][name]["tolerance"] = tolerance
            cases.append(specification)
    return {"generator": generator.NAME, "tolerance": TOLERANCE, "cases": cases}, tensors


def generated_inputs(bundle: Bundle, signature: Signature, seed: int, symbols: dict[str, int]) -> dict[str, np.ndarray]:
    """Inputs for a signature by argument name, canonical dtypes."""
    made = {}
    for number, argument in enumerate(signature.inputs):
        low, high = input_range(bundle, argument)
        shape = [evaluate(dim, symbols) for dim in argument.shape]
        dtype = CANONICAL[bundle.graph.values[argument.value].dtype]
        names = bundle.graph.elements.get(argument.value)
        if names is not None:
            made[argument.name] = np.array([symbols[name] for name in names], dtype).reshape(shape)
        else:
            made[argument.name] = generator.generate(seed + number, shape, dtype, low, high)
    return made


def input_range(bundle: Bundle, argument: Argument) -> tuple[float, float]:
    """The range that an input's values normally have, from the recorded pre-processing where there is any."""
    spec = bundle.processing.get("inputs", {}).get(argument.name, {})
    if spec.get("type") == "picture":
        means, scales = spec.get("mean", [0.0]), spec.get("scale", [1.0])
        count = max(len(means), len(scales))  # one entry stands for all channels
        pairs = zip((means * count)[:count], (scales * count)[:count], strict=True)
        ends = [(value - m) / s for m, s in pairs for value in (0.0, 255.0)]
        return min(ends), max(ends)
    if bundle.graph.values[argument.value].dtype in ("i32", "u8", "i8"):
        return 0.0, 2.0
    return -1.0, 1.0


def golden_symbols(bundle: Bundle, signature: Signature) -> list[dict[str, int]]:
    """Values of the symbols to try, the likeliest first."""
    names = sorted({name for argument in signature.inputs for dim in argument.shape for name in symbols_of(dim)})
    elements = [name for argument in signature.inputs for name in bundle.graph.elements.get(argument.value, ())]
    if not names and not elements:
        return [{}]
    batches = _batches(signature)
    tries = []
    for size in _SIZES if names else _SIZES[:1]:
        one = {}
        for name in names:
            rule = bundle.symbols.get(name, {})
            multiple = rule.get("multiple", 1)
            wanted = min(size, _BATCH) if name in batches else size
            value = -(-max(wanted, rule.get("minimum", 1)) // multiple) * multiple
            one[name] = min(value, rule.get("maximum", value))
        if one not in tries:
            tries.append(one)
    tries.sort(key=lambda one: sum(abs(value - 4) for value in one.values()))
    return [{**one, **held} for one in tries for held in _held(bundle, elements)]


def _batches(signature: Signature) -> set[str]:
    """Symbols that only count the samples of a batch: sizes of first axes, and of no other."""
    first = {argument.shape[0] for argument in signature.inputs if len(argument.shape) > 1}
    others = {name for argument in signature.inputs for dim in argument.shape[1:] for name in symbols_of(dim)}
    return {dim for dim in map(str, first) if dim not in others}


def _held(bundle: Bundle, names: Sequence[str]) -> list[dict[str, int]]:
    """Values for the symbols that stand for elements of inputs: ones, zeros, 0, 1, 2 …, twos, and those nearest to the least allowed."""
    if not names:
        return [{}]
    rules = [bundle.symbols.get(name, {}) for name in names]
    low, high = ([rule.get(end, 2**31 - 1) for rule in rules] for end in ("minimum", "maximum"))
    patterns: list[list[int]] = [[1] * len(names), [0] * len(names), list(range(len(names))), [2] * len(names), [-8] * len(names)]
    return [
        {name: min(max(number, least), most) for name, number, least, most in zip(names, pattern, low, high, strict=True)}
        for pattern in patterns
    ]


def _case(
    bundle: Bundle, signature: Signature
) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray], dict[str, float]] | None:
    """The case without its outputs' entries, the inputs that are stored whole, the outputs, and their tolerances."""
    graph = bundle.part(signature)
    for symbols in golden_symbols(bundle, signature):
        inputs = generated_inputs(bundle, signature, 1, symbols)
        feeds = {argument.value: inputs[argument.name] for argument in signature.inputs}
        for state in graph.state:
            feeds[state.input] = reference.initial_state(graph, state, symbols)
        try:
            values = reference.run(graph, feeds)
        except (GraphError, InputError):
            if symbols or graph.elements:  # the sizes tried, or those that the model computes from generated numbers, do not fit
                continue
            raise
        specification: dict[str, Any] = {"signature": signature.name}
        if symbols:
            specification["symbols"] = symbols
        specification["inputs"] = {}
        for number, argument in enumerate(signature.inputs):
            low, high = input_range(bundle, argument)
            specification["inputs"][argument.name] = {"seed": 1 + number, "low": low, "high": high}
        held = {argument.name: inputs[argument.name] for argument in signature.inputs if argument.value in graph.elements}
        outputs = {argument.name: values[argument.value] for argument in signature.outputs}
        channels = {a.value: channels_of(bundle, a.name, outputs[a.name].shape) for a in signature.outputs}
        allowed = rounding.tolerances(graph, feeds, channels)
        return specification, held, outputs, {a.name: allowed[a.value] for a in signature.outputs}
    return None


def channels_of(bundle: Bundle, name: str, shape: Sequence[int]) -> int:
    """How many quantities an output mixes, flat element i being of quantity i mod this; 0 when it is one quantity.

    The fields of key points; else the last axis, when there are enough values of each for a largest magnitude to mean something. The
    last axis of a picture from ONNX is its width.
    """
    spec = bundle.processing.get("outputs", {}).get(name, {})
    if "fields" in spec and math.prod(shape) % len(spec["fields"]) == 0:
        return len(spec["fields"])
    if len(shape) == 4 and bundle.provenance.get("source_format") == "onnx":
        return 0
    if len(shape) > 1 and shape[-1] > 1 and math.prod(shape[:-1]) >= FEWEST_ROWS:
        return shape[-1]
    return 0


def _store(
    array: np.ndarray, name: str, channels: int, limit: int, tensors: dict[str, np.ndarray]
) -> dict[str, Any]:
    entry: dict[str, Any] = {"shape": list(array.shape), "tensor": name}
    if channels:
        entry["channels"] = channels
    flat = array.reshape(-1)
    if array.nbytes <= WHOLE_BYTES and flat.size <= limit:
        tensors[name] = np.array(array, order="C")
        return entry
    tensors[name] = np.ascontiguousarray(flat[sample_indices(flat.size, limit)])
    entry["samples"] = limit
    finite = flat[np.isfinite(flat)].astype(np.float64)
    entry["minimum"] = float(finite.min()) if finite.size else 0.0
    entry["maximum"] = float(finite.max()) if finite.size else 0.0
    entry["l2"] = math.sqrt(float(np.square(finite).sum()))
    return entry


def sample_indices(size: int, samples: int) -> np.ndarray:
    """`floor(k · size / samples)` for each k."""
    return np.arange(samples, dtype=np.int64) * size // samples
