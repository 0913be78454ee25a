"""Sample inputs: generated ones, of the right kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webkiln import reference
from webkiln.errors import GraphError, InputError
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Graph
from webkiln.graph.signature import Argument, Signature
from webkiln.webformat.golden import generated_inputs, golden_symbols, input_range

_CHANNELS = (1, 3, 4)
_SIDE = 32  # smaller maps are no pictures
_COARSEST = 4  # squares on a side of a generated picture's largest pattern


@dataclass(frozen=True)
class Sample:
    """One run: a signature, and an array of the canonical dtype for each of its inputs, by the value's name in the graph."""

    signature: Signature
    inputs: Mapping[str, np.ndarray]


def generated_samples(bundle: Bundle, count: int = 1, first: int = 0) -> list[Sample]:
    """Inputs in the ranges that the model's processing says: `count` for each signature. Where an input is a picture, or has the shape of
    one, it has patterns of all sizes, the larger ones stronger, as pictures do; else it is noise, as the golden vectors have it.
    `first` is the number of the first one: other numbers, other inputs.

    Raises `InputError` when the model runs with none of the sizes tried.
    """
    samples = []
    for signature in bundle.signatures:
        graph = bundle.part(signature)
        for symbols in golden_symbols(bundle, signature):
            made = []
            for number in range(first, first + count):
                inputs = generated_inputs(bundle, signature, 1 + number * len(signature.inputs), symbols)
                made.append(Sample(signature, {argument.value: _pictured(bundle, argument, inputs[argument.name]) for argument in signature.inputs}))
            try:
                if symbols or graph.elements:
                    for sample in made:
                        reference.run(graph, feeds_of(graph, sample, symbols))
            except (GraphError, InputError):
                continue
            samples += made
            break
    if not samples:
        raise InputError(f"no sample inputs could be made for {bundle.name!r}: give some")
    return samples


def is_picture(bundle: Bundle, argument: Argument, shape: Sequence[int]) -> bool:
    """Whether an input is a picture, by what the model's processing says or, where it says nothing, by its shape and dtype."""
    spec = bundle.processing.get("inputs", {}).get(argument.name, {})
    if len(shape) != 4 or (spec and spec.get("type") != "picture") or not (spec or argument.dtype.startswith("float")):
        return False
    channels, rows, columns = _axes(spec, shape)
    return shape[channels] in _CHANNELS and min(shape[rows], shape[columns]) >= _SIDE


def _axes(spec: Mapping[str, Any], shape: Sequence[int]) -> tuple[int, int, int]:
    """The axes of channels, rows and columns."""
    is_first = spec.get("layout") == "NCHW" or (not spec and shape[1] in _CHANNELS and shape[3] not in _CHANNELS)
    return (1, 2, 3) if is_first else (3, 1, 2)


def _pictured(bundle: Bundle, argument: Argument, noise: np.ndarray) -> np.ndarray:
    """The noise as a picture, if the input is one: patterns of noise, each of half the size of the one before and half as strong."""
    if noise.dtype.kind not in "fiu" or not is_picture(bundle, argument, noise.shape):
        return noise
    _, rows, columns = _axes(bundle.processing.get("inputs", {}).get(argument.name, {}), noise.shape)
    low, high = input_range(bundle, argument)
    total, cells = np.zeros(noise.shape), _COARSEST
    while cells < min(noise.shape[rows], noise.shape[columns]):
        pattern = noise.astype(np.float64) - (low + high) / 2
        for axis in (rows, columns):
            pattern = _stretched(pattern, axis, cells)
        total += pattern / cells
        cells *= 2
    most = np.abs(total).max()
    made = (low + high) / 2 + (total / most if most else total) * (high - low) / 2
    return np.asarray(np.rint(made) if noise.dtype.kind in "iu" else made, noise.dtype)


def _stretched(array: np.ndarray, axis: int, cells: int) -> np.ndarray:
    """The first positions along an axis, stretched over all of it with straight lines between."""
    size = array.shape[axis]
    place = np.arange(size) * (min(cells, size - 1) / size)
    before = np.floor(place).astype(int)
    share = (place - before).reshape([-1 if one == axis else 1 for one in range(array.ndim)])
    return np.asarray(array.take(before, axis) * (1 - share) + array.take(before + 1, axis) * share)


def symbols_of_sample(graph: Graph, sample: Sample) -> dict[str, int]:
    """The symbols that a sample's shapes and elements tell."""
    symbols = reference.bind_elements(graph, sample.inputs)
    for name, array in sample.inputs.items():
        reference.match_shape(graph.values[name].shape, array.shape, symbols)
    return symbols


def feeds_of(graph: Graph, sample: Sample, symbols: Mapping[str, int]) -> dict[str, np.ndarray]:
    """What the graph is run with: the sample, and the initial states."""
    states = {state.input: reference.initial_state(graph, state, symbols) for state in graph.state}
    return {**sample.inputs, **states}
