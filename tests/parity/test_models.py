"""The gallery's models from end to end: stored results of their own runtime, the NumPy reference, WASM in Node and Chromium."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import webkiln
from webkiln import Model
from webkiln.parity.compare import compare
from webkiln.webformat.golden import channels_of, generated_inputs

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
SHARED = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared"))


def assert_parity(model: Model, expected: dict, received: dict, tolerances: dict[str, float]) -> None:
    for name, array in expected.items():
        channels = channels_of(model.bundle, name, array.shape)
        result = compare(array, received[name], tolerance=tolerances[name], channels=channels)
        assert result.passed, f"{model.name}, output {name}: {result.reason}"


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_gives_what_the_source_runtime_gave(model_of, name):
    path = SHARED / "models" / MODELS[name] / f"ref_{name}.npz"
    if not path.is_file():
        pytest.skip(f"the stored tensors of {name} are not here; set WEBKILN_SHARED to the folder that holds models/")
    model = model_of(name)
    with np.load(path) as stored:
        inputs = {key[3:]: stored[key] for key in stored.files if key.startswith("in:")}
        outputs = {key[4:]: stored[key] for key in stored.files if key.startswith("out:")}
    assert_parity(model, outputs, model.run(inputs), dict.fromkeys(outputs, 1e-3))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("browser", "relaxed"), [("node", False), ("chromium", False), ("chromium", True)])
def test_wasm_gives_what_the_reference_gives(model_of, session_of, name, browser, relaxed):
    model = model_of(name)
    inputs = generated_inputs(model.bundle, model.signature, 7, {})
    received = session_of(browser, relaxed=relaxed).run(model, inputs)
    assert_parity(model, model.run(inputs), received, model.tolerances(inputs))


@pytest.mark.parametrize("name", MODELS)
def test_half_weights_keep_their_precision_and_halve_the_files(model_of, name, tmp_path):
    """A float16 source stays float16 on disk; converting to float16 changes nothing for it."""
    model = model_of(name)
    model.save(tmp_path / "model")
    again = webkiln.load(tmp_path / "model")
    inputs = generated_inputs(model.bundle, model.signature, 3, {})
    expected, received = model.run(inputs), again.run(inputs)
    for key in expected:
        np.testing.assert_array_equal(received[key], expected[key])
    stored = sum(path.stat().st_size for path in (tmp_path / "model").glob("weights-*.safetensors"))
    values = sum(constant.array.size for constant in model.graph.constants.values())
    if name != "iris_landmark":  # the only one whose source is float32
        assert stored < 2.2 * values + 20_000


def test_a_static_model_is_one_segment_and_one_call(model_of, session_of):
    report = session_of("node", relaxed=False).profile(model_of("pose_landmark_lite"))
    assert len(report["segments"]) == 1
