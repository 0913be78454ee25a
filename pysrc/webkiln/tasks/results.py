"""What the outputs of a model mean, as its `processing` says (docs/format.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.boxes import read_boxes
from webkiln.tasks.keypoints import read_keypoints
from webkiln.tasks.kinds import Result
from webkiln.tasks.labels import read_labels
from webkiln.tasks.masks import read_mask
from webkiln.tasks.places import find_place
from webkiln.tasks.texts import read_text


class Processed(Protocol):
    """A model, or anything else that has its `processing`."""

    @property
    def processing(self) -> dict[str, Any]: ...


def results(model: Processed, outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> dict[str, Result]:
    """What the outputs of a run say, by output name: labels, detections, key points, masks, texts; others as they are.

    `inputs`: what was given to the run; points, boxes and masks are then in pixels of its picture, with its region's position and rotation
    undone. Without, or where an array was given for the input, they are in pixels of the input.
    Raises `InputError` when the outputs are not what model.json says.
    """
    specs = model.processing.get("outputs", {})
    with np.errstate(all="ignore"):  # what a model gives may be infinite or NaN, and so are its results then
        return {name: _named(name, output, specs.get(name, {}), model.processing, outputs, inputs) for name, output in outputs.items()}


def _named(name: str, output: Any, spec: Mapping[str, Any], processing: Mapping[str, Any], outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None) -> Result:
    values = np.asarray(output)
    try:
        return _read(values, spec, processing, outputs, inputs)
    except InputError as error:
        raise InputError(f"the output {name!r}: {error}") from None


def _read(values: np.ndarray, spec: Mapping[str, Any], processing: Mapping[str, Any], outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None) -> Result:
    kind = spec.get("type", "tensor")
    if kind == "tensor":
        return values
    if kind == "labels":
        return read_labels(values, spec)
    if kind == "text":
        return read_text(values, spec)
    if kind not in ("keypoints", "boxes", "mask"):
        raise InputError(f"model.json says that it holds {kind!r}; this version has labels, keypoints, boxes, mask, text, tensor")
    place = find_place(processing, spec, inputs)
    if kind == "keypoints":
        return read_keypoints(values, spec, place)
    if kind == "mask":
        return read_mask(values, spec, place)
    scores = outputs.get(spec.get("scores", ""))
    return read_boxes(values, None if scores is None else np.asarray(scores), spec, place)
