"""Every pass keeps the result: on the gallery's models and on generated graphs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from comparing import assert_same, make_inputs
from generated_graphs import generate
from hypothesis import given, settings
from hypothesis import strategies as st
from webkiln import gallery, importers, reference
from webkiln.graph.graph import Graph
from webkiln.passes import PASSES, optimize

MODELS = (
    "pose_detection", "pose_landmark_lite", "pose_landmark_full", "face_detection_short_range", "face_landmark", "iris_landmark",
    "palm_detection_lite", "hand_landmark_lite",
)  # fmt: skip

# The operators that are left of each model, and how many transposes: the ones inside depth-to-space.
NODES_LEFT = {
    "pose_detection": (147, 3),
    "pose_landmark_lite": (192, 0),
    "pose_landmark_full": (211, 0),
    "face_detection_short_range": (90, 0),
    "face_landmark": (96, 0),
    "iris_landmark": (169, 0),
    "palm_detection_lite": (119, 0),
    "hand_landmark_lite": (97, 0),
}


@cache
def model_graph(name: str) -> Graph:
    return importers.read(gallery.fetch(name)).graph


@cache
def model_results(name: str) -> dict[str, np.ndarray]:
    graph = model_graph(name)
    return reference.run(graph, make_inputs(graph, {}))


@pytest.mark.parametrize("simplify", [*PASSES, optimize], ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_models_keep_their_results(name: str, simplify: Callable[[Graph], Graph]) -> None:
    before = model_graph(name)
    after = simplify(before)
    after.check()
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)
    if after is before:
        return
    found = reference.run(after, make_inputs(before, {}))
    for output, want in model_results(name).items():
        assert np.abs(found[output] - want).max() <= 1e-5 * np.abs(want).max(), output


@pytest.mark.parametrize("name", MODELS)
def test_models_become_simple_quickly(name: str) -> None:
    path = gallery.fetch(name)
    start = time.perf_counter()
    after = optimize(importers.read(path).graph)
    assert time.perf_counter() - start < 5
    assert (len(after.nodes), sum(node.op == "transpose" for node in after.nodes)) == NODES_LEFT[name]
    assert optimize(after) is after


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_generated_graphs_keep_their_results(seed: int) -> None:
    before = generate(seed)
    for simplify in PASSES:
        assert_same(before, simplify(before), seed=seed % 1000)
    after = optimize(before)
    assert_same(before, after, seed=seed % 1000)
    assert optimize(after) is after
    assert sum(node.op == "transpose" for node in after.nodes) <= sum(node.op == "transpose" for node in before.nodes)
