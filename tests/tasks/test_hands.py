"""Hands: the pipeline in Python against MediaPipe's, and in JavaScript against that in Python, from identical pixels. The hands are drawn by code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_model import draw
from hand_pictures import drawn, pictures, thumbs_up
from hands_oracle import FIXTURE
from task_runs import Film, check_points, run_in_node, save_models
from webkiln.errors import InputError
from webkiln.tasks import Hands

PIXELS = 0.25
METRES = 1e-3
PART_OF_BOX = (
    0.02  # that a point may be off from where MediaPipe, which samples pictures and computes in its own way, has it
)

SCORE = 0.05  # steep, where points differ by as much

OTHER = {"left": "right", "right": "left"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hands")


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Any]:
    return save_models(folder, ["palm_detection_lite", "hand_landmark_lite"])


def make(models: dict[str, Any], **options: Any) -> Hands:
    return Hands(models["palm_detection_lite"], models["hand_landmark_lite"], **options)


def check(received: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {key: received[key] for key in ("timestamp", "width", "height")} == {
        key: expected[key] for key in ("timestamp", "width", "height")
    }
    assert [hand["id"] for hand in received["hands"]] == [hand["id"] for hand in expected["hands"]]
    for one, other in zip(received["hands"], expected["hands"], strict=True):
        check_points(one["landmarks"], other["landmarks"], PIXELS, "in the picture")
        check_points(one["world"], other["world"], METRES, "in metres")
        assert one["box"] == pytest.approx(other["box"], abs=PIXELS)
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
        assert one["pinch"] == pytest.approx(other["pinch"], abs=1e-2)
        for said in ("handedness", "gesture"):
            assert list(one[said].values()) == [
                pytest.approx(value, abs=2e-2) if isinstance(value, float) else value for value in other[said].values()
            ]


def test_as_mediapipe(models: dict[str, Any]) -> None:
    """Landmarks are where they are there; its labels are for mirrored pictures, and ours for others."""
    said = json.loads(FIXTURE.read_text())
    hands = make(models)
    for name, picture in pictures().items():
        found = hands.detect(picture)["hands"]
        assert len(found) == len(said[name]) > 0
        for hand, other in zip(
            sorted(found, key=lambda one: one["box"]["x"]),
            sorted(said[name], key=lambda one: one["landmarks"][0][0]),
            strict=True,
        ):
            points = np.array([[point["x"], point["y"]] for point in hand["landmarks"]])
            off = np.hypot(*(points - other["landmarks"]).T).max()
            assert off < PART_OF_BOX * max(hand["box"]["width"], hand["box"]["height"]), name
            assert hand["handedness"]["label"] == OTHER[other["mirrored"]]
            assert hand["handedness"]["score"] == pytest.approx(other["score"], abs=SCORE)


def test_pictures(folder: Path, models: dict[str, Any]) -> None:
    """Each for itself: the points are at the joints, sides and gestures are those drawn; the same in JavaScript."""
    shown = {name: drawn(name) for name in ("open_palm", "fist", "pointing_up", "victory", "pinch")}
    shown["thumb_up"] = thumbs_up()
    upside_down = np.ascontiguousarray(draw([thumbs_up()])[::-1, ::-1])
    frames = [
        *(draw([hand]) for hand in shown.values()),
        upside_down,
        pictures()["both hands"],
        np.full((120, 200, 3), 90, np.uint8),
    ]
    task = make(models)
    expected = [task.detect(frame) for frame in frames]
    for (name, hand), result in zip(shown.items(), expected, strict=False):
        (found,) = result["hands"]
        assert found["gesture"]["name"] == name
        assert found["handedness"]["label"] == "left"
        points = np.array([[point["x"], point["y"]] for point in found["landmarks"]])
        assert np.median(np.hypot(*(points - hand.pixels[:, :2]).T)) < 10, name  # of 150 from the wrist to the knuckles
    assert [hand["gesture"]["name"] for hand in expected[-3]["hands"]] == ["thumb_down"]
    both = sorted(expected[-2]["hands"], key=lambda one: one["box"]["x"])
    assert [(hand["handedness"]["label"], hand["gesture"]["name"]) for hand in both] == [
        ("left", "open_palm"),
        ("right", "pointing_up"),
    ]
    assert expected[-1]["hands"] == []
    for received, wanted in zip(
        run_in_node(folder, "hands", {}, Film(frames, [None] * len(frames))), expected, strict=True
    ):
        check(received, wanted)


def test_film(folder: Path, models: dict[str, Any]) -> None:
    """A hand that moves and turns, is gone, and comes back as another one."""
    frames = [draw([drawn("open_palm", (300 + 4 * k, 320), 1200, degrees=4 * k)], (640, 480)) for k in range(5)]
    frames.insert(3, np.zeros((480, 640, 3), np.uint8))
    film = Film(frames, [40.0 * k for k in range(len(frames))])
    task = make(models, num_hands=1)
    expected = list(task.stream(zip(film.timestamps, frames, strict=True)))  # type: ignore[arg-type]
    assert [[hand["id"] for hand in result["hands"]] for result in expected] == [[0], [0], [0], [], [1], [1]]
    for received, wanted in zip(run_in_node(folder, "hands", {"numHands": 1}, film), expected, strict=True):
        check(received, wanted)


def test_models_that_are_something_else(models: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="does not say what is its landmarks, world, presence, handedness"):
        Hands(models["palm_detection_lite"], models["palm_detection_lite"])
