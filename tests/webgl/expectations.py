"""Models with inputs and what the reference gives for them, made once for all drivers and R."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from random_graphs import RandomGraph
from webkiln import Model, gallery
from webkiln.generator import generate
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare
from webkiln.webformat.golden import channels_of, generated_inputs


@dataclass(frozen=True)
class Expectation:
    """`outputs` are the reference's for `inputs`; `tolerances` are those of WebGL for each, measured."""

    model: Model
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    tolerances: dict[str, float]

    @staticmethod
    def of(model: Model, inputs: dict[str, np.ndarray]) -> Expectation:
        measured = model.tolerances(inputs)
        tolerances = {name: max(LEAST_TOLERANCES["webgl"], tolerance) for name, tolerance in measured.items()}
        outputs = model.run(inputs)
        model.reset()
        return Expectation(model, inputs, outputs, tolerances)

    def check(self, received: Mapping[str, np.ndarray]) -> None:
        for name, expected in self.outputs.items():
            got = received[name].astype(expected.dtype)
            channels = channels_of(self.model.bundle, name, expected.shape)
            result = compare(expected, got, tolerance=self.tolerances[name], channels=channels)
            assert result.passed or _tiny(expected, got), f"{self.model.name}, {name} {list(expected.shape)}: {result.reason}"


def _tiny(expected: np.ndarray, received: np.ndarray) -> bool:
    """Whether what should be zero everywhere is zero but for rounding (there is no magnitude to be relative to)."""
    return bool(
        expected.size and expected.dtype.kind == "f" and np.abs(expected).max() < 1e-6 and np.abs(received).max() < 1e-5
    )


@cache
def gallery_expectation(name: str) -> Expectation:
    model = gallery.convert(name)
    return Expectation.of(model, generated_inputs(model.bundle, model.signature, 7, {}))


@cache
def graph_expectation(seed: int) -> Expectation:
    model = RandomGraph(seed).model(steps=6 + seed % 30)
    inputs = {argument.name: generate(seed, argument.shape, np.dtype(np.float32), -2.0, 2.0) for argument in model.inputs}
    return Expectation.of(model, inputs)
