"""Faces: found, then 468 points of each, its irises, how it is turned, and how far its mouth and eyes are open.

The steps between the models are those that they were published with: MediaPipe's graphs FaceLandmarkFrontCpu and IrisLandmarkLeftAndRightCpu (Kartynnik et
al.: Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019; Ablavatski et al.: Real-time Pupil Tracking from Monocular Video, 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.expressions import EYES, read_expression
from webkiln.tasks.kinds import Point
from webkiln.tasks.networks import Network, Runnable, is_boxes, is_eye, is_iris, is_landmarks, is_presence
from webkiln.tasks.pictures import Region
from webkiln.tasks.pose import described
from webkiln.tasks.regions import LEVEL, around_points, square, turn
from webkiln.tasks.smoothing import Smoothing
from webkiln.tasks.tracking import Tracking

_SCALE, _EYE_SCALE = 1.5, 2.3  # of the region to the box of a face, and to the corners of an eye
_LINE = (33, 263)  # of the mesh: the outer corners of the eyes
_CONTOUR = 16  # of the points around an eye the first ones are its contour
_IRIS_ORDER = {"right": (0, 1, 2, 3, 4), "left": (0, 3, 2, 1, 4)}  # in a picture that is not mirrored
_PRESENT = 0.5


class Face(Tracking):
    """Finds faces. `detector`, `landmarks`, `iris`: the gallery's face_detection_short_range, face_landmark and iris_landmark.

    Without `iris` the irises are not looked for, and the contours of the eyes are those of the mesh.
    """

    def __init__(self, detector: Runnable, landmarks: Runnable, iris: Runnable | None = None, *, num_faces: int = 1, smoothing: Smoothing | None = Smoothing()) -> None:  # noqa: B008
        self._detector = Network(detector, "the detector", {"boxes": is_boxes})
        self._landmarks = Network(landmarks, "the landmarks", {"landmarks": is_landmarks, "presence": is_presence})
        self._iris = None if iris is None else Network(iris, "the irises", {"eye": is_eye, "iris": is_iris})
        super().__init__(num_faces, smoothing)

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """The faces in a picture (uint8 [height, width, 3]).

        Each has `id`, `score`, `box`, `landmarks` in pixels, the same `normalized` to 0…1 by the picture's size, and `rotation`, `mouth` and `eyes`
        (`read_expression`). Landmarks are the 468 points of the mesh and, with irises, five of the right one and five of the left one, as
        the person says: centre, then four around it. With a `timestamp` (milliseconds) the picture is the next frame of a film: faces are followed, and smoothed.
        """
        height, width = picture.shape[:2]
        faces = [{**face, **described(face["landmarks"], width, height), **read_expression(face["landmarks"])} for face in self.follow(picture, timestamp)]
        return {"timestamp": timestamp, "width": width, "height": height, "faces": faces}

    def stream(self, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[dict[str, Any]]:
        """`detect` for each of the frames, which are pairs of a timestamp in milliseconds and a picture."""
        return (self.detect(picture, timestamp) for timestamp, picture in frames)

    def find(self, picture: np.ndarray) -> list[Region]:
        return [_around_face(found) for found in self._detector.see(picture)["boxes"]]

    def look(self, picture: np.ndarray, region: Region) -> tuple[dict[str, Any], Region] | None:
        seen = self._landmarks.see(picture, region)
        score, mesh = seen["presence"][0]["score"], seen["landmarks"]["points"]
        if not score > _PRESENT:
            return None
        start, end = (mesh[k] for k in _LINE)
        following = square(around_points(mesh)._replace(rotation=turn(start, end, LEVEL)), _SCALE)
        return {"score": score, "landmarks": mesh if self._iris is None else _with_irises(mesh, self._iris, picture)}, following


def _around_face(found: Any) -> Region:
    """The region of a face that was found: its eyes are level in it."""
    named = {point["name"]: point for point in found["points"]}
    return square(Region(**{**found["box"], "rotation": turn(named["right_eye"], named["left_eye"], LEVEL)}), _SCALE)


def _with_irises(mesh: Sequence[Point], network: Network, picture: np.ndarray) -> list[Point]:
    """The mesh with the eyes as the network sees them, and the irises after it. Of points around an eye z stays; an iris has the mean of its contour's."""
    points, irises = list(mesh), []
    for side, corners in EYES.items():
        rows = network.spec("eye")["mesh"].get(f"{side}_eye")
        if not rows or len(rows) < _CONTOUR or max(rows) >= len(mesh):
            raise InputError(f"the model given for the irises does not say which points of the mesh those around the {side} eye are (mesh, docs/format.md)")
        seen = network.see(picture, around_eye(mesh, side, corners))
        for row, point in zip(rows, seen["eye"]["points"], strict=True):
            points[row] = Point(x=point["x"], y=point["y"], z=mesh[row]["z"])
        depth = sum(mesh[row]["z"] for row in rows[:_CONTOUR]) / _CONTOUR
        irises += [Point(x=point["x"], y=point["y"], z=depth) for point in (seen["iris"]["points"][k] for k in _IRIS_ORDER[side])]
    return points + irises


def around_eye(mesh: Sequence[Point], side: str, corners: Sequence[int]) -> Region:
    """The region of an eye, whose corners are level in it; the network knows right ones, and sees left ones mirrored."""
    left, right = (mesh[k] for k in (corners if side == "right" else corners[::-1]))
    rotation = turn(left, right, LEVEL)
    return square(around_points([left, right], rotation), _EYE_SCALE)._replace(mirrored=side == "left")
