"""The ends of models that detect objects, against what they mean: one conversion, any boxes, in NumPy and in JavaScript alike."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from best_boxes import kept
from flatbuffers import flexbuffers
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError
from webkiln.importers.tflite.flexbuffer import read_map

Array = Any
RNG = np.random.default_rng(8)
COUNT, CLASSES = 14, 3
ANCHORS = np.concatenate([RNG.uniform(0, 1, (COUNT, 2)), RNG.uniform(0.2, 0.6, (COUNT, 2))], 1).astype(np.float32)
OPTIONS: dict[str, Any] = {
    "max_detections": 5,
    "max_classes_per_detection": 1,
    "num_classes": CLASSES,
    "nms_score_threshold": 0.25,
    "nms_iou_threshold": 0.45,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def decoded(offsets: Array) -> Array:
    centre = offsets[:, :2] / 10 * ANCHORS[:, 2:] + ANCHORS[:, :2]
    half = np.exp(offsets[:, 2:] / 5) * ANCHORS[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], 1)


def detected(offsets: Array, scores: Array, options: dict[str, Any]) -> list[Array]:
    """Boxes, classes and scores of the detections, with zeros behind them, and how many there are."""
    boxes, scores, each = decoded(offsets), scores[:, -CLASSES:], options["max_classes_per_detection"]
    limits = options["nms_iou_threshold"], options["nms_score_threshold"]
    rows: list[tuple[int, int]] = []
    if options.get("use_regular_nms"):
        for kind in range(CLASSES):
            rows += [(i, kind) for i in kept(boxes, scores[:, kind], options.get("detections_per_class", 100), *limits, is_above=operator.ge)]
        rows = sorted(rows, key=lambda row: -scores[row])[: options["max_detections"]]
        number = len(rows)
    else:
        best = kept(boxes, scores.max(1), options["max_detections"], *limits, is_above=operator.ge)
        rows = [(i, kind) for i in best for kind in np.argsort(-scores[i])[:each]]
        number = len(best)
    total = options["max_detections"] * each
    columns = [[boxes[i] for i, _ in rows], [kind for _, kind in rows], [scores[row] for row in rows]]
    found = [np.zeros((total, 4), np.float32), np.zeros(total, np.float32), np.zeros(total, np.float32)]
    for whole, column in zip(found, columns, strict=True):
        whole[: len(rows)] = np.reshape(column, (-1, *whole.shape[1:]))
    return [*(one[None] for one in found), np.array([number], np.float32)]


def detector(options: dict[str, Any], total: int, quantization: dict[str, Any] | None = None) -> Model:
    dtype = "uint8" if quantization else "float32"
    rows = options["max_detections"] * options["max_classes_per_detection"]
    tensors = [
        Tensor("offsets", (1, COUNT, 4)),
        Tensor("scores", (1, COUNT, total), dtype, quantization=quantization),
        Tensor("anchors", ANCHORS.shape, data=ANCHORS),
        *(Tensor(f"y{i}", shape) for i, shape in enumerate(((1, rows, 4), (1, rows), (1, rows), (1,)))),
    ]
    operators = [Operator("CUSTOM:TFLite_Detection_PostProcess", [0, 1, 2], [3, 4, 5, 6], custom_options=bytes(flexbuffers.Dumps(options)))]
    return Model(tensors, operators, [0, 1], [3, 4, 5, 6])


def converted(model: Model, folder: Path) -> webkiln.Model:
    path = folder / "model.tflite"
    path.write_bytes(model.encode())
    return webkiln.convert(path)


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({}, CLASSES + 1),
        ({"max_detections": 40}, CLASSES),
        ({"max_classes_per_detection": 2, "_note": "text"}, CLASSES),
        ({"use_regular_nms": True}, CLASSES + 1),
        ({"use_regular_nms": True, "detections_per_class": 2, "max_detections": 40}, CLASSES),
    ],
)
def test_detections(options: dict[str, Any], total: int, tmp_path: Path, node_session: webkiln.Session) -> None:
    options = OPTIONS | options
    model = converted(detector(options, total), tmp_path)
    numbers = set()
    for low in (0.0, 0.0, -1.0, -1e9):
        offsets = RNG.normal(0, 2, (1, COUNT, 4)).astype(np.float32)
        scores = (RNG.permutation(np.linspace(low, 1, COUNT * total)) if low > -9 else np.zeros(COUNT * total)).reshape(1, COUNT, total).astype(np.float32)
        expected = detected(offsets[0], scores[0], options)
        numbers.add(int(expected[-1][0]))
        feeds = {"offsets": offsets, "scores": scores}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            for i, wanted in enumerate(expected):
                np.testing.assert_allclose(found[f"y{i}"], wanted, rtol=1e-5, atol=1e-5)
    assert 0 in numbers
    assert len(numbers) > 1


def test_detections_of_quantized_scores(tmp_path: Path) -> None:
    model = converted(detector(OPTIONS, CLASSES, {"scale": np.float32([1 / 256]), "zero_point": np.array([0])}), tmp_path)
    offsets = RNG.normal(0, 2, (1, COUNT, 4)).astype(np.float32)
    scores = RNG.permutation(256)[: COUNT * CLASSES].reshape(1, COUNT, CLASSES).astype(np.uint8)
    found = model.run({"offsets": offsets, "scores": scores})
    for i, wanted in enumerate(detected(offsets[0], scores[0] / np.float32(256), OPTIONS)):
        np.testing.assert_allclose(found[f"y{i}"], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("change", [{"num_classes": 9}, {"y_scale": 0.0}, {"max_classes_per_detection": 4}])
def test_options_that_do_not_fit(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"classes|scale"):
        converted(detector(OPTIONS | change, CLASSES), tmp_path)


def test_options_are_read_and_nothing_around_them() -> None:
    options = OPTIONS | {"text": "no number", "many": 2**40, "few": -3, "yes": True, "precise": 0.1, "flag": False}
    data = bytes(flexbuffers.Dumps(options))
    assert read_map(data) == {name: value if isinstance(value, int) else pytest.approx(value) for name, value in options.items() if name != "text"}
    for length in range(len(data)):
        for start in (0, len(data) - length):
            try:
                read_map(data[start : start + length])
            except FormatError:
                continue
    for place in range(len(data)):
        for flip in (0xFF, 0x80, 1):
            try:
                read_map(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
            except FormatError:
                continue


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("most", [3, 30])
def test_non_max_suppression(version: int, most: int, tmp_path: Path, node_session: webkiln.Session) -> None:
    outputs = [Tensor("indices", (most,), "int32"), *([Tensor("best", (most,))] if version == 5 else []), Tensor("count", (), "int32")]
    numbers = [np.float32(0.4), np.float32(0.3), *([np.float32(0)] if version == 5 else [])]
    tensors = [Tensor("boxes", (COUNT, 4)), Tensor("scores", (COUNT,)), Tensor("most", (), "int32", data=np.array(most, np.int32))]
    tensors += [Tensor(f"p{i}", (), data=number) for i, number in enumerate(numbers)]
    places = list(range(len(tensors)))
    made = list(range(len(tensors), len(tensors) + len(outputs)))
    model = converted(Model(tensors + outputs, [Operator(f"NON_MAX_SUPPRESSION_V{version}", places, made)], [0, 1], made), tmp_path)
    for scale in (1.0, 0.2):
        boxes = decoded(RNG.normal(0, 2, (COUNT, 4)).astype(np.float32))
        scores = (RNG.permutation(np.linspace(0, 1, COUNT)) * scale).astype(np.float32)
        best = kept(boxes, scores, most, 0.4, 0.3)
        rest = (0, most - len(best))
        feeds = {"boxes": boxes, "scores": scores}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            np.testing.assert_array_equal(found["indices"], np.pad(best, rest))
            assert found["count"] == len(best)
            if version == 5:
                np.testing.assert_array_equal(found["best"], np.pad(scores[best], rest))


def test_scores_that_are_lowered_are_refused(tmp_path: Path) -> None:
    tensors = [Tensor("boxes", (COUNT, 4)), Tensor("scores", (COUNT,)), Tensor("most", (), "int32", data=np.array(3, np.int32))]
    tensors += [Tensor(f"p{i}", (), data=np.float32(0.5)) for i in range(3)]
    tensors += [Tensor("indices", (3,), "int32"), Tensor("best", (3,)), Tensor("count", (), "int32")]
    with pytest.raises(UnsupportedOperatorError, match="soft_nms_sigma"):
        converted(Model(tensors, [Operator("NON_MAX_SUPPRESSION_V5", range(6), [6, 7, 8])], [0, 1], [6, 7, 8]), tmp_path)
