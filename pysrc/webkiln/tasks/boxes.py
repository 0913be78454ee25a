"""What a detector found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import activate
from webkiln.tasks.kinds import Detection
from webkiln.tasks.places import Place
from webkiln.tasks.suppression import suppress

Floats = NDArray[np.float64]

_CENTRE = ("center_x", "center_y", "width", "height")


def anchor_centres(anchors: Mapping[str, Any], width: int, height: int, count: int) -> Floats:
    """Centres [count, 2] of the anchors of an input, in its pixels, row by row, all of a cell together.

    Layers of the same stride that follow each other share their cells. Each layer gives a cell `aspect_ratios × scales_per_layer` anchors.
    Raises `InputError` when they are not as many as the boxes.
    """
    strides, offset = anchors.get("strides", []), anchors.get("offset", 0.5)
    each = len(anchors.get("aspect_ratios", [1.0])) * anchors.get("scales_per_layer", 1)
    if not all(isinstance(stride, int) and stride > 0 for stride in strides):
        raise InputError(f"the anchors have the strides {list(anchors['strides'])}; whole numbers of pixels are wanted")
    layers = [(math.ceil(width / stride), math.ceil(height / stride), each * len(list(group))) for stride, group in groupby(strides)]
    made = sum(columns * rows * repeated for columns, rows, repeated in layers)
    if made != count:
        raise InputError(f"model.json has {made} anchors for {count} boxes")
    centres = [np.zeros((0, 2))]
    for columns, rows, repeated in layers:
        y, x = np.mgrid[:rows, :columns]
        cells = np.stack([(x + offset) * width / columns, (y + offset) * height / rows], axis=-1).reshape(-1, 2)
        centres.append(np.repeat(cells, repeated, axis=0))
    return np.concatenate(centres)


def anchor_sizes(anchors: Mapping[str, Any], width: int, height: int) -> Floats | None:
    """Widths and heights [count, 2] of the same anchors, in pixels of the input; None where they have no sizes of their own.

    Raises `InputError` when there are not as many sizes as a cell has anchors, or one is not above 0.
    """
    if anchors.get("fixed_size", True):
        return None
    strides, sizes = anchors.get("strides", []), anchors.get("sizes", [])
    each = len(anchors.get("aspect_ratios", [1.0])) * anchors.get("scales_per_layer", 1)
    if len(sizes) != each * len(strides) or not all(len(size) == 2 and min(size) > 0 for size in sizes):
        raise InputError(f"anchors with sizes of their own (fixed_size false) want {each * len(strides)} sizes [width, height] above 0, {each} for each stride; model.json has {sizes}")
    numbers = iter(sizes)
    parts = [np.zeros((0, 2))]
    for stride, group in groupby(strides):
        cell = [next(numbers) for _ in group for _ in range(each)]
        parts.append(np.tile(np.array(cell, np.float64).reshape(-1, 2), (math.ceil(width / stride) * math.ceil(height / stride), 1)))
    return np.concatenate(parts)


def read_boxes(values: NDArray[Any], scores: NDArray[Any] | None, spec: Mapping[str, Any], place: Place | None) -> list[Detection]:
    """The detections of an output of `boxes × fields` numbers, the best first, in pixels of the picture.

    `scores`: an output with a number for each box and label; where the specification names none, they follow the fields in each row.
    """
    if place is None:
        raise InputError("boxes are about a picture, and model.json describes no input as one (processing.inputs)")
    fields, labels, activation = spec["fields"], spec.get("labels") or [""], spec.get("score_activation", "none")
    if spec.get("scores") is None:
        given = _as_rows(values, len(fields) + len(labels), f"{len(fields)} fields and {len(labels)} scores")
        given, scores = given[:, : len(fields)], given[:, len(fields) :]
    else:
        given = _as_rows(values, len(fields), f"{len(fields)} fields")
    if scores is None:
        raise InputError(f"the scores of the boxes are the output {spec.get('scores')!r}, which is not among the outputs given")
    rows = _rows(given, fields, place, spec)
    if scores.size != len(rows) * len(labels):
        raise InputError(f"{len(rows)} boxes of {len(labels)} labels want as many scores, and {spec['scores']!r} is {list(scores.shape)}")
    each = activate(scores.reshape(len(rows), len(labels)), activation)
    if "objectness" in fields:
        each = each * activate(given[:, fields.index("objectness"), None], "none" if activation == "none" else "sigmoid")
    index, score = each.argmax(axis=1), each.max(axis=1)
    found = np.flatnonzero(score >= spec.get("score_threshold", 0.5))
    rows, index, score = rows[found], index[found], score[found]

    weighted = spec.get("non_maximum_suppression", "hard") == "weighted"
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
    kept = suppress(corners, score, index, spec.get("iou_threshold", 0.5), weighted=weighted)
    names = _point_names(spec["fields"])
    return [
        _detection(_average(rows, score, best, members), labels[index[best]], int(index[best]), float(score[best]), names, place)
        for best, members in kept
    ]


def _average(rows: Floats, scores: Floats, best: int, members: NDArray[np.int64]) -> Floats:
    """The rows of the members weighted by their scores; the best one alone where there are no weights."""
    total = scores[members].sum()
    return np.asarray(rows[best] if members.size == 1 or not total > 0 else scores[members] @ rows[members] / total)


def _as_rows(values: NDArray[Any], count: int, about: str) -> Floats:
    if values.size % count:
        raise InputError(f"boxes of {about} do not fit in an output {list(values.shape)}")
    return np.asarray(values, np.float64).reshape(-1, count)


def _rows(given: Floats, fields: Sequence[str], place: Place, spec: Mapping[str, Any]) -> Floats:
    """Centre, size and points [n, 4 + 2k] of all boxes, in pixels of the input."""
    missing = [field for field in _CENTRE if field not in fields]
    if missing:
        raise InputError(f"the fields of boxes want {', '.join(_CENTRE)}; {', '.join(missing)} is missing")
    wanted = [*_CENTRE, *(f"{name}_{axis}" for name in _point_names(fields) for axis in "xy")]
    rows = given[:, [fields.index(field) for field in wanted]]
    size = np.tile([place.width, place.height], rows.shape[1] // 2)
    rows = rows * size if spec.get("units", "pixels") == "normalized" else rows
    if "anchors" in spec:
        centres = anchor_centres(spec["anchors"], place.width, place.height, len(rows))
        sizes = anchor_sizes(spec["anchors"], place.width, place.height)
        if sizes is not None:
            rows = given[:, [fields.index(field) for field in wanted]]  # relative to the anchor
            if spec["anchors"].get("size_encoding", "linear") == "exponential":
                rows[:, 2:4] = np.exp(rows[:, 2:4])
            rows = rows * np.tile(sizes, rows.shape[1] // 2)
        rows = rows + np.concatenate([centres, np.zeros_like(centres), np.tile(centres, (rows.shape[1] - 4) // 2)], axis=1)
    return rows


def _point_names(fields: Sequence[str]) -> list[str]:
    return [field[:-2] for field in fields if field.endswith("_x") and field != "center_x" and f"{field[:-2]}_y" in fields]


def _detection(row: Floats, label: str, index: int, score: float, names: Sequence[str], place: Place) -> Detection:
    (x, y), *points = place.points(np.concatenate([row[:2], row[4:]]).reshape(-1, 2)).tolist()
    width, height = float(row[2]) * place.by_x, float(row[3]) * place.by_y
    return {
        "label": label,
        "index": index,
        "score": score,
        "box": {"x": x, "y": y, "width": width, "height": height, "rotation": place.rotation},
        "points": [{"name": name, "x": at[0], "y": at[1]} for name, at in zip(names, points, strict=True)],
    }
