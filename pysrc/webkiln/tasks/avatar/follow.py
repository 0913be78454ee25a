"""An avatar that follows a person through a film: smooth, and back at rest when the person is gone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.avatar.humanoid import BONES, REST
from webkiln.tasks.avatar.rotations import AXES, Floats, compose, from_vector, mirror, slerp
from webkiln.tasks.avatar.solver import Body, read_body, read_hand, solve

_SIDES = {"left": 15, "right": 16}
_NEAR = 0.5  # of the shoulders' distance: a hand farther from a wrist is not this wrist's
_EXPRESSIONS = ("aa", "blinkLeft", "blinkRight")
_POSITION = ("x", "y")
_STANDING = {"x": 0.0, "y": 1.0}

# Heights of the mouth's and the eyes' openings as parts of their widths, shut and open.
_MOUTH_OPEN = (0.05, 0.6)
_EYE_OPEN = (0.1, 0.25)


class Avatar:
    """Bones of a humanoid from what `Pose`, `Hands` and `Face` found, each of which may be missing.

    `mirrored`: as a mirror shows the person. `smoothing`, `returning`: the time constants in seconds with which bones follow, and go back to rest.
    `visible`: points of a lower visibility are not followed.
    """

    def __init__(self, *, mirrored: bool = False, smoothing: float = 0.08, returning: float = 0.6, visible: float = 0.5) -> None:
        for name, value in {"smoothing": smoothing, "returning": returning, "visible": visible}.items():
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} is a number that is not below 0, got {value}")
        self._mirrored, self._smoothing, self._returning, self._visible = mirrored, smoothing, returning, visible
        self.reset()

    def reset(self) -> None:
        """Forgets what was followed: another film begins."""
        self._time: float | None = None
        self._rotations = dict(REST)
        self._numbers: dict[str, float] = {**_STANDING, **dict.fromkeys(_EXPRESSIONS, 0.0)}

    def update(
        self,
        person: Mapping[str, Any] | None = None,
        *,
        hands: Sequence[Mapping[str, Any]] = (),
        face: Mapping[str, Any] | None = None,
        width: float = 1,
        timestamp: float | None = None,
    ) -> dict[str, Any]:
        """The bones at a frame of a film, or of a single picture when there is no `timestamp` (milliseconds). `width`: of the picture.

        `rotations`: a quaternion [x, y, z, w] for each bone, relative to its parent and to the T-pose. `position` of the hips in lengths of a leg: `x` to the left
        of the picture's middle, as the character has it, `y` above the lower ankle. `expressions`: `aa` (the mouth is open), `blinkLeft`, `blinkRight`, from 0 to 1.
        """
        body = read_body(person, self._visible)
        sides = _sided(hands, person)
        head = _turned(face)
        numbers = {**_position(body, person, width), **_expressions(face)}
        if self._mirrored:
            body = body.mirrored() if body else None
            sides = {side: None if points is None else points * [-1, 1, 1] for side, points in zip(("right", "left"), sides.values(), strict=True)}
            head = None if head is None else mirror(head)
            numbers = _mirrored_numbers(numbers)
        target = solve(body, sides["left"], sides["right"], head)
        follow, leave = self._parts(timestamp)
        for bone in BONES:
            to, part = (target[bone], follow) if bone in target else (REST[bone], leave)
            self._rotations[bone] = to if part == 1 else slerp(self._rotations[bone], to, part)
        for name, rest in {**_STANDING, **dict.fromkeys(_EXPRESSIONS, 0.0)}.items():
            part = follow if name in numbers else leave
            self._numbers[name] += part * (numbers.get(name, rest) - self._numbers[name])
        return {
            "rotations": {bone: [float(value) for value in q] for bone, q in self._rotations.items()},
            "position": {name: self._numbers[name] for name in _POSITION},
            "expressions": {name: self._numbers[name] for name in _EXPRESSIONS},
        }

    def _parts(self, timestamp: float | None) -> tuple[float, float]:
        """Of the way that is gone in this time, to what is followed and to rest."""
        if timestamp is None:
            return 1.0, 1.0
        if not math.isfinite(timestamp) or (self._time is not None and timestamp < self._time):
            raise InputError(f"the frame's timestamp is {timestamp}, and that of the one before was {self._time}: it must not fall; reset() begins another film")
        seconds = math.inf if self._time is None else (timestamp - self._time) / 1000
        self._time = timestamp
        follow, leave = (1.0 if constant == 0 else 1 - math.exp(-seconds / constant) for constant in (self._smoothing, self._returning))
        return follow, leave


def _sided(hands: Sequence[Mapping[str, Any]], person: Mapping[str, Any] | None) -> dict[str, Floats | None]:
    """The points of the left hand and of the right one: those at the person's wrists in the picture or else, without a person, as each hand is labelled."""
    found: dict[str, Floats | None] = {"left": None, "right": None}
    free = list(hands)
    if person is not None and person.get("landmarks"):
        points = person["landmarks"]
        near = _NEAR * _distance(points[11], points[12])
        pairs = sorted((_distance(hand["landmarks"][0], points[wrist]), side, number) for side, wrist in _SIDES.items() for number, hand in enumerate(free))
        taken: set[Any] = set()
        for distance, side, number in pairs:
            if distance <= near and side not in taken and number not in taken:
                taken |= {side, number}
                found[side] = read_hand(free[number])
        return found
    for hand in free:
        label = (hand.get("handedness") or {}).get("label")
        if label in found and found[label] is None:
            found[label] = read_hand(hand)
    return found


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return math.hypot(one["x"] - other["x"], one["y"] - other["y"])


