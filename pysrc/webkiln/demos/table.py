"""The demos: a page `demos/NAME.html` each."""

from __future__ import annotations

from dataclasses import dataclass

GALLERY = "gallery"
"""In place of a demo's name: all of them, with a page that shows them."""


@dataclass(frozen=True)
class Demo:
    """What a page wants in `models/`, by gallery names, and which pictures lie in `samples/`."""

    name: str
    text: str
    models: tuple[str, ...]
    samples: tuple[str, ...]


SAMPLES = {"person.jpg": "pose/person.jpg", "hands.webp": "hands-music/hands.webp", "astronaut.png": "gallery:face_landmark"}
"""Where samples come from: a file in `demos/`, or the sample of a gallery model."""

_ALL = (
    Demo("pose-skeleton", "33 points of each body, found and followed", ("pose_detection", "pose_landmark_lite"), ("person.jpg",)),
    Demo("hands-music", "hands play melody and chords", ("palm_detection_lite", "hand_landmark_lite"), ("hands.webp",)),
)

DEMOS = {demo.name: demo for demo in _ALL}
