"""All that is asked of the storage of a model's weights, in one step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from webkiln.graph.bundle import Bundle
from webkiln.precision.bias_correction import MOST_BITS, correction_of
from webkiln.precision.encode import KINDS, check_kind
from webkiln.precision.judge import Judge
from webkiln.precision.pruning import prune_weights
from webkiln.precision.samples import Sample, generated_samples
from webkiln.precision.search import smallest_within
from webkiln.precision.weights import quantize_weights


def stored(
    bundle: Bundle,
    kind: str | None = None,
    *,
    max_error: float | None = None,
    prune: float | None = None,
    samples: Sequence[Sample] | None = None,
    seconds: float = 60.0,
    note: Callable[[str], None] = lambda text: None,
) -> Bundle:
    """The model with its weights pruned, then stored as `kind`; with `max_error`, in the fewest bits, not fewer than those of `kind`, that
    keep the error on the samples (generated ones by default) below it, pruning included.

    Biases of models of pictures are corrected by what generated ones say, whatever the samples (see `bias_correction`), unless weights are not pruned and keep 16 bits.

    Raises `WebkilnError` for what is not known or cannot be kept.
    """
    if kind is not None:
        check_kind(kind)
    made = bundle if prune is None else dataclasses.replace(bundle, graph=prune_weights(bundle.graph, prune))
    if max_error is None and prune is None and (kind is None or KINDS[kind] > MOST_BITS):
        return made if kind is None else dataclasses.replace(made, graph=quantize_weights(made.graph, kind))
    correct = correction_of(bundle).apply
    if max_error is None:
        return dataclasses.replace(made, graph=correct(made.graph if kind is None else quantize_weights(made.graph, kind)))
    given = generated_samples(bundle) if samples is None else samples
    exact = None if prune is None else Judge(bundle, given)
    graph = smallest_within(made, max_error, given, exact=exact, correct=correct, least=kind or "int4", seconds=seconds, note=note)
    return dataclasses.replace(made, graph=correct(graph))
