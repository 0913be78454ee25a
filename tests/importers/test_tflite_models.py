"""The gallery's models: read, and compared with what another runtime gave."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from imported_models import reference_tensors, run
from webkiln import importers

# One output is the mask of a person: sums of many products near a steep edge, where the other runtime's float16 rounding shows.
TOLERANCE = 1e-3


def test_model_reads_quickly_and_keeps_float16(gallery_model: tuple[str, Path]) -> None:
    name, path = gallery_model
    start = time.perf_counter()
    model = importers.read(path)
    assert time.perf_counter() - start < 5
    model.graph.check()
    assert model.name
    assert model.format == "tflite"
    assert sum(model.operators.values()) > len(model.signatures[0].outputs)
    if model.operators["DEQUANTIZE"]:
        halves = sum(1 for constant in model.graph.constants.values() if constant.stored.dtype == np.float16)
        assert halves > 0.9 * len([one for one in model.graph.constants.values() if one.dtype == "f32"]), name


def test_reference_agrees_with_stored_tensors(gallery_model: tuple[str, Path]) -> None:
    name, path = gallery_model
    stored = reference_tensors(name)
    model = importers.read(path)
    inputs = {argument.name: stored[f"in:{argument.name}"] for argument in model.signatures[0].inputs}
    for argument, found in run(model, inputs).items():
        expected = stored[f"out:{argument}"]
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max(), argument
