"""Bodies: the pipeline in JavaScript against that in Python, from identical pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stills import SampledByCorners, stills
from stills_oracle import FIXTURE
from task_runs import Film, astronaut, check_points, run_in_node, save_models, warped
from webkiln.errors import InputError
from webkiln.tasks import Pose

PIXELS = 0.25  # points outside of the picture are the least certain ones
METRES = 1e-3  # a film feeds the rounding of a frame into the region of the next


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pose")


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Any]:
    return save_models(folder, ["pose_detection", "pose_landmark_lite"])


def make(models: dict[str, Any], **options: Any) -> Pose:
    return Pose(models["pose_detection"], models["pose_landmark_lite"], **options)


def check(received: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {key: received[key] for key in ("timestamp", "width", "height")} == {key: expected[key] for key in ("timestamp", "width", "height")}
    assert [person["id"] for person in received["people"]] == [person["id"] for person in expected["people"]]
    for one, other in zip(received["people"], expected["people"], strict=True):
        check_points(one["landmarks"], other["landmarks"], PIXELS, "in the picture")
        check_points(one["world"], other["world"], METRES, "in metres")
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
        assert one["box"] == pytest.approx(other["box"], abs=PIXELS)


def test_pictures(folder: Path, models: dict[str, Any]) -> None:
    """Each for itself: turned, small, in a corner, and one without a body."""
    image = astronaut()
    frames = [
        np.asarray(image),
        warped(image, degrees=40, size=(640, 480)),
        warped(image, scale=0.5, move=(120, 60), size=(640, 480)),
        np.full((120, 200, 3), 90, np.uint8),
    ]
    film = Film(frames, [None] * len(frames))
    pose = make(models)
    expected = [pose.detect(frame) for frame in frames]
    assert [len(result["people"]) for result in expected] == [1, 1, 1, 0]
    nose = expected[0]["people"][0]["landmarks"][0]
    assert nose["name"] == "nose"
    assert np.hypot(nose["x"] - 227, nose["y"] - 132) < 6
    for received, wanted in zip(run_in_node(folder, "pose", {}, film), expected, strict=True):
        check(received, wanted)


def test_film(folder: Path, models: dict[str, Any]) -> None:
    """A body that moves, is gone, and comes back as another one: tracking and smoothing are the same."""
    image = astronaut()
    frames = [warped(image, degrees=2 * k, scale=0.8 + 0.01 * k, move=(4 * k, 0), size=(640, 480)) for k in range(6)]
    frames.insert(4, np.zeros((480, 640, 3), np.uint8))
    film = Film(frames, [40.0 * k for k in range(len(frames))])
    pose = make(models)
    expected = list(pose.stream(zip(film.timestamps, frames, strict=True)))  # type: ignore[arg-type]
    assert [[person["id"] for person in result["people"]] for result in expected] == [[0], [0], [0], [0], [], [1], [1]]
    for received, wanted in zip(run_in_node(folder, "pose", {}, film), expected, strict=True):
        check(received, wanted)


def test_two_people(folder: Path, models: dict[str, Any]) -> None:
    picture = np.concatenate([np.asarray(astronaut())] * 2, axis=1)
    pose = make(models, num_people=2)
    expected = pose.detect(picture)
    assert len(expected["people"]) == 2
    (received,) = run_in_node(folder, "pose", {"numPeople": 2}, Film([picture], [None]))
    check(received, expected)


def test_against_mediapipe(models: dict[str, Any]) -> None:
    """From the same samples, points that are surely seen are within 2 % of the body's box.

    Others, and the unseen hips from which the detector tells the region, are the model's guess, which half a pixel changes.
    """
    said = json.loads(FIXTURE.read_text())
    pose = Pose(*(SampledByCorners(models[role]) for role in ("pose_detection", "pose_landmark_lite")))
    for name, picture in stills().items():
        expected = np.array(said[name]["pose"])
        (person,) = pose.detect(picture)["people"]
        points = np.array([[point["x"], point["y"]] for point in person["landmarks"]])
        seen = np.array([point["visibility"] > 0.9 for point in person["landmarks"]])
        assert seen.sum() >= 13, name
        distances = np.hypot(*(points - expected)[seen].T)
        assert distances.max() < 0.02 * np.ptp(expected, axis=0).max(), name


def test_timestamps_grow(models: dict[str, Any]) -> None:
    pose = make(models)
    frame = np.zeros((64, 64, 3), np.uint8)
    pose.detect(frame, 10)
    with pytest.raises(InputError, match="has to grow"):
        pose.detect(frame, 10)
    pose.reset()
    pose.detect(frame, 10)


def test_models_that_are_something_else(models: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="does not say what is its landmarks, world, presence"):
        Pose(models["pose_detection"], models["pose_detection"])
