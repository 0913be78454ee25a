"""Elements and boxes that are chosen by their values, against ONNX's own evaluator: one conversion, any number of them, none included."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import webkiln
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx_model import model_of, written

RNG = np.random.default_rng(11)
TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL, "int32": TensorProto.INT32}


def case(op: str, shapes: list[tuple[str, list[Any]]], runs: list[list[np.ndarray]], outputs: int = 1, after: list[Any] | None = None, **attributes: Any):
    """A model of one operator of inputs of these types and shapes (some symbolic), and what to run it on."""
    names = [f"i{i}" for i in range(len(shapes))]
    inputs = [helper.make_tensor_value_info(name, TYPES[dtype], shape) for name, (dtype, shape) in zip(names, shapes, strict=True)]
    results = [f"o{i}" for i in range(outputs)]
    model = model_of([helper.make_node(op, names, results, **attributes), *(after or [])], inputs, results)
    return model, [dict(zip(names, arrays, strict=True)) for arrays in runs]


def normal(*shape: int) -> np.ndarray:
    return np.maximum(RNG.normal(size=shape), 0).astype(np.float32)


def few(*shape: int) -> np.ndarray:
    x = RNG.integers(0, 3, shape).astype(np.float32)
    x.reshape(-1)[::5] = np.nan
    return x


def boxes(batch: int, count: int) -> np.ndarray:
    at = RNG.uniform(0, 3, (batch, count, 2))
    return np.concatenate([at, at + RNG.uniform(0.5, 2, at.shape)], axis=2).astype(np.float32)


def scores(batch: int, classes: int, count: int) -> np.ndarray:
    return RNG.uniform(size=(batch, classes, count)).astype(np.float32)


def options(most: int, overlap: float, least: float) -> list[np.ndarray]:
    return [np.array([most]), np.float32([overlap]), np.float32([least])]


NMS = [("float32", [2, "n", 4]), ("float32", [2, "c", "n"]), ("int64", [1]), ("float32", [1]), ("float32", [1])]
CASES: dict[str, tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]] = {
    "positions": case("NonZero", [("float32", ["a", 3, "b"])], [[normal(2, 3, 4)], [np.zeros((1, 3, 2), np.float32)], [np.ones((1, 3, 1), np.float32)]]),
    "positions in a list": case("NonZero", [("bool", ["n"])], [[np.array([True, False, True])], [np.array([False])]]),
    "slices that are kept": case("Compress", [("float32", [2, "n"]), ("bool", ["n"])], [[normal(2, n), RNG.uniform(size=n) < 0.5] for n in (1, 6, 9)], axis=-1),
    "flags that are fewer": case("Compress", [("float32", [3, 4]), ("bool", [5])], [[normal(3, 4), np.array([True, False, True, False, True])]]),
    "different numbers": case("Unique", [("float32", ["a", "b"])], [[few(2, 3)], [few(4, 5)], [np.ones((1, 1), np.float32)]], 4),
    "different numbers as they come": case("Unique", [("int32", ["n"])], [[np.int32([5, 1, 5, 2, 1])], [np.int32([3])]], 4, sorted=0),
    "different rows": case("Unique", [("float32", ["n", 3])], [[RNG.integers(0, 2, (n, 3)).astype(np.float32)] for n in (1, 5, 12)], 4, axis=0),
    "different columns": case("Unique", [("int32", [2, "n"])], [[RNG.integers(0, 2, (2, n)).astype(np.int32)] for n in (3, 7)], 4, axis=1),
    "boxes": case("NonMaxSuppression", NMS, [[boxes(2, n), scores(2, c, n), *options(*chosen)] for n, c in ((5, 1), (30, 3)) for chosen in ((3, 0.5, 0.2), (100, 0.1, 0.9), (0, 0.5, 0.0), (7, 0.0, 2.0))]),
    "boxes by their centres": case("NonMaxSuppression", NMS, [[boxes(2, 20), scores(2, 2, 20), *options(9, 0.4, 0.1)]], center_point_box=1),
}


@pytest.mark.parametrize("name", CASES)
def test_as_many_as_there_are(name: str, tmp_path, node_session: webkiln.Session) -> None:
    source, runs = CASES[name]
    model = webkiln.convert(written(source, tmp_path))
    evaluator = ReferenceEvaluator(source)
    for inputs in runs:
        expected = dict(zip([one.name for one in source.graph.output], evaluator.run(None, inputs), strict=True))
        for received in (model.run(inputs), node_session.run(model, inputs)):
            for output, wanted in expected.items():
                assert received[output].shape == wanted.shape, (output, inputs)
                np.testing.assert_array_equal(received[output], wanted)


def test_what_follows_has_as_many(tmp_path, node_session: webkiln.Session) -> None:
    """The usual end of a detector: rows of the boxes that are left, of which the best ones are taken."""
    nodes = [
        helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["found"]),
        helper.make_node("Gather", ["found", "two"], ["at"], axis=1),
        helper.make_node("Squeeze", ["boxes", "zero"], ["list"]),
        helper.make_node("Gather", ["list", "at"], ["rows"], axis=0),
        helper.make_node("Shape", ["rows"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["count"]),
        helper.make_node("Min", ["count", "two_wanted"], ["k"]),
        helper.make_node("ReduceMax", ["rows", "one"], ["size"], keepdims=0),
        helper.make_node("TopK", ["size", "k"], ["values", "indices"]),
        helper.make_node("Gather", ["rows", "indices"], ["best"], axis=0),
    ]
    constants = {"most": np.array([50]), "overlap": np.float32([0.3]), "least": np.float32([0.5]), "two": np.array(2), "zero": np.array([0]), "one": np.array([1]), "two_wanted": np.array([2])}
    inputs = [helper.make_tensor_value_info("boxes", TYPES["float32"], [1, "n", 4]), helper.make_tensor_value_info("scores", TYPES["float32"], [1, 1, "n"])]
    source = model_of(nodes, inputs, ["best", "rows"], constants)
    model = webkiln.convert(written(source, tmp_path))
    for n, high in ((40, 1.0), (3, 1.0), (5, 0.4)):
        feeds = {"boxes": boxes(1, n), "scores": scores(1, 1, n) * np.float32(high)}
        best, rows = ReferenceEvaluator(source).run(None, feeds)
        for received in (model.run(feeds), node_session.run(model, feeds)):
            np.testing.assert_array_equal(received["rows"], rows)
            np.testing.assert_array_equal(received["best"], best)
