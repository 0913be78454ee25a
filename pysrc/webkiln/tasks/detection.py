"""Things in a picture: any model that gives boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.networks import Network, Runnable, is_boxes


class Detect:
    """Boxes of things. `detector`: any model with a picture as its input and an output of boxes, as the gallery's detectors; at most `most` things."""

    def __init__(self, detector: Runnable, *, most: int = 20) -> None:
        if most < 1:
            raise InputError(f"at least one thing is to be found, got {most}")
        self._detector = Network(detector, "the detector", {"boxes": is_boxes})
        self._most = most

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """`detections` in a picture (uint8 [height, width, 3]), the surest first, in its pixels."""
        height, width = picture.shape[:2]
        return {"timestamp": timestamp, "width": width, "height": height, "detections": self._detector.see(picture)["boxes"][: self._most]}
