"""Sample inputs, and how far the outputs for them are from those of the model in float32."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from webkiln import reference
from webkiln.errors import GraphError, InputError
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant, Graph
from webkiln.graph.signature import Signature
from webkiln.parity.compare import compare
from webkiln.precision.weights import replaced
from webkiln.webformat.golden import channels_of, generated_inputs, golden_symbols


@dataclass(frozen=True)
class Sample:
    """One run: a signature, and an array of the canonical dtype for each of its inputs, by the value's name in the graph."""

    signature: Signature
    inputs: Mapping[str, np.ndarray]


def generated_samples(bundle: Bundle, count: int = 1) -> list[Sample]:
    """Inputs in the ranges that the model's processing says, as the golden vectors have them: `count` for each signature.

    Raises `InputError` when the model runs with none of the sizes tried.
    """
    samples = []
    for signature in bundle.signatures:
        graph = bundle.part(signature)
        for symbols in golden_symbols(bundle, signature):
            made = []
            for number in range(count):
                inputs = generated_inputs(bundle, signature, 1 + number * len(signature.inputs), symbols)
                made.append(Sample(signature, {argument.value: inputs[argument.name] for argument in signature.inputs}))
            try:
                if symbols or graph.elements:
                    for sample in made:
                        reference.run(graph, _feeds(graph, sample, symbols))
            except (GraphError, InputError):
                continue
            samples += made
            break
    if not samples:
        raise InputError(f"no sample inputs could be made for {bundle.name!r}: give some")
    return samples


class Judge:
    """The outputs of a model in float32 for some samples, and how far other weights move them."""

    def __init__(self, bundle: Bundle, samples: Sequence[Sample]) -> None:
        self._bundle = bundle
        self._samples = list(samples)
        self._graphs = {id(sample.signature): bundle.part(sample.signature) for sample in samples}

    @cached_property
    def exact(self) -> list[dict[str, np.ndarray]]:
        """The float32 outputs of each sample, by name."""
        return list(self.outputs({}))

    def outputs(self, constants: Mapping[int, Constant]) -> Iterator[dict[str, np.ndarray]]:
        """The outputs of each sample with some constants replaced, by the `id`s of their stored tensors."""
        for sample in self._samples:
            graph = self._graphs[id(sample.signature)]
            values = reference.run(replaced(graph, constants), _feeds(graph, sample, _symbols(graph, sample)))
            yield {argument.name: values[argument.value] for argument in sample.signature.outputs}

    def errors(self, received: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
        """The largest error of each output over all samples.

        Of floats relative to the output's largest magnitude (of each of its quantities, where it mixes several), as `webkiln verify` has it.
        Of integers and booleans the share that differs. Infinite where NaN, infinities or shapes differ.
        """
        found: dict[str, float] = {}
        for wanted, got in zip(self.exact, received, strict=True):
            for name, array in wanted.items():
                found[name] = max(found.get(name, 0.0), self._error(name, array, got[name]))
        return found

    def error(self, constants: Mapping[int, Constant]) -> float:
        """The largest error of all outputs."""
        return max(self.errors(list(self.outputs(constants))).values(), default=0.0)

    def _error(self, name: str, wanted: np.ndarray, got: np.ndarray) -> float:
        if wanted.shape != got.shape:
            return math.inf
        if wanted.dtype.kind != "f":
            return float(np.mean(wanted != got)) if wanted.size else 0.0
        return compare(wanted, got, channels=channels_of(self._bundle, name, wanted.shape)).error


def errors_against(exact: Bundle, other: Bundle, samples: Sequence[Sample]) -> dict[str, float]:
    """How far the outputs of a model are from those of another that differs in the storage of its constants (see `Judge.errors`)."""
    names = {sample.signature.name for sample in samples}
    signatures = {signature.name: signature for signature in other.signatures if signature.name in names}
    moved = [Sample(signatures[sample.signature.name], sample.inputs) for sample in samples]
    return Judge(exact, samples).errors(Judge(other, moved).exact)


def _symbols(graph: Graph, sample: Sample) -> dict[str, int]:
    symbols = reference.bind_elements(graph, sample.inputs)
    for name, array in sample.inputs.items():
        reference.match_shape(graph.values[name].shape, array.shape, symbols)
    return symbols


def _feeds(graph: Graph, sample: Sample, symbols: Mapping[str, int]) -> dict[str, np.ndarray]:
    states = {state.input: reference.initial_state(graph, state, symbols) for state in graph.state}
    return {**sample.inputs, **states}
