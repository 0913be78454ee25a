"""The avatar's solver: known joint angles → points → the same angles; and the same in JavaScript."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from humanoid_points import FINGERS, MIRROR, apart, hand, matrix, of_quaternion, person
from PIL import Image
from webkiln import gallery
from webkiln.browsers.node import find_node
from webkiln.codegen.paths import demos_folder
from webkiln.errors import InputError
from webkiln.tasks import Pose as BodyTask
from webkiln.tasks.avatar import BONES, LIMITS, PARENTS, REST, Avatar

POSES = 150
DEGREES = 5
Pose = dict[str, np.ndarray]


def random_pose(random: np.random.Generator) -> Pose:
    """Joints turned at random within nine tenths of their limits, elbows and knees bent enough to show how limbs are turned about themselves."""

    def between(bone: str, *axes: int) -> list[float]:
        limits = np.array(LIMITS[bone][1], float)
        middle, half = limits.mean(axis=1), limits @ [-0.45, 0.45]
        return [float(random.uniform(middle[k] - half[k], middle[k] + half[k])) if k in axes else 0.0 for k in range(3)]

    def swung(bone: str, axis: int, *axes: int) -> np.ndarray:
        """A swing of the bone about these axes, after a twist about its own."""
        swing, twist = between(bone, *axes), between(bone, axis)
        return matrix((swing[0], swing[1], swing[2])) @ matrix((twist[0], twist[1], twist[2]))

    pose: Pose = {"hips": matrix(tuple(random.uniform(-60, 60, 3)))}
    sideways = matrix((0, random.uniform(-18, 18), 0)), matrix((0, 0, random.uniform(-12, 12)))
    pose["spine"] = pose["chest"] = sideways[1] @ sideways[0]
    pose["neck"] = pose["head"] = swung("neck", 1, 0, 2)
    for side in ("left", "right"):
        limb = {
            "UpperArm": swung("UpperArm", 0, 1, 2),
            "LowerArm": matrix((0, -random.uniform(20, 140), 0)) @ matrix((random.uniform(-80, 80), 0, 0)),
            "Hand": matrix(tuple(between("Hand", 1, 2))),
            "UpperLeg": swung("UpperLeg", 1, 0, 2),
            "LowerLeg": matrix((random.uniform(25, 130), 0, 0)),
            "Foot": swung("Foot", 1, 0, 2),
        }
        for finger, parts in FINGERS.items():
            for part in parts:
                bone = finger + part
                if finger == "Thumb":
                    limb[bone] = matrix(tuple(np.cross([1, 0, 1], [0, 1, 0]) * random.uniform(-8, 8) + [0, random.uniform(-25, 25), 0]))
                else:
                    limb[bone] = matrix(tuple(between(bone, *((1, 2) if part == "Proximal" else (2,)))))
        for bone, turned in limb.items():
            pose[side + bone] = turned if side == "left" else MIRROR @ turned @ MIRROR
    return pose


def mirrored(pose: Pose) -> Pose:
    swap = {"left": "right", "right": "left"}
    names = {bone: next((other + bone.removeprefix(side) for side, other in swap.items() if bone.startswith(side)), bone) for bone in pose}
    return {names[bone]: MIRROR @ turned @ MIRROR for bone, turned in pose.items()}


def hands_of(pose: Pose) -> list[dict[str, Any]]:
    return [hand(pose, side) for side in ("right", "left")]


def worst(found: dict[str, Any], pose: Pose) -> dict[str, float]:
    return {bone: apart(of_quaternion(found["rotations"][bone]), turned) for bone, turned in pose.items()}


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_known_angles(is_mirrored: bool) -> None:
    random = np.random.default_rng(6)
    avatar = Avatar(mirrored=is_mirrored)
    most: dict[str, float] = {}
    for _ in range(POSES):
        pose = random_pose(random)
        found = avatar.update(person(pose), hands=hands_of(pose))
        assert set(found["rotations"]) == set(BONES)
        for bone, degrees in worst(found, mirrored(pose) if is_mirrored else pose).items():
            most[bone] = max(most.get(bone, 0), degrees)
    assert len(most) == len(BONES) - 2  # all but the shoulders
    assert max(most.values()) < DEGREES, {bone: round(degrees, 2) for bone, degrees in most.items() if degrees >= DEGREES}


def ends(points: Any, *numbers: int) -> np.ndarray:
    """The direction between two of a person's points."""
    one, other = (np.array([points[k][axis] for axis in "xyz"]) for k in numbers)
    return (other - one) / np.linalg.norm(other - one)


