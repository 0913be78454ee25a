"""What each precision costs and gives: the rows of a table, one after the other as they are measured."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from webkiln.graph.bundle import Bundle
from webkiln.precision.bias_correction import MOST_BITS, BiasCorrection, correction_of
from webkiln.precision.encode import KINDS
from webkiln.precision.judge import Judge
from webkiln.precision.probabilities import is_softmax
from webkiln.precision.samples import Sample
from webkiln.precision.weights import quantize_weights
from webkiln.webformat.write import files

GZIP_LEVEL = 6  # what servers use


@dataclass(frozen=True)
class Row:
    """One precision. `bytes` is what a page fetches: model.json and weights; `gzip_bytes`, the same from a server that compresses.

    `error` is the largest over all outputs, against float32 (see `Judge.errors`), and `output` is where. `top1` is the share of classifications
    with the same best class, or None when the model is no classifier; `milliseconds` is what `time` gave, or None.
    """

    precision: str
    bytes: int
    gzip_bytes: int
    error: float
    output: str
    top1: float | None
    milliseconds: float | None


def trade_off(
    bundle: Bundle,
    samples: Sequence[Sample],
    *,
    kinds: Sequence[str] = tuple(KINDS),
    time: Callable[[Bundle], float] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Row]:
    """A row for each kind. `time` runs the model and gives milliseconds; `note` is told what is being done."""
    whole = dataclasses.replace(bundle, graph=quantize_weights(bundle.graph, "f32"))
    judge = Judge(whole, samples)
    classes = classified(bundle)
    correction: BiasCorrection | None = None
    for kind in kinds:
        note(f"{kind}: storing")
        stored = whole if kind == "f32" else dataclasses.replace(bundle, graph=quantize_weights(bundle.graph, kind))
        if KINDS[kind] <= MOST_BITS:
            correction = correction or correction_of(bundle)
            stored = dataclasses.replace(stored, graph=correction.apply(stored.graph))
        written = files(stored, golden=False).values()
        note(f"{kind}: running {len(samples)} sample{'s' * (len(samples) > 1)}")
        outputs = judge.exact if stored is whole else Judge(stored, samples).exact
        errors = judge.errors(outputs)
        worst = max(errors, key=lambda name: errors[name], default="")
        note(f"{kind}: timing")
        yield Row(
            kind,
            sum(map(len, written)),
            sum(len(gzip.compress(data, GZIP_LEVEL)) for data in written),
            errors.get(worst, 0.0),
            worst,
            _agreement(judge.exact, outputs, classes) if classes else None,
            time(stored) if time else None,
        )


def classified(bundle: Bundle) -> set[str]:
    """The outputs that hold a score for each class: those with labels, or else those that a softmax over the last axis makes."""
    specs = bundle.processing.get("outputs", {})
    several = [one for signature in bundle.signatures for one in signature.outputs if len(one.shape) > 1 and one.shape[-1] != 1]
    labelled = {one.name for one in several if specs.get(one.name, {}).get("type") == "labels"}
    if labelled:
        return labelled
    producers = bundle.graph.producers()
    found = set()
    for argument in several:
        node = producers.get(argument.value)
        while node is not None and node.op in ("reshape", "transpose"):
            node = producers.get(node.inputs[0])
        if node is not None and is_softmax(node, producers) and len(argument.shape) == 2 and argument.name not in specs:
            found.add(argument.name)
    return found


def _agreement(exact: Sequence[dict[str, np.ndarray]], received: Sequence[dict[str, np.ndarray]], names: set[str]) -> float:
    """The share of rows with the same largest element."""
    same: list[np.ndarray] = []
    for wanted, got in zip(exact, received, strict=True):
        same += [(wanted[name].argmax(axis=-1) == got[name].argmax(axis=-1)).reshape(-1) for name in names if name in wanted and wanted[name].size]
    return float(np.mean(np.concatenate(same))) if same else 1.0
