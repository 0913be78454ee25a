"""Running imported models, and the tensors to compare them with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from webkiln import reference
from webkiln.graph.dtypes import to_canonical
from webkiln.importers.imported import ImportedModel

Read = Callable[..., ImportedModel]

# The gallery's models, and the folder that has tensors of each.
MODELS = {
    "pose_detection": "pose_blazepose",
    "pose_landmark_lite": "pose_blazepose",
    "pose_landmark_full": "pose_blazepose",
    "face_detection_short_range": "face_mesh",
    "face_landmark": "face_mesh",
    "iris_landmark": "face_mesh",
    "palm_detection_lite": "hands",
    "hand_landmark_lite": "hands",
}


def run(model: ImportedModel, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs by argument name, from inputs by argument name."""
    signature = model.signatures[0]
    feeds = {argument.value: to_canonical(inputs[argument.name], argument.name) for argument in signature.inputs}
    values = reference.run(model.graph, feeds)
    return {argument.name: values[argument.value].astype(argument.dtype) for argument in signature.outputs}


def reference_tensors(name: str) -> dict[str, np.ndarray]:
    """Tensors that another runtime made of a gallery model, by `in:NAME` and `out:NAME`."""
    default = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("WEBKILN_SHARED", default)) / "models"
    path = folder / MODELS[name] / f"ref_{name}.npz"
    if not path.is_file():
        pytest.skip(f"no stored tensors of {name}; set WEBKILN_SHARED to the folder that has models/{MODELS[name]}")
    with np.load(path) as tensors:
        return dict(tensors)
