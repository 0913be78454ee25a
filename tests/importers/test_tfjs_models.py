"""Real graph models: read, and compared with what another runtime gave. They are not in a package that the gallery fetches from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from imported_models import run
from webkiln import importers
from webkiln.errors import UnsupportedFormatError

FOLDER = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared")) / "models"
# The tolerance of one covers the other runtime's float32: `log` of sums magnifies its rounding, and our three importers agree to 1e-6.
MODELS = {
    "movenet_lightning": ("movenet-lightning.json", "ref_movenet.json", 1e-5),
    "basic_pitch": ("tfjs", "ref_tfjs.json", 2e-3),
    "nsfwjs_mobilenet": ("mobilenet_v2_mid_graph", "ref_graph.json", 1e-5),
}
BASIC_PITCH = {"contour": "Identity"}  # its signature names one output otherwise than the other runtime did


def tensor(folder: Path, entry: dict[str, object]) -> np.ndarray:
    dtype = {"int32": "<i4", "float32": "<f4"}[str(entry["dtype"])]
    return np.fromfile(folder / str(entry["file"]), dtype).reshape(entry["shape"])  # type: ignore[call-overload]


def shared(name: str) -> Path:
    if not (FOLDER / name).is_dir():
        pytest.skip(f"no model {name}; set WEBKILN_SHARED to the folder that has models/{name}")
    return FOLDER / name


@pytest.mark.parametrize("name", sorted(MODELS))
def test_reference_agrees_with_stored_tensors(name: str) -> None:
    folder = shared(name)
    source, stored, tolerance = MODELS[name]
    tensors = json.loads((folder / stored).read_text())
    model = importers.read(folder / source)
    assert sum(model.operators.values()) > 100
    found = run(model, {model.signatures[0].inputs[0].name: tensor(folder, tensors["input"])})
    expected = {entry["name"]: tensor(folder, entry) for entry in tensors["outputs"]}
    assert len(found) == len(expected)
    for output, result in found.items():
        wanted = expected[BASIC_PITCH.get(output, output)]
        assert result.shape == wanted.shape
        assert np.abs(result - wanted).max() <= tolerance * np.abs(wanted).max(), output


def test_formats_of_one_network_agree() -> None:
    """The key points of MoveNet from TensorFlow.js and TFLite; both keep their weights as float16."""
    folder = shared("movenet_lightning")
    picture = tensor(folder, json.loads((folder / "ref_movenet.json").read_text())["input"])
    a, b = importers.read(folder / "movenet-lightning.json"), importers.read(folder / "movenet.tflite")
    from_json = run(a, {"input": picture})["Identity"]
    ((_, from_tflite),) = run(b, {b.signatures[0].inputs[0].name: picture.astype(np.uint8)}).items()
    assert np.abs(from_json - from_tflite).max() < 1e-4


def test_a_layers_model_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match="layers model"):
        importers.read(shared("nsfwjs_mobilenet") / "mobilenet_v2_layers")
