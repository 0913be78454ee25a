"""What MediaPipe says of the pictures of `stills`; written to stills_oracle.json, which `test_pose` and `test_face` compare with.

    python tests/tasks/stills_oracle.py        with mediapipe 0.10.21, and pose_landmark_lite.tflite among its models; it writes nothing where it is missing

NumPy, Pillow and Webkiln's own package are needed too (for the picture).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stills import stills

FIXTURE = Path(__file__).with_name("stills_oracle.json")
FACE_STEP = 12
"""Of the points of a face every so many are kept, so that the file stays small."""


def look() -> dict[str, dict[str, Any]]:
    """Of each picture: landmarks [x, y] in pixels of the body (33), and of the face (some of 468, and all of 10 of the irises); None where none is found."""
    import mediapipe  # type: ignore[import-not-found, unused-ignore]

    def pixels(landmarks: Any, picture: Any) -> list[list[float]]:
        height, width = picture.shape[:2]
        return [[round(point.x * width, 2), round(point.y * height, 2)] for point in landmarks.landmark]

    said: dict[str, dict[str, Any]] = {}
    solutions = mediapipe.solutions
    for name, picture in stills().items():
        with solutions.pose.Pose(static_image_mode=True, model_complexity=0) as pose:
            body = pose.process(picture).pose_landmarks
        with solutions.face_mesh.FaceMesh(static_image_mode=True) as mesh:
            faces = mesh.process(picture).multi_face_landmarks
        with solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:  # another model, which has irises too
            refined = mesh.process(picture).multi_face_landmarks
        said[name] = {
            "pose": body and pixels(body, picture),
            "face": faces and pixels(faces[0], picture)[::FACE_STEP],
            "irises": refined and pixels(refined[0], picture)[468:],
        }
    return said


if __name__ == "__main__":
    try:
        FIXTURE.write_text(json.dumps(look()) + "\n")
    except ImportError as missing:
        print(f"{missing}: {FIXTURE.name} stays as it is")
