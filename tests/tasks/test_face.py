"""Faces: the pipeline in JavaScript against that in Python, from identical pixels; Python's against MediaPipe's; what a face does."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stills import SampledByCorners, stills
from stills_oracle import FACE_STEP, FIXTURE
from task_runs import Film, astronaut, check_points, run_in_node, save_models, warped
from webkiln.errors import InputError
from webkiln.tasks import Face
from webkiln.tasks.expressions import EYES, read_expression
from webkiln.tasks.face import around_eye

PIXELS = 0.1
PART_OF_BOX = 0.005  # that a point of the mesh may be off from where MediaPipe has it
ROLES = ["face_detection_short_range", "face_landmark", "iris_landmark"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("face")


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Any]:
    return save_models(folder, ROLES)


def make(models: dict[str, Any], **options: Any) -> Face:
    return Face(*(models[role] for role in ROLES), **options)


def xy(points: Any) -> np.ndarray:
    return np.array([[point["x"], point["y"]] for point in points])


def check(received: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {key: received[key] for key in ("timestamp", "width", "height")} == {key: expected[key] for key in ("timestamp", "width", "height")}
    assert [face["id"] for face in received["faces"]] == [face["id"] for face in expected["faces"]]
    for one, other in zip(received["faces"], expected["faces"], strict=True):
        assert one.keys() == other.keys()
        check_points(one["landmarks"], other["landmarks"], PIXELS, "in the picture")
        assert [point["z"] for point in one["landmarks"]] == pytest.approx([point["z"] for point in other["landmarks"]], abs=PIXELS)
        np.testing.assert_allclose(xy(one["normalized"]), xy(other["normalized"]), rtol=0, atol=1e-3)
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
        assert one["box"] == pytest.approx(other["box"], abs=PIXELS)
        assert one["rotation"] == pytest.approx(other["rotation"], abs=2e-3)
        assert one["eyes"] == pytest.approx(other["eyes"], abs=2e-3)
        assert one["mouth"] == pytest.approx(other["mouth"], abs=2e-3)


def test_pictures(folder: Path, models: dict[str, Any]) -> None:
    """Each for itself: turned, at the picture's edge, and one without a face."""
    frames = [np.asarray(astronaut()), warped(astronaut(), degrees=40, size=(640, 480)), np.asarray(astronaut())[:, 200:], np.full((120, 200, 3), 90, np.uint8)]
    film = Film(frames, [None] * len(frames))
    face = make(models)
    expected = [face.detect(frame) for frame in frames]
    assert [len(result["faces"]) for result in expected] == [1, 1, 1, 0]
    assert len(expected[0]["faces"][0]["landmarks"]) == 478
    for received, wanted in zip(run_in_node(folder, "face", {}, film), expected, strict=True):
        check(received, wanted)


def test_film_without_irises(folder: Path, models: dict[str, Any]) -> None:
    """A face that moves, is gone, and comes back as another one: tracking and smoothing are the same."""
    frames = [warped(astronaut(), degrees=3 * k, scale=0.9 + 0.02 * k, move=(4 * k, 0), size=(640, 480)) for k in range(5)]
    frames.insert(3, np.zeros((480, 640, 3), np.uint8))
    film = Film(frames, [40.0 * k for k in range(len(frames))])
    face = Face(models["face_detection_short_range"], models["face_landmark"])
    expected = list(face.stream(zip(film.timestamps, frames, strict=True)))  # type: ignore[arg-type]
    assert [[one["id"] for one in result["faces"]] for result in expected] == [[0], [0], [0], [], [1], [1]]
    assert len(expected[0]["faces"][0]["landmarks"]) == 468
    for received, wanted in zip(run_in_node(folder, "face", {"iris": False}, film), expected, strict=True):
        check(received, wanted)


def test_two_faces(folder: Path, models: dict[str, Any]) -> None:
    picture = np.concatenate([np.asarray(astronaut())[:400, 50:400]] * 2, axis=1)
    expected = make(models, num_faces=2).detect(picture)
    assert len(expected["faces"]) == 2
    (received,) = run_in_node(folder, "face", {"numFaces": 2}, Film([picture], [None]))
    check(received, expected)


def test_against_mediapipe(models: dict[str, Any]) -> None:
    """The mesh from the same samples; the irises, which another of its models has, from Webkiln's own."""
    said = json.loads(FIXTURE.read_text())
    sampled = Face(SampledByCorners(models["face_detection_short_range"]), SampledByCorners(models["face_landmark"]))
    own = make(models)
    for name, picture in stills().items():
        found = sampled.detect(picture)["faces"]
        if said[name]["face"] is None:
            assert not found, name
            continue
        expected = np.array(said[name]["face"])
        box = np.ptp(expected, axis=0).max()
        mesh = xy(found[0]["landmarks"])[::FACE_STEP]
        assert np.abs(mesh - expected).max() < PART_OF_BOX * box, name
        irises = xy(own.detect(picture)["faces"][0]["landmarks"])[468:]
        assert np.hypot(*(irises - said[name]["irises"]).T).max() < 0.02 * box, name


