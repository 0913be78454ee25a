"""The gallery's models on WebGL, against the NumPy reference."""

from __future__ import annotations

import pytest
from webgl_session import DRIVERS
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare
from webkiln.webformat.golden import channels_of, generated_inputs

MODELS = [
    "pose_detection", "pose_landmark_lite", "pose_landmark_full", "face_detection_short_range", "face_landmark", "iris_landmark",
    "palm_detection_lite", "hand_landmark_lite",
]  # fmt: skip
TOLERANCE = LEAST_TOLERANCES["webgl"]
"""Of the largest magnitude of a channel; a model that amplifies rounding more has a measured tolerance of its own."""
MOST_PROGRAMS = 25


@pytest.mark.parametrize("layers", [1, 4])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", MODELS)
def test_model(session_of, model_of, driver, layers, name):
    model = model_of(name)
    inputs = generated_inputs(model.bundle, model.signature, 7, {})
    session = session_of(driver)
    loaded = session.load(model, layers)
    received = session.run(loaded, inputs)
    session.dispose(loaded)
    tolerances = model.tolerances(inputs)
    for key, expected in model.run(inputs).items():
        tolerance = max(TOLERANCE, tolerances[key])
        result = compare(expected, received[key], tolerance=tolerance, channels=channels_of(model.bundle, key, expected.shape))
        assert result.passed, f"{name}, output {key}: {result.reason}"
    assert loaded["plan"]["programs"] <= MOST_PROGRAMS
    assert len(loaded["plan"]["segments"]) == 1


def test_a_steady_run_makes_and_deletes_nothing(session_of, model_of):
    model = model_of("face_landmark")
    inputs = generated_inputs(model.bundle, model.signature, 5, {})
    session = session_of("swiftshader")
    before = session.call("counts")
    loaded = session.load(model, 4)
    after_load = session.call("counts")
    assert after_load["created"] > before["created"]
    for _ in range(20):
        session.run(loaded, inputs)
    assert session.call("counts") == after_load
    session.dispose(loaded)
    left = session.call("counts")["left"]
    for kind in ("Texture", "Buffer", "Framebuffer"):  # programs stay for the next model of the page
        assert left[kind] == before["left"][kind], kind


def test_fusion_changes_no_result_beyond_rounding(session_of, model_of):
    model = model_of("face_landmark")
    inputs = generated_inputs(model.bundle, model.signature, 5, {})
    session = session_of("swiftshader")
    results = []
    for fuse in (True, False):
        loaded = session.load(model, 4, fuse=fuse)
        results.append(session.run(loaded, inputs))
        session.dispose(loaded)
    for key, fused in results[0].items():
        assert compare(results[1][key], fused, tolerance=TOLERANCE).passed
