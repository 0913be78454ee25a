"""Hands: palms are found, then 21 points of each hand in the picture and in metres, which hand it is, and what it does.

The steps between the models are those that the models were published with (Zhang et al.: MediaPipe Hands: On-device Real-time Hand Tracking, 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.tasks.gestures import INDEX, MIDDLE, RING, WRIST, read_gesture
from webkiln.tasks.networks import Network, Runnable, is_boxes, is_handedness, is_landmarks, is_presence, is_world
from webkiln.tasks.pictures import Region
from webkiln.tasks.pose import described
from webkiln.tasks.regions import UPRIGHT, around_points, square, turn
from webkiln.tasks.smoothing import Smoothing
from webkiln.tasks.tracking import Tracking

# Of the region to the palm's box, and to the box of the points that move least.
_PALM_SCALE, _PALM_UP = 2.6, 0.5
_HAND_SCALE, _HAND_UP = 2.0, 0.1
_STEADY = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)

_DEPTH = 0.4  # the model's z, where x has 1
_PRESENT = 0.5


class Hands(Tracking):
    """Finds hands. `detector`, `landmarks`: the gallery's palm_detection_lite and hand_landmark_lite."""

    def __init__(
        self,
        detector: Runnable,
        landmarks: Runnable,
        *,
        num_hands: int = 2,
        smoothing: Smoothing | None = Smoothing(),  # noqa: B008
    ) -> None:
        self._detector = Network(detector, "the detector", {"boxes": is_boxes})
        wanted = {"landmarks": is_landmarks, "world": is_world, "presence": is_presence, "handedness": is_handedness}
        self._landmarks = Network(landmarks, "the landmarks", wanted)
        super().__init__(num_hands, smoothing)

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """The hands in a picture (uint8 [height, width, 3]).

        Each has `id`, `score`, `box`, `landmarks` in pixels, the same `normalized` to 0…1 by the picture's size, `world` in metres about the hand's
        middle, `handedness` (`label`: left or right, as the person would say when the picture is not mirrored, as a camera gives it; in a mirrored
        picture it is the other hand), `gesture` and `pinch` (`read_gesture`). With a `timestamp` (milliseconds) the picture is the next frame of a
        film: hands are followed, and smoothed.
        """
        height, width = picture.shape[:2]
        hands = []
        for hand in self.follow(picture, timestamp):
            gesture, pinch = read_gesture(hand["world"])
            hands.append({**hand, **described(hand["landmarks"], width, height), "gesture": gesture, "pinch": pinch})
        return {"timestamp": timestamp, "width": width, "height": height, "hands": hands}

    def stream(self, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[dict[str, Any]]:
        """`detect` for each of the frames, which are pairs of a timestamp in milliseconds and a picture."""
        return (self.detect(picture, timestamp) for timestamp, picture in frames)

    def find(self, picture: np.ndarray) -> list[Region]:
        return [_around_palm(found) for found in self._detector.see(picture)["boxes"]]

    def look(self, picture: np.ndarray, region: Region) -> tuple[dict[str, Any], Region] | None:
        seen = self._landmarks.see(picture, region)
        score, right = seen["presence"][0]["score"], seen["handedness"][0]["score"]
        if not score > _PRESENT:
            return None
        points = [{**point, "z": point["z"] / _DEPTH} for point in seen["landmarks"]["points"]]
        handedness = {"label": "right", "score": right} if right > 0.5 else {"label": "left", "score": 1 - right}
        hand = {"score": score, "handedness": handedness, "landmarks": points, "world": seen["world"]["points"]}
        return hand, _around_hand(points)


def _around_palm(found: Any) -> Region:
    """The region of a hand whose palm was found: the line from the wrist to the knuckle of the middle finger goes up in it."""
    named = {point["name"]: point for point in found["points"]}
    box = Region(**{**found["box"], "rotation": turn(named["wrist"], named["middle_mcp"], UPRIGHT)})
    return square(box, _PALM_SCALE, _PALM_UP)


def _around_hand(points: Sequence[Mapping[str, Any]]) -> Region:
    """The region in which the hand with these points is looked for next."""
    middle = {axis: (points[INDEX][axis] + 2 * points[MIDDLE][axis] + points[RING][axis]) / 4 for axis in ("x", "y")}
    steady = around_points([points[k] for k in _STEADY], turn(points[WRIST], middle, UPRIGHT))
    return square(steady, _HAND_SCALE, _HAND_UP)
