"""Generated inputs are of the right kind: in range, pictures with structure, the same each time; and which outputs are probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from precision_models import classifier
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.precision.probabilities import probabilities
from webkiln.precision.samples import generated_samples
from webkiln.precision.tradeoff import classified


def identity(dtype: str, source: str, shape: tuple[int, ...], spec: dict | None) -> Bundle:
    b = GraphBuilder()
    b.input("x", dtype, list(shape))
    b.output(b.node("neg", ["x"], output="y"))
    signature = Signature("main", [Argument("x", "x", source, shape)], [Argument("y", "y", source, shape)])
    return Bundle(b.graph, [signature], processing={"inputs": {"x": spec}} if spec else {})


PICTURE = {"type": "picture", "width": 64, "height": 64, "mean": [0], "scale": [1]}


@pytest.mark.parametrize(
    ("bundle", "low", "high", "axes"),
    [
        (identity("f32", "float32", (1, 64, 48, 3), None), -1, 1, (1, 2)),
        (identity("f32", "float32", (2, 3, 64, 48), None), -1, 1, (2, 3)),
        (identity("f32", "float32", (1, 64, 64, 3), {**PICTURE, "scale": [255]}), 0, 1, (1, 2)),
        (identity("f32", "float32", (1, 3, 64, 64), {**PICTURE, "layout": "NCHW"}), 0, 255, (2, 3)),
        (identity("i32", "int32", (1, 64, 64, 3), PICTURE), 0, 255, (1, 2)),
    ],
)
def test_pictures_are_smooth_and_fill_the_range(bundle: Bundle, low: float, high: float, axes: tuple[int, int]) -> None:
    first, second = generated_samples(bundle, 2)
    x = first.inputs["x"].astype(np.float64)
    assert x.min() >= low
    assert x.max() <= high
    assert x.max() - x.min() > 0.6 * (high - low)
    for axis in axes:
        assert np.abs(np.diff(x, axis=axis)).mean() < 0.3 * x.std()
    np.testing.assert_array_equal(x, generated_samples(bundle, 2)[0].inputs["x"])
    assert np.any(x != second.inputs["x"])


@pytest.mark.parametrize("shape", [(1, 64, 64, 16), (1, 8, 8, 3), (4, 64)])
def test_what_is_no_picture_is_noise(shape: tuple[int, ...]) -> None:
    (sample,) = generated_samples(identity("f32", "float32", shape, None))
    x = sample.inputs["x"]
    assert np.abs(np.diff(x, axis=-1)).mean() > 0.4 * x.std()


def test_probabilities_are_followed_through_what_moves_them() -> None:
    b = GraphBuilder()
    b.input("x", "f32", [1, 4, 6])
    p = b.node("sigmoid", ["x"])
    boxes = b.node("slice", ["x"], {"start": [0, 0, 0], "size": [1, 4, 2], "step": [1, 1, 1]})
    joined = b.node("concat", [boxes, p], {"axis": 2})
    turned = b.node("reshape", [b.node("transpose", [joined], {"permutation": [0, 2, 1]})], {"shape": [8, 4]}, output="y")
    b.output(turned)
    marks = probabilities(b.graph, "y", (8, 4), {})
    assert marks.shape == (8, 4)
    assert not marks[:2].any()
    assert marks[2:].all()
    assert not probabilities(b.graph, boxes, (1, 4, 2), {}).any()


def test_classifiers_are_found() -> None:
    model = classifier()
    assert classified(model.bundle) == {"scores"}
    assert probabilities(model.graph, "scores", (2, 10), {"N": 2}).all()
    assert not probabilities(model.graph, "logits", (2, 10), {"N": 2}).any()
    model.bundle.processing = {"outputs": {"logits": {"type": "labels", "labels": ["a"] * 10}}}
    assert classified(model.bundle) == {"logits"}
