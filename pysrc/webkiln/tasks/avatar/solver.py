"""From points to the rotations of bones. What the points don't tell is left out; nothing here remembers anything.

Directions of limbs are followed exactly, within the limits. How a limb is turned about itself shows in the bend of its elbow or knee, and in the hand or foot
at its end. Hips carry the trunk's whole bow; sideways bend and twist of the trunk are shared by spine and chest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from webkiln.tasks.avatar.humanoid import FINGER_BONES, limit_of
from webkiln.tasks.avatar.rotations import (
    AXES,
    IDENTITY,
    Floats,
    between,
    compose,
    cross,
    direction,
    from_axes,
    from_vector,
    inverse,
    mirror,
    slerp,
    to_vector,
    turn,
    twist_of,
)

Rotations = dict[str, Floats]

# Points of BlazePose, those of the left side where there are two; the right one's number is looked up in _OTHER_SIDE.
_EYE, _EAR, _MOUTH, _SHOULDER, _ELBOW, _WRIST, _LITTLE, _INDEX = 2, 7, 9, 11, 13, 15, 17, 19
_HIP, _KNEE, _ANKLE, _HEEL, _TOE = 23, 25, 27, 29, 31
_OTHER_SIDE = np.array([0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(k + 1 if k % 2 else k - 1 for k in range(11, 33))])

_ELBOW_BENT = (0.1, 0.25)  # sines of the bend from which on it tells how the limb is turned, a little and wholly
_KNEE_BENT = (0.2, 0.4)
_LEAN = math.radians(12)  # by which BlazePose's mouths lie behind its eyes when someone looks straight ahead: as measured, and faces then agree to 2°
_THUMB = np.array([math.sqrt(0.5), 0.0, math.sqrt(0.5)])


class Body(NamedTuple):
    """33 points with x to the person's left, y up and z forward [33, 3], and which of them are seen [33]."""

    points: Floats
    seen: np.ndarray

    def mirrored(self) -> Body:
        return Body(self.points[_OTHER_SIDE] * [-1, 1, 1], self.seen[_OTHER_SIDE])

    def at(self, *numbers: int) -> Floats | None:
        """The middle of points, if all of them are seen."""
        return self.points[list(numbers)].sum(axis=0) / len(numbers) if self.seen[list(numbers)].all() else None

    def line(self, start: int, end: int) -> Floats | None:
        """The direction from one point to another."""
        return direction(self.points[end] - self.points[start]) if self.seen[start] and self.seen[end] else None


def read_body(person: Mapping[str, Any] | None, visible: float) -> Body | None:
    """The body of what `Pose` found. A point counts where its `visibility` is at least `visible`."""
    if person is None:
        return None
    world, landmarks = person["world"], person.get("landmarks") or person["world"]
    points = _upright(world)
    visibility = [float(one.get("visibility", other.get("visibility", 1.0))) for one, other in zip(world, landmarks, strict=True)]
    seen = np.isfinite(points).all(axis=1) & (np.array(visibility) >= visible)
    return Body(np.where(seen[:, None], points, 0.0), seen)


def read_hand(hand: Mapping[str, Any] | None) -> Floats | None:
    """21 points of what `Hands` found [21, 3], axes as in `Body`."""
    if hand is None:
        return None
    points = _upright(hand.get("world") or hand["landmarks"])
    return points if np.isfinite(points).all() else None


def _upright(points: Sequence[Mapping[str, float]]) -> Floats:
    """From x right, y down, z away from the camera."""
    return np.array([[point["x"], -point["y"], -point.get("z", 0.0)] for point in points])


