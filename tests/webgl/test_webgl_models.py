"""The gallery's models on WebGL, against the NumPy reference."""

from __future__ import annotations

import pytest
from expectations import gallery_expectation
from webgl_session import DRIVERS
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare
from webkiln.webformat.golden import generated_inputs

MODELS = [
    "pose_detection", "pose_landmark_lite", "pose_landmark_full", "face_detection_short_range", "face_landmark", "iris_landmark",
    "palm_detection_lite", "hand_landmark_lite",
]  # fmt: skip
MOST_PROGRAMS = 25


@pytest.mark.parametrize("layers", [1, 4])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", MODELS)
def test_model(session_of, driver, layers, name):
    expectation = gallery_expectation(name)
    session = session_of(driver)
    loaded = session.load(expectation.model, layers)
    received = session.run(loaded, expectation.inputs)
    session.dispose(loaded)
    expectation.check(received)
    assert loaded["plan"]["programs"] <= MOST_PROGRAMS
    assert len(loaded["plan"]["segments"]) == 1


def test_a_steady_run_makes_and_deletes_nothing(session_of, model_of):
    model = model_of("face_landmark")
    inputs = generated_inputs(model.bundle, model.signature, 5, {})
    session = session_of("swiftshader")
    session.dispose(session.load(model, 4))  # a context holds a framebuffer of its own
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
        assert compare(results[1][key], fused, tolerance=LEAST_TOLERANCES["webgl"]).passed
