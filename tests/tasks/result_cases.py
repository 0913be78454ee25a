"""Outputs of every kind, with specifications, pictures and regions of every kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from webkiln.tasks import Region

SIZES = [(32, 24), (48, 48), (17, 40)]  # width, height of the input


@dataclass(frozen=True)
class ResultCase:
    processing: dict[str, Any]
    outputs: dict[str, np.ndarray]
    size: tuple[int, int] | None  # width, height of the picture, when one is given
    region: Region | None

    @property
    def inputs(self) -> dict[str, Any] | None:
        if self.size is None:
            return None
        picture = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        return {"image": {"picture": picture, "region": self.region}}


def result_cases(count: int = 250, seed: int = 7) -> list[ResultCase]:
    rng = np.random.default_rng(seed)
    return [_case(rng, number) for number in range(count)]


def _choose(rng: np.random.Generator, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def _case(rng: np.random.Generator, number: int) -> ResultCase:
    width, height = _choose(rng, *SIZES)
    size = _choose(rng, None, (100, 60), (33, 150), (640, 480))
    region = None
    if size is not None and rng.integers(2):
        region = Region(*rng.uniform(0, 1, 2) * size, *rng.uniform(0.2, 2, 2) * size, rng.uniform(-math.pi, math.pi), bool(rng.integers(3) == 0))
    picture = {"type": "picture", "width": width, "height": height, "resize": _choose(rng, "stretch", "crop", "letterbox")}
    kind = (_labels, _keypoints, _boxes, _mask, _text)[number % 5]
    spec, outputs = kind(rng, width, height)
    return ResultCase({"inputs": {"image": picture}, "outputs": {"y": spec}}, {name: np.asarray(array, np.float32) for name, array in outputs.items()}, size, region)


def _labels(rng: np.random.Generator, width: int, height: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    count = int(rng.integers(1, 30))
    values = _choose(rng, rng.normal(size=(1, count)) * 20, rng.integers(0, 4, (count,)), np.full(count, np.nan))
    spec = {"type": "labels", "labels": [f"label {k}" for k in range(count)], "activation": _choose(rng, "none", "softmax", "sigmoid")}
    return {**spec, **_choose(rng, {}, {"top": int(rng.integers(1, 40))})}, {"y": values}


def _keypoints(rng: np.random.Generator, width: int, height: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    fields = _choose(rng, ["x", "y"], ["y", "x", "score"], ["x", "y", "z", "visibility", "presence"], ["score"])
    count = int(rng.integers(1, 12))
    spec: dict[str, Any] = {"type": "keypoints", "count": count, "fields": fields, "units": _choose(rng, "pixels", "normalized", "metres")}
    if rng.integers(2):
        spec |= {"names": [f"point_{k}" for k in range(count)], "skeleton": [[0, count - 1]]}
    if rng.integers(2):
        spec["activations"] = {fields[-1]: "sigmoid"}
    return spec, {"y": rng.normal(size=(1, 1, count, len(fields))) * _choose(rng, 1, 50)}


def _boxes(rng: np.random.Generator, width: int, height: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    labels = _choose(rng, ["it"], ["a", "b", "c"])
    fields = _choose(rng, ["center_x", "center_y", "width", "height"], ["nose_x", "nose_y", "height", "width", "center_y", "center_x", "ear_x", "ear_y"], ["center_x", "center_y", "width", "height", "objectness"])
    spec: dict[str, Any] = {
        "type": "boxes", "fields": fields, "scores": "s", "labels": labels, "score_activation": _choose(rng, "none", "sigmoid"),
        "score_threshold": _choose(rng, 0.5, 0.8), "iou_threshold": _choose(rng, 0.1, 0.3, 0.6), "non_maximum_suppression": _choose(rng, "weighted", "hard"),
    }  # fmt: skip
    count = 40
    if rng.integers(2):
        strides, scales = _choose(rng, [8], [8, 16, 16], [16, 8, 16]), int(rng.integers(1, 3))
        spec["anchors"] = {"strides": strides, "aspect_ratios": [1.0], "scales_per_layer": scales, "offset": _choose(rng, 0.5, 0.0), "fixed_size": True}
        if rng.integers(2):
            sizes = rng.uniform(0.5, 2, (len(strides) * scales, 2)).tolist()
            spec["anchors"] |= {"fixed_size": False, "sizes": sizes, "size_encoding": _choose(rng, "linear", "exponential")}
        count = sum(math.ceil(width / stride) * math.ceil(height / stride) for stride in strides) * scales
    elif rng.integers(2):
        spec["units"] = "normalized"
    values = rng.normal(size=(count, len(fields))) * 3
    for k, field in enumerate(fields):
        if field in ("width", "height"):
            values[:, k] = rng.uniform(*((0.5, 2.5) if spec.get("anchors", {}).get("size_encoding") == "exponential" else (2, 16)), count)
        elif field.startswith("center") and "anchors" not in spec:
            values[:, k] = rng.uniform(0, height, count)
    if spec.get("units") == "normalized":
        values /= height
    scores = rng.normal(size=(1, count, len(labels)))
    if rng.integers(3) == 0:
        del spec["scores"]
        return spec, {"y": np.concatenate([values[None], scores], axis=2)}
    return spec, {"y": values[None], "s": scores}


def _mask(rng: np.random.Generator, width: int, height: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    channels = int(rng.integers(1, 4))
    spec = {"type": "mask", "activation": _choose(rng, "none", "sigmoid", "softmax"), "channel": int(rng.integers(channels))}
    rows, columns = _choose(rng, (height, width), (5, 7))
    values = rng.normal(size=(1, rows, columns, channels)) * 4
    if rng.integers(2):
        return {**spec, "layout": "NCHW"}, {"y": values.transpose(0, 3, 1, 2)}
    return spec, {"y": values if channels > 1 else _choose(rng, values, values[0], values[0, ..., 0])}


def _text(rng: np.random.Generator, width: int, height: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    characters = list("_abcdé疗 ")[: int(rng.integers(2, 9))]
    steps, few = int(rng.integers(0, 40)), _choose(rng, 1, 3)  # with few levels, there are runs and ties
    values = np.round(rng.normal(size=(1, steps, len(characters))) * few)
    return {"type": "text", "characters": characters, "activation": _choose(rng, "none", "softmax"), "blank": _choose(rng, 0, 1)}, {"y": _choose(rng, values, values[0])}
