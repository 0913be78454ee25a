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


# What a specification cannot do without: lists, and numbers.
_REQUIRED: dict[str, tuple[str, ...]] = {"labels": ("labels",), "keypoints": ("fields", "count"), "boxes": ("fields",), "mask": (), "text": ("characters",)}


def results(model: Processed, outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the outputs of a run say, by output name: `list[Label]`, `list[Detection]`, `Keypoints`, `Mask`, `Text` (all of `webkiln.tasks`); others
    as they are.

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
    if kind not in _REQUIRED:
        raise InputError(f"model.json says that it holds {kind!r}; this version has {', '.join(_REQUIRED)}, tensor")
    for key in _REQUIRED[kind]:
        if not isinstance(spec.get(key), int if key == "count" else (list, tuple)):
            raise InputError(f"model.json says nothing of its {key}, or nothing that can be read: {spec.get(key)!r}")
    if kind == "labels":
        return read_labels(values, spec)
    if kind == "text":
        return read_text(values, spec)
    place = find_place(processing, spec, inputs)
    if kind == "keypoints":
        return read_keypoints(values, _other(outputs, spec.get("heatmaps", {}).get("output")), spec, place)
    if kind == "mask":
        return read_mask(values, spec, place)
    return read_boxes(values, _other(outputs, spec.get("scores")), spec, place)


def _other(outputs: Mapping[str, Any], name: str | None) -> np.ndarray | None:
    """The output that goes with another one; None where there is none, or it was not given."""
    found = None if name is None else outputs.get(name)
    return None if found is None else np.asarray(found)