def test_straight_limbs_point_where_they_point() -> None:
    """Their twist doesn't show, but their directions do."""
    random = np.random.default_rng(7)
    avatar = Avatar()
    for _ in range(20):
        pose = random_pose(random)
        for side in ("left", "right"):
            pose[side + "LowerArm"] = pose[side + "LowerLeg"] = matrix((2, 0, 0))
        given = person(pose)["world"]
        found = avatar.update({"world": given})["rotations"]
        again = person({bone: of_quaternion(q) for bone, q in found.items()})["world"]
        for limb in ((11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28)):
            assert np.degrees(np.arccos(np.clip(ends(given, *limb) @ ends(again, *limb), -1, 1))) < DEGREES, limb


def unseen(given: dict[str, Any], *numbers: int) -> dict[str, Any]:
    return {name: [{**point, "visibility": 0.1} if k in numbers else point for k, point in enumerate(points)] for name, points in given.items()}


def test_what_is_not_seen_is_at_rest() -> None:
    pose = random_pose(np.random.default_rng(8))
    everything = Avatar().update(person(pose))["rotations"]
    without_elbow = Avatar().update(unseen(person(pose), 13))["rotations"]
    arm = {"leftUpperArm", "leftLowerArm", "leftHand"}
    for bone in BONES:
        assert without_elbow[bone] == pytest.approx(REST[bone] if bone in arm else everything[bone], abs=1e-9), bone
    desk = Avatar().update(unseen(person({**pose, "hips": np.eye(3)}), *range(23, 33)))["rotations"]
    for bone in ("leftUpperLeg", "rightLowerLeg", "leftFoot"):
        assert desk[bone] == pytest.approx(REST[bone]), bone
    assert desk["rightLowerArm"] == pytest.approx(everything["rightLowerArm"], abs=1e-6)
    assert Avatar().update()["rotations"] == {bone: pytest.approx(q) for bone, q in REST.items()}


def inside(bone: str, q: Any, slack: float = 1e-6) -> bool:
    """Whether a rotation keeps its bone's limits, judged by the direction that the bone's axis comes to."""
    side = next((side for side in ("left", "right") if bone.startswith(side)), "")
    name = bone.removeprefix(side)
    if name not in LIMITS:
        return True
    axis, ranges = LIMITS[name]
    limits = np.radians(np.array(ranges, float))
    turned = of_quaternion(q)
    turned = MIRROR @ turned @ MIRROR if side == "right" else turned
    before = np.eye(3)[axis]
    after = turned @ before
    normal = np.cross(before, after)
    length = np.linalg.norm(normal)
    swing = normal / length * np.arctan2(length, before @ after) if length > 1e-9 else np.zeros(3)
    return bool((swing >= np.minimum(limits[:, 0], 0) - slack).all() and (swing <= np.maximum(limits[:, 1], 0) + slack).all())


def test_limits_hold() -> None:
    """Whatever points say: knees don't bend forward."""
    random = np.random.default_rng(9)
    avatar = Avatar()
    for _ in range(40):
        points = [{"x": x, "y": y, "z": z, "visibility": 1.0} for x, y, z in random.normal(size=(33, 3))]
        hands = [{"landmarks": points[:21], "world": points[:21], "handedness": {"label": side}} for side in ("left", "right")]
        found = avatar.update({"world": points}, hands=hands)["rotations"]
        assert [bone for bone, q in found.items() if not inside(bone, q)] == []
    forward = person({"leftLowerLeg": matrix((-60, 0, 0))})
    knee = of_quaternion(Avatar().update(forward)["rotations"]["leftLowerLeg"])
    assert apart(knee, np.eye(3)) < 12