def solve(body: Body | None, left: Floats | None = None, right: Floats | None = None, head: Floats | None = None) -> Rotations:
    """The rotation of each bone relative to its parent that the points tell. `left`, `right`: points of hands; `head`: how it is turned, where a face told it."""
    found: Rotations = {}
    chest = _trunk(body, found) if body else IDENTITY
    head = head if head is not None else _head(body) if body else None
    if head is not None:
        _share(compose(inverse(chest), head), ("neck", "head"), found)
    hips = found.get("hips", IDENTITY)
    for side, hand in (("left", left), ("right", right)):
        is_right = side == "right"
        one = body.mirrored() if body and is_right else body
        points = hand * [-1, 1, 1] if hand is not None and is_right else hand
        limb: Rotations = {}
        if one:
            _arm(one, mirror(chest) if is_right else chest, points, limb)
            _leg(one, mirror(hips) if is_right else hips, limb)
        if points is not None:
            _fingers(points, limb)
        found.update({side + bone: mirror(q) if is_right else q for bone, q in limb.items()})
    return found


def within(bone: str, q: Floats) -> Floats:
    """The rotation, no farther than the bone turns."""
    axis, limits = limit_of(bone)
    twist = twist_of(q, axis)
    swing = np.clip(to_vector(compose(q, inverse(twist))), limits[:, 0], limits[:, 1])
    turned = np.clip(to_vector(twist), limits[:, 0], limits[:, 1])
    swing[axis] = 0
    return compose(from_vector(swing), from_vector(turned * AXES[axis]))


def _frame(x: Floats | None, y: Floats | None) -> Floats | None:
    """The turn to two axes; the first one is exact, the second is made perpendicular to it."""
    z = direction(cross(x, y)) if x is not None and y is not None else None
    return from_axes(x, cross(z, x), z) if x is not None and z is not None else None


def _share(q: Floats, bones: tuple[str, str], found: Rotations) -> Floats:
    """Gives each of two bones half of a turn. What came of both."""
    half = slerp(IDENTITY, q, 0.5)
    for bone in bones:
        found[bone] = within(bone, half)
    return compose(found[bones[0]], found[bones[1]])


def _trunk(body: Body, found: Rotations) -> Floats:
    """How the chest is turned."""
    middle = body.at(_HIP, _HIP + 1), body.at(_SHOULDER, _SHOULDER + 1)
    up = direction(middle[1] - middle[0]) if middle[0] is not None and middle[1] is not None else None
    hips = _frame(body.line(_HIP + 1, _HIP), up)
    if hips is not None:
        found["hips"] = hips
    upright = up if up is not None else AXES[1]
    chest = _frame(body.line(_SHOULDER + 1, _SHOULDER), upright)
    if chest is None:
        return found.get("hips", IDENTITY)
    if hips is None:
        found["hips"] = hips = chest
    return compose(hips, _share(compose(inverse(hips), chest), ("spine", "chest"), found))


def _head(body: Body) -> Floats | None:
    """How the head is turned: from right to left, and from the mouth to the eyes."""
    eyes, mouth = body.at(_EYE, int(_OTHER_SIDE[_EYE])), body.at(_MOUTH, _MOUTH + 1)
    if eyes is None or mouth is None or not body.seen[[_EAR, _EAR + 1]].all():
        return None
    across = sum((body.points[k] - body.points[_OTHER_SIDE[k]] for k in (_EYE, _EAR, _MOUTH)), np.zeros(3))
    frame = _frame(direction(across), direction(eyes - mouth))
    return None if frame is None else compose(frame, from_vector(-_LEAN * AXES[0]))


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """From 0 to 1 between the ends, smoothly."""
    part = min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    return part * part * (3 - 2 * part)


def _limb(bone: str, parent: Floats, rest: Floats, along: Floats | None, found: Rotations, hinge: Floats | None = None, weight: float = 1.0) -> Floats | None:
    """A bone that points along a direction, and twisted so that its hinge comes to lie there. What it comes to, in the world."""
    swing = between(rest, turn(inverse(parent), along)) if along is not None else None
    if swing is None:
        return None
    if hinge is not None:
        axis, _ = limit_of(bone)
        inside = turn(inverse(compose(parent, swing)), hinge)
        # A hinge lies along y for what points along x, along x for what points along y.
        angle = math.atan2(inside[2], inside[1]) if axis == 0 else math.atan2(-inside[2], inside[0])
        swing = compose(swing, from_vector(AXES[axis] * (angle * weight)))
    found[bone] = within(bone, swing)
    return compose(parent, found[bone])