def _turned(face: Mapping[str, Any] | None) -> Floats | None:
    """How a face is turned: it nods by pitch (downward), then turns by yaw (to the person's left), then tilts by roll (toward the left shoulder); radians."""
    rotation = face.get("rotation") if face else None
    if rotation is None:
        return None
    yaw, pitch, roll = (float(rotation.get(name, math.nan)) for name in ("yaw", "pitch", "roll"))
    if not all(map(math.isfinite, (yaw, pitch, roll))):
        return None
    return compose(from_vector(-roll * AXES[2]), compose(from_vector(yaw * AXES[1]), from_vector(pitch * AXES[0])))


def _expressions(face: Mapping[str, Any] | None) -> dict[str, float]:
    """From how far mouth and eyes are open, as parts of their widths."""
    if not face or "mouth" not in face or not face.get("eyes"):
        return {}
    numbers = {"aa": _ramp(face["mouth"], _MOUTH_OPEN)}
    numbers.update({f"blink{side.title()}": 1 - _ramp(face["eyes"].get(side, math.nan), _EYE_OPEN) for side in _SIDES})
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _position(body: Body | None, person: Mapping[str, Any] | None, width: float) -> dict[str, float]:
    """Of the hips, in lengths of the longer leg. A weak perspective (so many pixels a metre) leads from the picture to metres."""
    if body is None or person is None:
        return {}
    legs = [_leg_length(one) for one in (body, body.mirrored())]
    ankles = [one.points[27, 1] for one, length in zip((body, body.mirrored()), legs, strict=True) if length]
    hips = body.at(23, 24)
    leg = max(legs)
    if hips is None or not leg > 0:
        return {}
    numbers = {"y": float(hips[1] - min(ankles)) / leg}
    if person.get("landmarks"):
        points = np.array([[point["x"], -point["y"]] for point in person["landmarks"]])
        seen = body.seen & np.isfinite(points).all(axis=1)
        flat, there = body.points[seen, :2], points[seen]
        spread = flat - flat.mean(axis=0)
        pixels = float((spread * (there - there.mean(axis=0))).sum() / max((spread**2).sum(), 1e-9))
        x = (points[23, 0] + points[24, 0] - width) / 2
        if pixels > 0 and math.isfinite(x):
            numbers["x"] = x / pixels / leg
    return numbers


def _leg_length(body: Body) -> float:
    """Of the left one; 0 where it isn't seen."""
    hip, knee, ankle = body.points[[23, 25, 27]]
    return math.dist(hip, knee) + math.dist(knee, ankle) if body.seen[[23, 25, 27]].all() else 0.0


def _mirrored_numbers(numbers: dict[str, float]) -> dict[str, float]:
    swapped = {"blinkLeft": "blinkRight", "blinkRight": "blinkLeft"}
    return {swapped.get(name, name): -value if name == "x" else value for name, value in numbers.items()}