DEGENERATE = {
    "all in one point": [{"x": 0.0, "y": 0.0, "z": 0.0}] * 33,
    "on a line": [{"x": k * 0.1, "y": 0.0, "z": 0.0} for k in range(33)],
    "not numbers": [{"x": float("nan"), "y": float("inf"), "z": 0.0}] * 33,
    "upside down": [{**point, "y": -point["y"]} for point in person({})["world"]],
    "arms crossed behind": [{**point, "x": -point["x"]} if k in range(13, 23) else point for k, point in enumerate(person({})["world"])],
}


@pytest.mark.parametrize("points", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_points_give_rotations(points: list[dict[str, float]]) -> None:
    hand = {"landmarks": points[:21], "handedness": {"label": "left"}}
    found = Avatar().update({"world": points, "landmarks": points}, hands=[hand], width=640)
    for bone, q in found["rotations"].items():
        assert np.linalg.norm(q) == pytest.approx(1), bone
    assert np.isfinite(list(found["position"].values())).all()


def test_it_follows_smoothly_and_returns_to_rest() -> None:
    raised = {"leftUpperArm": matrix((0, 0, 70))}
    avatar = Avatar(smoothing=0.1, returning=0.5)
    avatar.update(person({}), timestamp=0)
    goal = of_quaternion(Avatar().update(person(raised))["rotations"]["leftUpperArm"])
    left = [apart(of_quaternion(avatar.update(person(raised), timestamp=50 * k)["rotations"]["leftUpperArm"]), goal) for k in range(1, 9)]
    np.testing.assert_allclose(left, 70 * np.exp(-0.5 * np.arange(1, 9)), atol=0.5)
    lost = [apart(of_quaternion(avatar.update(timestamp=400 + 500 * k)["rotations"]["leftUpperArm"]), of_quaternion(REST["leftUpperArm"])) for k in range(1, 4)]
    assert lost[0] > 30
    np.testing.assert_allclose(np.divide(lost[1:], lost[:-1]), np.exp(-1), atol=0.01)
    avatar.reset()
    assert apart(of_quaternion(avatar.update(person(raised), timestamp=0)["rotations"]["leftUpperArm"]), goal) < 1e-3


def test_a_face_turns_the_head() -> None:
    for name, axis, sign in (("yaw", 1, 1), ("pitch", 0, 1), ("roll", 2, -1)):
        face = {"rotation": {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, name: 0.5}}
        found = Avatar().update(face=face)["rotations"]
        vector = np.zeros(3)
        vector[axis] = np.degrees(0.5 * sign)
        assert apart(of_quaternion(found["neck"]) @ of_quaternion(found["head"]), matrix(tuple(vector))) < 1e-3
        mirrored_pose = Avatar(mirrored=True).update(face=face)["rotations"]
        assert apart(of_quaternion(mirrored_pose["head"]), MIRROR @ of_quaternion(found["head"]) @ MIRROR) < 1e-3


def test_a_face_opens_mouth_and_eyes() -> None:
    face = {"mouth": 0.7, "eyes": {"left": 0.05, "right": 0.3}}
    assert Avatar().update(face=face)["expressions"] == {"aa": 1, "blinkLeft": 1, "blinkRight": 0}
    assert Avatar(mirrored=True).update(face=face)["expressions"] == {"aa": 1, "blinkLeft": 0, "blinkRight": 1}


def test_hips_are_as_high_as_the_legs_let_them() -> None:
    standing = Avatar().update(person({}), width=600)["position"]
    assert standing == pytest.approx({"x": 20 / 200 / 0.82, "y": 1})
    squat = {f"{side}{bone}": matrix((degrees, 0, 0)) for side in ("left", "right") for bone, degrees in (("UpperLeg", -90), ("LowerLeg", 90))}
    assert Avatar().update(person(squat))["position"]["y"] == pytest.approx(0.4 / 0.82)
    assert Avatar(mirrored=True).update(person({}), width=600)["position"]["x"] == pytest.approx(-standing["x"])


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="smoothing is a number that is not below 0, got -1"):
        Avatar(smoothing=-1)
    avatar = Avatar()
    avatar.update(timestamp=10)
    with pytest.raises(InputError, match="must not fall"):
        avatar.update(timestamp=9)