def test_own_samples_against_mediapipe(models: dict[str, Any]) -> None:
    """Half a pixel of the input more than MediaPipe's, and with that another region from the detector: the mesh is where it is all the same."""
    said = json.loads(FIXTURE.read_text())
    face = make(models)
    for name, picture in stills().items():
        if said[name]["face"] is not None:
            expected = np.array(said[name]["face"])
            (found,) = face.detect(picture)["faces"]
            distances = np.hypot(*(xy(found["landmarks"])[:468:FACE_STEP] - expected).T)
            assert np.median(distances) < 0.03 * np.ptp(expected, axis=0).max(), name


def test_both_eyes_are_seen_alike(models: dict[str, Any]) -> None:
    """A mirrored picture has its right eye where the left one was: the network is asked the same."""
    picture = np.asarray(astronaut())
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    iris = make(models)._iris
    assert iris is not None
    (found,) = make(models).detect(picture)["faces"]
    mesh = found["landmarks"][:468]
    other = [{**point, "x": picture.shape[1] - point["x"]} for point in mesh]
    swapped = dict(enumerate(other))
    swapped.update({33: other[263], 133: other[362]})
    left = iris.see(picture, around_eye(mesh, "left", EYES["left"]))
    right = iris.see(mirrored, around_eye([swapped[k] for k in range(468)], "right", EYES["right"]))
    for meaning in ("eye", "iris"):
        points = xy(right[meaning]["points"])
        np.testing.assert_allclose(xy(left[meaning]["points"]), np.stack([picture.shape[1] - points[:, 0], points[:, 1]], axis=1), atol=1e-2)


def head(yaw: float = 0, pitch: float = 0, roll: float = 0, mouth: float = 0.3, left: float = 0.25, right: float = 0.1) -> list[dict[str, float]]:
    """The points that an expression is read from, on a head that looks into the camera and is then turned."""
    at = {234: (-7, 0, 5), 454: (7, 0, 5), 10: (0, -9, 0), 152: (0, 9, 0), 78: (-2, 4, 0), 308: (2, 4, 0), 13: (0, 4 - 2 * mouth, -1), 14: (0, 4 + 2 * mouth, -1)}
    for (outer, inner), upper, lower, side, open in (((33, 133), 159, 145, -1, right), ((263, 362), 386, 374, 1, left)):
        at |= {outer: (4.5 * side, -2, 1), inner: (1.5 * side, -2, 1), upper: (3 * side, -2 - 1.5 * open, 1), lower: (3 * side, -2 + 1.5 * open, 1)}
    nods = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    turns = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    tilts = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    points = np.zeros((468, 3))
    for k, place in at.items():
        points[k] = 100 + 20 * (tilts @ turns @ nods @ place)
    return [{"x": x, "y": y, "z": z} for x, y, z in points.tolist()]


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (0.5, 0, 0), (0, -0.4, 0), (0, 0, 2.5), (-0.7, 0.3, -0.9), (1.2, -0.8, 0.4)])
def test_what_a_face_does(yaw: float, pitch: float, roll: float) -> None:
    said = read_expression(head(yaw, pitch, roll))
    assert said["rotation"] == pytest.approx({"yaw": yaw, "pitch": pitch, "roll": roll}, abs=1e-9)
    assert said["mouth"] == pytest.approx(0.3)
    assert said["eyes"] == pytest.approx({"left": 0.25, "right": 0.1})


def test_signs_of_the_rotation() -> None:
    """The lips, which stand out towards the camera, go to the picture's right, and the chin away."""
    points = head(yaw=0.3, pitch=0.2)
    middle = (np.array([points[10][axis] for axis in "xyz"]) + [points[152][axis] for axis in "xyz"]) / 2
    lips = (np.array([points[13][axis] for axis in "xyz"]) + [points[14][axis] for axis in "xyz"]) / 2
    assert lips[0] > middle[0]
    assert points[454]["z"] > points[234]["z"]  # the left ear
    assert points[152]["z"] > points[10]["z"]


def test_a_face_of_no_size() -> None:
    said = read_expression([{"x": 5.0, "y": 5.0, "z": 0.0}] * 468)
    assert said == {"rotation": {"yaw": 0, "pitch": 0, "roll": 0}, "mouth": 0, "eyes": {"left": 0, "right": 0}}


def test_the_lines_of_the_mesh(models: dict[str, Any]) -> None:
    spec = models["face_landmark"].processing["outputs"]["conv2d_21"]
    pairs = [tuple(pair) for pair in spec["skeleton"]]
    assert len(pairs) == len(set(pairs))
    assert {k for pair in pairs for k in pair} == set(range(468))
    oval = spec["contours"]["oval"]
    assert all(tuple(sorted(pair)) in set(pairs) for pair in oval)  # a ring of the mesh's lines
    assert sorted(k for pair in oval for k in pair) == sorted(2 * [a for a, _ in oval])
    assert {k for name in ("left_iris", "right_iris") for pair in spec["contours"][name] for k in pair} == {*range(469, 473), *range(474, 478)}


def test_models_that_are_something_else(models: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the irises does not say what is its eye, iris"):
        Face(models["face_detection_short_range"], models["face_landmark"], models["face_landmark"])
