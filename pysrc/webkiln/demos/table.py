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

_BODY = ("pose_detection", "pose_landmark_lite")
_HANDS = ("palm_detection_lite", "hand_landmark_lite")
_FACE = ("face_detection_short_range", "face_landmark")

_ALL = (
    Demo("avatar", "a character moves as you move", (*_BODY, *_HANDS, *_FACE), ("person.jpg",)),
    Demo("pose-skeleton", "33 points of each body, found and followed", _BODY, ("person.jpg",)),
    Demo("hands-music", "hands play melody and chords", _HANDS, ("hands.webp",)),
    Demo("face-mesh", "468 points of each face and its irises", (*_FACE, "iris_landmark"), ("astronaut.png",)),
    Demo("background-blur", "what is no person is blurred or replaced", ("selfie_segmentation",), ("astronaut.png",)),
    Demo("read-a-picture", "printed text is found, turned upright and read", ("ppocr_detection", "ppocr_orientation", "ppocr_recognition"), ()),
    Demo("voice-activity", "when someone speaks, in a microphone or a file", ("silero_vad",), ()),
)

DEMOS = {demo.name: demo for demo in _ALL}
