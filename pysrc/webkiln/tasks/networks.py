"""The models of a task, and their outputs by what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.pictures import Region
from webkiln.tasks.results import results

Spec = Mapping[str, Any]


class Runnable(Protocol):
    """What a task needs of a model: `webkiln.Model` has it."""

    @property
    def processing(self) -> dict[str, Any]: ...
    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]: ...


class Network:
    """A model that looks at pictures. `meanings`: for each result, which output's specification it is."""

    def __init__(self, model: Runnable, about: str, meanings: Mapping[str, Callable[[Spec], bool]]) -> None:
        self._model = model
        pictures = [name for name, spec in model.processing.get("inputs", {}).items() if spec.get("type") == "picture"]
        outputs = model.processing.get("outputs", {})
        found = {meaning: next((name for name, spec in outputs.items() if fits(spec)), None) for meaning, fits in meanings.items()}
        missing = [meaning for meaning, name in found.items() if name is None] + ([] if pictures else ["picture"])
        if missing:
            raise InputError(
                f"the model given for {about} does not say what is its {', '.join(missing)} (its processing in model.json); "
                "convert the gallery's model by its name, or describe yours as docs/format.md says"
            )
        self._input = pictures[0]
        self._specs = outputs
        self._names = {meaning: str(name) for meaning, name in found.items()}

    def spec(self, meaning: str) -> Spec:
        """What model.json says of the output with this meaning."""
        return self._specs[self._names[meaning]]  # type: ignore[no-any-return]

    def see(self, picture: np.ndarray, region: Region | None = None, size: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Results by meaning, of a picture (uint8 [height, width, 3]) or a region of it, in pixels of the picture. `size`: where the model leaves its own open."""
        inputs = {self._input: {"picture": picture, "region": region, "size": size}}
        read = results(self._model, self._model.run(inputs), inputs)
        return {meaning: read[name] for meaning, name in self._names.items()}


def is_eye(spec: Spec) -> bool:
    """Points around an eye; which points of the face mesh they are is said."""
    return spec.get("type") == "keypoints" and "mesh" in spec


def is_iris(spec: Spec) -> bool:
    """The centre of an iris and four points around it."""
    return spec.get("type") == "keypoints" and spec["count"] == 5


def is_boxes(spec: Spec) -> bool:
    return spec.get("type") == "boxes"


def is_mask(spec: Spec) -> bool:
    return spec.get("type") == "mask"


def is_presence(spec: Spec) -> bool:
    """One probability, of whether there is anything."""
    return spec.get("type") == "labels" and len(spec["labels"]) == 1 and not is_handedness(spec)


def is_handedness(spec: Spec) -> bool:
    """One probability, of a right hand where the picture is not mirrored."""
    return spec.get("type") == "labels" and list(spec["labels"]) == ["right"]


def is_landmarks(spec: Spec) -> bool:
    """Points in the picture."""
    return spec.get("type") == "keypoints" and spec.get("units", "pixels") != "metres"


def is_world(spec: Spec) -> bool:
    """Points in metres."""
    return spec.get("type") == "keypoints" and spec.get("units") == "metres"


def is_labels(spec: Spec) -> bool:
    return spec.get("type") == "labels"


def is_text(spec: Spec) -> bool:
    return spec.get("type") == "text"


def is_embedding(spec: Spec) -> bool:
    """Numbers that mean nothing by themselves."""
    return spec.get("type") == "tensor"
