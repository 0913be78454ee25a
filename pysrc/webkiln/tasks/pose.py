"""Bodies: a detector, 33 points of each body in the picture and in metres, and its mask.

The steps between the models are those that BlazePose was published with (Bazarevsky et al.: BlazePose: On-device Real-time Body Pose Tracking, 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from webkiln.tasks.kinds import Point
from webkiln.tasks.networks import Network, Runnable, is_boxes, is_landmarks, is_mask, is_presence, is_world
from webkiln.tasks.pictures import Region
from webkiln.tasks.regions import around_line, around_points, as_box
from webkiln.tasks.segmentation import sized
from webkiln.tasks.smoothing import Smoothing
from webkiln.tasks.tracking import Tracking

BODY_POINTS = 33
"""Those after them only serve to find the body in the next frame."""

_SCALE = 1.25  # of the region to the circle around the body
_PRESENT = 0.5


class Pose(Tracking):
    """Finds bodies. `detector`, `landmarks`: the gallery's pose_detection, and pose_landmark_lite or pose_landmark_full."""

    def __init__(self, detector: Runnable, landmarks: Runnable, *, num_people: int = 1, smoothing: Smoothing | None = Smoothing(), masks: bool = False) -> None:  # noqa: B008
        self._detector = Network(detector, "the detector", {"boxes": is_boxes})
        wanted = {"landmarks": is_landmarks, "world": is_world, "presence": is_presence}
        self._landmarks = Network(landmarks, "the landmarks", {**wanted, "mask": is_mask} if masks else wanted)
        super().__init__(num_people, smoothing)

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """The people in a picture (uint8 [height, width, 3]).

        Each has `id`, `score`, `box`, `landmarks` in pixels, the same `normalized` to 0…1 by the picture's size, `world` in metres about the hips
        and, with `masks`, `mask`. With a `timestamp` (milliseconds) the picture is the next frame of a film: bodies are followed, and smoothed.
        """
        height, width = picture.shape[:2]
        people = [{**person, **described(person["landmarks"], width, height)} for person in self.follow(picture, timestamp)]
        return {"timestamp": timestamp, "width": width, "height": height, "people": people}

    def stream(self, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[dict[str, Any]]:
        """`detect` for each of the frames, which are pairs of a timestamp in milliseconds and a picture."""
        return (self.detect(picture, timestamp) for timestamp, picture in frames)

    def find(self, picture: np.ndarray) -> list[Region]:
        boxes = self._detector.see(picture)["boxes"]
        points = [{point["name"]: point for point in box["points"]} for box in boxes]
        return [around_line(named["hip_center"], named["full_body"], _SCALE) for named in points]

    def look(self, picture: np.ndarray, region: Region) -> tuple[dict[str, Any], Region] | None:
        seen = self._landmarks.see(picture, region)
        score = seen["presence"][0]["score"]
        if not score > _PRESENT:
            return None
        points = seen["landmarks"]["points"]
        centre, circle = points[BODY_POINTS : BODY_POINTS + 2]
        person = {"score": score, "landmarks": points[:BODY_POINTS], "world": seen["world"]["points"][:BODY_POINTS]}
        if "mask" in seen:
            person["mask"] = sized(seen["mask"])
        return person, around_line(centre, circle, _SCALE)


def described(landmarks: list[Point], width: int, height: int) -> dict[str, Any]:
    """The box of points in pixels of a picture of this size, and the points as parts of it (z as x)."""
    scale = {"x": width, "y": height, "z": width}
    normalized = [{**point, **{axis: point[axis] / size for axis, size in scale.items() if axis in point}} for point in landmarks]  # type: ignore[literal-required]
    return {"box": as_box(around_points(landmarks)), "normalized": normalized}
