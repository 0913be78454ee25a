"""Results of the JavaScript runtime against those of Python, on outputs of every kind."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from result_cases import ResultCase, result_cases
from result_comparison import check_results
from webkiln.browsers.node import find_node
from webkiln.errors import InputError

PICTURE = {"image": {"type": "picture", "width": 8, "height": 8}}
# Wrong specifications and outputs: both languages refuse them, about the same thing.
WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"type": "labels", "labels": ["a"]}, {"y": np.zeros(2)}, "1 labels"),
    ({"type": "labels", "labels": ["a"], "activation": "tanh"}, {"y": np.zeros(1)}, "tanh"),
    ({"type": "keypoints", "count": 2, "fields": ["x", "y"]}, {"y": np.zeros(3)}, "4 numbers"),
    ({"type": "keypoints", "count": 1, "fields": ["x"], "names": ["a", "b"]}, {"y": np.zeros(1)}, "2 names"),
    ({"type": "keypoints", "count": 1, "fields": ["x"], "input": "sound"}, {"y": np.zeros(1)}, "sound"),
    ({"type": "boxes", "fields": ["width"], "scores": "s"}, {"y": np.zeros(1), "s": np.zeros(1)}, "center_x"),
    ({"type": "boxes", "fields": ["center_x", "center_y", "width", "height"], "scores": "s"}, {"y": np.zeros(4)}, "among the outputs"),
    ({"type": "boxes", "fields": ["center_x", "center_y", "width", "height"], "scores": "s", "anchors": {"strides": [4]}}, {"y": np.zeros(4), "s": np.zeros(1)}, "4 anchors"),
    ({"type": "boxes", "fields": ["center_x", "center_y", "width", "height"], "scores": "s", "anchors": {"strides": [0]}}, {"y": np.zeros(4), "s": np.zeros(1)}, "strides [0]"),
    ({"type": "mask", "channel": 4}, {"y": np.zeros((1, 2, 2, 3))}, "channel 4"),
    ({"type": "text", "characters": ["", "a"]}, {"y": np.zeros((1, 3, 3))}, "[1, steps, 2]"),
    ({"type": "labels"}, {"y": np.zeros(1)}, "nothing of its labels"),
    ({"type": "keypoints", "fields": ["x"], "count": "many"}, {"y": np.zeros(1)}, "nothing of its count"),
    ({"type": "boxes", "fields": ["center_x", "center_y", "width", "height"], "scores": "s", "anchors": {}}, {"y": np.zeros(4), "s": np.zeros(1)}, "0 anchors"),
    ({"type": "poem"}, {"y": np.zeros(1)}, "poem"),
]


def told(case: ResultCase) -> dict[str, Any]:
    def value(x: float) -> Any:
        return x if math.isfinite(x) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN")

    outputs = {name: {"values": [value(x) for x in array.reshape(-1).tolist()], "shape": list(array.shape)} for name, array in case.outputs.items()}
    picture = case.size and {"width": case.size[0], "height": case.size[1]}
    return {"processing": case.processing, "outputs": outputs, "picture": picture, "region": case.region and case.region._asdict()}


def runtime_results(cases: list[ResultCase], folder: Path) -> list[Any]:
    (folder / "cases.json").write_text(json.dumps([told(case) for case in cases]))
    subprocess.run([find_node().path, Path(__file__).with_name("read_results.mjs"), folder], check=True, timeout=120)
    found: list[Any] = json.loads((folder / "results.json").read_text())
    return found


def check_number(received: float, expected: float, about: str) -> None:
    np.testing.assert_allclose(received, expected, rtol=1e-9, atol=1e-9, err_msg=about)  # rounding of float64


def check_array(received: np.ndarray, expected: np.ndarray, about: str) -> None:
    np.testing.assert_allclose(received, expected, rtol=2e-7, atol=1e-12, err_msg=about)  # of float32


def test_the_runtime_gives_the_same(tmp_path: Path) -> None:
    cases = result_cases()
    detections = 0
    for case, received in zip(cases, runtime_results(cases, tmp_path), strict=True):
        expected = webkiln.results(Processing(case), case.outputs, case.inputs)["y"]
        check_results(received["y"], expected, str(case.processing["outputs"]), check_number, check_array)
        detections += len(expected) if case.processing["outputs"]["y"]["type"] == "boxes" else 0
    assert detections > 200


def test_both_refuse_what_is_wrong(tmp_path: Path) -> None:
    cases = [ResultCase({"inputs": PICTURE, "outputs": {"y": spec}}, {name: np.asarray(array, np.float32) for name, array in outputs.items()}, None, None) for spec, outputs, _ in WRONG]
    for case, received, (*_, words) in zip(cases, runtime_results(cases, tmp_path), WRONG, strict=True):
        with pytest.raises(InputError, match=re.escape(words)):
            webkiln.results(Processing(case), case.outputs)
        assert received["name"] == "InputError"
        assert received["error"].startswith('the output "y": ')
        assert words in received["error"]


class Processing:
    """Stands for a model."""

    def __init__(self, case: ResultCase) -> None:
        self.processing = case.processing