def _arm(body: Body, chest: Floats, hand: Floats | None, found: Rotations) -> None:
    """A left arm. The forearm turns about itself as far as the hand does; the hand has the rest."""
    upper, lower = body.line(_SHOULDER, _ELBOW), body.line(_ELBOW, _WRIST)
    hinge, weight = None, 0.0
    if upper is not None and lower is not None:
        normal = cross(lower, upper)
        hinge, weight = direction(normal), _ramp(math.sqrt(normal @ normal), _ELBOW_BENT)
    elbow = _limb("UpperArm", chest, AXES[0], upper, found, hinge, weight)
    wrist = _limb("LowerArm", elbow, AXES[0], lower, found) if elbow is not None else None
    palm = _palm(hand) if hand is not None else _palm_of_body(body)
    if elbow is None or wrist is None or palm is None:
        return
    twist = twist_of(compose(inverse(wrist), palm), 0)
    found["LowerArm"] = within("LowerArm", compose(found["LowerArm"], twist))
    found["Hand"] = within("Hand", compose(inverse(compose(elbow, found["LowerArm"])), palm))


def _palm_of_body(body: Body) -> Floats | None:
    wrist, knuckles = body.at(_WRIST), body.at(_INDEX, _LITTLE)
    if wrist is None or knuckles is None:
        return None
    return _palm_frame(direction(knuckles - wrist), body.line(_LITTLE, _INDEX))


def _palm(hand: Floats) -> Floats | None:
    return _palm_frame(direction(hand[[5, 9, 13, 17]].sum(axis=0) / 4 - hand[0]), direction(hand[5] - hand[17]))


def _palm_frame(along: Floats | None, forward: Floats | None) -> Floats | None:
    """A left hand, from the wrist to the fingers, and from the little finger to the index finger."""
    up = direction(cross(forward, along)) if along is not None and forward is not None else None
    return _frame(along, up)


def _fingers(hand: Floats, found: Rotations) -> None:
    """Fingers of a left hand, which point along x at rest, the thumb half forward."""
    palm = _palm(hand)
    if palm is None:
        return
    for finger, bones in enumerate(FINGER_BONES):
        parent = palm
        for joint, bone in enumerate(bones, start=1 + 4 * finger):
            rest = _THUMB if finger == 0 else AXES[0]
            turned = _limb(bone, parent, rest, direction(hand[joint + 1] - hand[joint]), found)
            if turned is None:
                break
            parent = turned


def _leg(body: Body, hips: Floats, found: Rotations) -> None:
    """A left leg. A straight one is turned about itself as its foot is."""
    thigh, shin = body.line(_HIP, _KNEE), body.line(_KNEE, _ANKLE)
    foot = _foot(body)
    hinge, weight = None, 0.0
    if thigh is not None and shin is not None:
        normal = cross(thigh, shin)
        hinge, weight = direction(normal), _ramp(math.sqrt(normal @ normal), _KNEE_BENT)
        if foot is not None:
            bent = hinge * weight if hinge is not None else np.zeros(3)
            hinge, weight = direction(bent + turn(foot, AXES[0]) * (1 - weight)), 1.0
    knee = _limb("UpperLeg", hips, -AXES[1], thigh, found, hinge, weight)
    ankle = _limb("LowerLeg", knee, -AXES[1], shin, found) if knee is not None else None
    if ankle is not None and foot is not None:
        found["Foot"] = within("Foot", compose(inverse(ankle), foot))


def _foot(body: Body) -> Floats | None:
    """A foot points from the heel to the toes; the ankle is above."""
    forward, up = body.line(_HEEL, _TOE), body.line(_HEEL, _ANKLE)
    left = direction(cross(up, forward)) if up is not None and forward is not None else None
    if forward is None or left is None:
        return None
    return from_axes(left, cross(forward, left), forward)
