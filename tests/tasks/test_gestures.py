"""Gestures of hands whose fingers have known angles, and the same in JavaScript."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_model import CURLED, FINGERS, POSES, as_points, hand, turned
from webkiln.browsers.node import find_node
from webkiln.tasks.gestures import INDEX, PINKY, THUMB, bend, read_gesture, thumb_reach

# Turned so, the thumb of a hand that is "thumb_up" points up; the other gestures are upright as they are.
UPRIGHT = {"thumb_up": 45.0}
DIRECTED = ("thumb_up", "pointing_up")

HANDS = {name: hand(bends) @ turned(2, UPRIGHT.get(name, 0)).T for name, bends in POSES.items()}


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [-15, 0, 15])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7])
def test_gestures(name: str, mirrored: bool, degrees: float, scale: float) -> None:
    joints = HANDS[name] * [-1 if mirrored else 1, 1, 1] @ turned(2, degrees).T * scale
    gesture, pinch = read_gesture(as_points(joints + np.array([0.1, -0.2, 0.3])))
    assert gesture["name"] == name
    assert gesture["score"] > 0.75
    assert pinch == pytest.approx(read_gesture(as_points(HANDS[name]))[1])


@pytest.mark.parametrize("name", [name for name in POSES if name not in DIRECTED])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [-150, -60, 90, 180])
def test_gestures_without_a_direction(name: str, axis: int, degrees: float) -> None:
    """They are the same however the hand is held."""
    gesture, pinch = read_gesture(as_points(HANDS[name]))
    again, pinch_again = read_gesture(as_points(HANDS[name] @ turned(axis, degrees).T))
    assert again["name"] == gesture["name"]
    assert (again["score"], pinch_again) == (pytest.approx(gesture["score"]), pytest.approx(pinch))


@pytest.mark.parametrize(
    ("name", "degrees", "expected"),
    [
        ("thumb_up", 180, "thumb_down"),
        ("thumb_up", 90, "none"),
        ("pointing_up", 90, "none"),
        ("pointing_up", 180, "none"),
    ],
)
def test_directions(name: str, degrees: float, expected: str) -> None:
    assert read_gesture(as_points(HANDS[name] @ turned(2, degrees).T))[0]["name"] == expected


def test_what_is_no_gesture() -> None:
    """Three fingers up; a hand that is neither open nor closed; points that are all the same."""
    assert read_gesture(as_points(hand({"pinky": CURLED, "thumb": (10, 60, 60)})))[0]["name"] == "none"
    assert read_gesture(as_points(hand(dict.fromkeys(FINGERS[1:], (40, 40, 40)))))[0]["name"] == "none"
    gesture, pinch = read_gesture(as_points(np.zeros((21, 3))))
    assert (gesture["score"] <= 1, pinch) == (True, 0)


def test_angles() -> None:
    """A joint that bends by so much more bends the finger by so much more; the thumb reaches out, or across the palm."""
    for number, finger in enumerate(FINGERS[1:]):
        start = INDEX + 4 * number
        assert bend(hand({finger: (0, 50, 35)}), start) == pytest.approx(bend(hand({}), start) + 85)
    assert bend(hand({"index": CURLED}), PINKY) == pytest.approx(bend(hand({}), PINKY))
    assert thumb_reach(hand({})) > 0.5 > 0 > thumb_reach(hand({"thumb": (10, 60, 60)}))
    assert np.allclose(hand({})[THUMB], hand({"thumb": (10, 60, 60)})[THUMB])


def test_same_in_javascript() -> None:
    random = np.random.default_rng(7)
    bends = [{finger: random.uniform(0, 95, 3) for finger in FINGERS} for _ in range(60)]
    hands = [
        as_points(joints)
        for joints in (
            *HANDS.values(),
            *(hand(one) @ turned(2, random.uniform(-180, 180)).T for one in bends),
            np.zeros((21, 3)),
        )
    ]
    script = Path(__file__).with_name("run_gestures.mjs")
    answer = subprocess.run(
        [find_node().path, script], input=json.dumps(hands), capture_output=True, text=True, check=True, timeout=60
    ).stdout
    received: list[dict[str, Any]] = json.loads(answer)
    assert len({one["gesture"]["name"] for one in received}) >= 6
    for one, points in zip(received, hands, strict=True):
        gesture, pinch = read_gesture(points)
        assert one["gesture"]["name"] == gesture["name"]
        assert one["gesture"]["score"] == pytest.approx(gesture["score"], abs=1e-9)
        assert one["pinch"] == pytest.approx(pinch, abs=1e-9)
