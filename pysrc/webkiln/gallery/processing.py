"""Processing specifications (docs/format.md, "Processing") of the gallery's models, and the names of their key points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Spec = dict[str, Any]

BODY_NAMES = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)

# The network gives 39 rows: the 33 points of the body, then six auxiliary ones for finding the region in the next frame.
BODY_ROWS = BODY_NAMES + tuple(f"auxiliary_{k}" for k in range(6))

BODY_SKELETON = (
    *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10)),
    *((11, 12), (11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19)),
    *((12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)),
    *((11, 23), (12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28)),
    *((27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32)),
)

HAND_NAMES = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{joint}" for finger in ("index", "middle", "ring", "pinky") for joint in ("mcp", "pip", "dip", "tip")),
)

HAND_SKELETON = (
    *((0, 1), (1, 2), (2, 3), (3, 4)),
    *((0, 5), (5, 6), (6, 7), (7, 8)),
    *((5, 9), (9, 10), (10, 11), (11, 12)),
    *((9, 13), (13, 14), (14, 15), (15, 16)),
    *((13, 17), (17, 18), (18, 19), (19, 20), (0, 17)),
)

# The 17 points of a person in COCO.
PERSON_NAMES = (
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")),
)

PERSON_SKELETON = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (5, 6)),
    *((5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)

IRIS_NAMES = ("center", "right", "top", "left", "bottom")

# Sets of lines between the points of the face mesh, in the package's face_mesh_connections.py; those of the irises are of points after the mesh.
FACE_LINES = {
    "skeleton": "FACEMESH_TESSELATION",
    "contours": {
        "oval": "FACEMESH_FACE_OVAL",
        "lips": "FACEMESH_LIPS",
        "right_eye": "FACEMESH_RIGHT_EYE",
        "right_eyebrow": "FACEMESH_RIGHT_EYEBROW",
        "right_iris": "FACEMESH_RIGHT_IRIS",
        "left_eye": "FACEMESH_LEFT_EYE",
        "left_eyebrow": "FACEMESH_LEFT_EYEBROW",
        "left_iris": "FACEMESH_LEFT_IRIS",
    },
}

# Which points of the face mesh the 71 points around an eye are: the right one, and the left one in a mirrored picture
# (MediaPipe's graph FaceLandmarkFrontCpu, options of its LandmarksRefinementCalculator).
EYE_POINTS = {
    "right_eye": [
        *(33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112),
        *(243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189),
        *(35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193),
    ],
    "left_eye": [
        *(263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256, 341),
        *(463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413),
        *(265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417),
    ],
}

TENSOR: Spec = {"type": "tensor"}


def picture(size: int, *, signed: bool = False, resize: str = "letterbox", pad: str = "value") -> Spec:
    """A square RGB picture of `size` pixels, with values in 0…1, or in −1…1 when `signed`; outside of it black, or what its edge is."""
    middle = 127.5 if signed else 0
    width = 127.5 if signed else 255
    return {
        "type": "picture",
        "width": size,
        "height": size,
        "resize": resize,
        **({} if pad == "value" else {"pad": pad}),
        "pad_value": 0,
        "resampling": "bilinear",
        "color": "RGB",
        "orientation": "apply",
        "mean": [middle] * 3,
        "scale": [width] * 3,
        "layout": "NHWC",
    }


def keypoints(
    count: int,
    fields: Sequence[str] = ("x", "y", "z"),
    names: Sequence[str] = (),
    skeleton: Sequence[tuple[int, int]] = (),
    units: str = "pixels",
    activations: dict[str, str] | None = None,
    heatmaps: Spec | None = None,
) -> Spec:
    """`count` rows of `fields`; `skeleton` holds pairs of rows to be joined by a line, `heatmaps` says which output makes the points more exact."""
    spec: Spec = {"type": "keypoints", "count": count, "fields": list(fields), "units": units}
    if names:
        spec["names"] = list(names)
    if skeleton:
        spec["skeleton"] = [list(pair) for pair in skeleton]
    if activations:
        spec["activations"] = activations
    if heatmaps:
        spec["heatmaps"] = heatmaps
    return spec


def boxes(strides: Sequence[int], points: Sequence[str], scores: str, label: str) -> Spec:
    """Boxes of an anchor detector: centre, size and `points`, in input pixels relative to the anchor's centre."""
    fields = ["center_x", "center_y", "width", "height"]
    for point in points:
        fields += [f"{point}_x", f"{point}_y"]
    return {
        "type": "boxes",
        "anchors": {
            "strides": list(strides),
            "aspect_ratios": [1.0],
            "scales_per_layer": 2,
            "offset": 0.5,
            "fixed_size": True,
        },
        "fields": fields,
        "scores": scores,
        "score_activation": "sigmoid",
        "score_threshold": 0.5,
        "iou_threshold": 0.3,
        "non_maximum_suppression": "weighted",
        "labels": [label],
    }


def mask(activation: str = "none") -> Spec:
    """A mask in channel 0."""
    return {"type": "mask", "activation": activation, "channel": 0}


def labels(names: Sequence[str], activation: str = "none") -> Spec:
    """A score for each label."""
    return {"type": "labels", "labels": list(names), "activation": activation, "top": min(5, len(names))}


def text(characters: str, blank: int = 0) -> Spec:
    """Steps that have a score for each character and for none (`blank`). `characters`: the key of the source's metadata that lists them."""
    return {"type": "text", "characters": characters, "blank": blank}


def audio(sample_rate: int, length: int, step: int) -> Spec:
    """`length` samples of one channel, of which the last `step` are new."""
    return {"type": "audio", "sample_rate": sample_rate, "channels": 1, "frame_length": length, "frame_step": step, "window": "none", "scale": 1}


def tokens(tokenizer: str, maximum_length: int) -> Spec:
    """Numbers that the tokenizer of a file gives."""
    return {"type": "tokens", "tokenizer": tokenizer, "maximum_length": maximum_length, "padding": 0}


def probability(label: str, activation: str = "none") -> Spec:
    """One score for one label."""
    return {"type": "labels", "labels": [label], "activation": activation, "top": 1}