def frames() -> list[dict[str, Any]]:
    """A film with hands and faces, of which some or all are gone in some frames."""
    random = np.random.default_rng(10)
    film: list[dict[str, Any]] = []
    for k in range(60):
        pose = random_pose(random)
        given = person(pose)
        hidden = random.choice(33, 6, replace=False) if k % 3 else []
        frame: dict[str, Any] = {"timestamp": None if k < 5 else 30.0 * k, "person": unseen(given, *hidden) if k % 10 != 9 else None, "width": 640}
        if k % 4:
            frame["hands"] = hands_of(pose)[: k % 3]
        if k % 2:
            angles = dict(zip(("yaw", "pitch", "roll"), random.uniform(-1, 1, 3).tolist(), strict=True))
            frame["face"] = {"rotation": angles, "mouth": random.uniform(0, 1), "eyes": {"left": random.uniform(0, 0.4), "right": random.uniform(0, 0.4)}}
        film.append(frame)
    noise = [{"x": x, "y": y, "z": z} for x, y, z in random.normal(size=(33, 3)).tolist()]
    points = noise[:21]
    incomplete: list[dict[str, Any]] = [
        {"hands": [{"landmarks": points}, {"landmarks": points, "handedness": {"label": "both"}}, {"landmarks": points, "handedness": {"label": "left"}}]},
        {"face": {"mouth": 0.5}},
        {"face": {"mouth": 0.5, "eyes": {"left": 0.2}, "rotation": {"yaw": 0.2}}},
    ]
    return [*film, {"timestamp": 2000.0, "person": {"world": noise}}, *({"timestamp": None, **frame} for frame in incomplete)]


def test_javascript_gives_the_same(tmp_path: Path) -> None:
    options = [{}, {"mirrored": True, "smoothing": 0, "returning": 0.2, "visible": 0.05}]
    film = frames()
    degenerate = [{"timestamp": None, "person": {"world": points}} for name, points in DEGENERATE.items() if name != "not numbers"]  # JSON has no NaN
    runs = [{"options": one, "frames": degenerate + film} for one in options]
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    ran = subprocess.run([find_node().path, Path(__file__).with_name("run_avatar.mjs"), tmp_path / "runs.json"], check=True, capture_output=True, timeout=60)
    received = json.loads(ran.stdout)
    assert received["tables"]["PARENTS"] == PARENTS
    assert received["tables"]["LIMITS"] == json.loads(json.dumps(LIMITS))
    assert received["tables"]["REST"] == {bone: pytest.approx(q, abs=1e-12) for bone, q in REST.items()}
    for run, poses in zip(runs, received["poses"], strict=True):
        avatar = Avatar(**run["options"])  # type: ignore[arg-type]
        for number, (frame, pose) in enumerate(zip(run["frames"], poses, strict=True)):
            expected = avatar.update(**frame)  # type: ignore[arg-type]
            for part in ("rotations", "position", "expressions"):
                assert list(pose[part]) == list(expected[part])
                for name, value in expected[part].items():
                    assert pose[part][name] == pytest.approx(value, abs=1e-6), (number, name)


def test_someone_who_looks_straight_ahead() -> None:
    """The drawn person of the demos waves: a test of sense on what the models see."""
    pose = BodyTask(gallery.convert("pose_detection"), gallery.convert("pose_landmark_lite"))
    (found,) = pose.detect(np.asarray(Image.open(demos_folder() / "pose" / "person.jpg").convert("RGB")))["people"]
    turned = {bone: of_quaternion(q) for bone, q in Avatar().update(found)["rotations"].items()}
    for bones in (("hips",), ("hips", "spine", "chest"), ("hips", "spine", "chest", "neck", "head")):
        product = np.eye(3)
        for bone in bones:
            product = product @ turned[bone]
        assert apart(product, np.eye(3)) < 20, bones
    again = person(turned)["world"]
    assert again[16]["y"] < again[14]["y"], "the right hand is above its elbow"
    assert again[15]["y"] > again[13]["y"] > again[11]["y"], "the left arm hangs"
