"""How far the outputs of a model are from those of the same model in float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from webkiln import reference
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant, Graph
from webkiln.parity.compare import compare
from webkiln.precision.probabilities import probabilities
from webkiln.precision.samples import Sample, feeds_of, symbols_of_sample
from webkiln.precision.weights import replaced
from webkiln.webformat.golden import channels_of


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

    def outputs(self, constants: Mapping[int, Constant], correct: Callable[[Graph], Graph] = lambda graph: graph) -> Iterator[dict[str, np.ndarray]]:
        """The outputs of each sample with some constants replaced, by the `id`s of their stored tensors, and then the graph corrected."""
        for sample in self._samples:
            graph = self._graphs[id(sample.signature)]
            values = reference.run(correct(replaced(graph, constants)), feeds_of(graph, sample, symbols_of_sample(graph, sample)))
            yield {argument.name: values[argument.value] for argument in sample.signature.outputs}

    def errors(self, received: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
        """The largest error of each output over all samples.

        Of floats relative to the output's largest magnitude (of each of its quantities, where it mixes several), as `webkiln verify` has it; of
        probabilities, which a sigmoid or softmax makes, as such: how small one is on a sample says nothing of what it could be.
        Of integers and booleans the share that differs. Infinite where NaN, infinities or shapes differ.
        """
        found: dict[str, float] = {}
        for sample, wanted, got in zip(self._samples, self.exact, received, strict=True):
            graph = self._graphs[id(sample.signature)]
            symbols = symbols_of_sample(graph, sample)
            for argument in sample.signature.outputs:
                name, exact = argument.name, wanted[argument.name]
                channels = channels_of(self._bundle, name, exact.shape)
                error = _error(exact, got[name], channels, probabilities(graph, argument.value, exact.shape, symbols))
                found[name] = max(found.get(name, 0.0), error)
        return found

    def error(self, constants: Mapping[int, Constant]) -> float:
        """The largest error of all outputs."""
        return max(self.errors(list(self.outputs(constants))).values(), default=0.0)

def errors_against(exact: Bundle, other: Bundle, samples: Sequence[Sample]) -> dict[str, float]:
    """How far the outputs of a model are from those of another that differs in the storage of its constants (see `Judge.errors`)."""
    names = {sample.signature.name for sample in samples}
    signatures = {signature.name: signature for signature in other.signatures if signature.name in names}
    moved = [Sample(signatures[sample.signature.name], sample.inputs) for sample in samples]
    return Judge(exact, samples).errors(Judge(other, moved).exact)


def _error(wanted: np.ndarray, got: np.ndarray, channels: int, is_probability: np.ndarray) -> float:
    if wanted.shape != got.shape:
        return math.inf
    if wanted.dtype.kind != "f":
        return float(np.mean(wanted != got)) if wanted.size else 0.0
    if not np.any(is_probability):
        return compare(wanted, got, channels=channels).error
    apart = np.array(is_probability)
    others = compare(np.where(apart, np.float32(0), wanted), np.where(apart, np.float32(0), got), channels=channels).error
    return max(others, compare(wanted[apart], got[apart], magnitude=1.0).error)
