"""What a whole picture shows: any model that gives labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from webkiln.tasks.networks import Network, Runnable, is_labels


class Classify:
    """Labels of a picture. `classifier`: any model with a picture as its input and an output of labels, as the gallery's nsfwjs_mobilenet_v2."""

    def __init__(self, classifier: Runnable) -> None:
        self._classifier = Network(classifier, "the classifier", {"labels": is_labels})

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """`labels` of a picture (uint8 [height, width, 3]), the likeliest first; as many as the model's `processing` says."""
        height, width = picture.shape[:2]
        return {"timestamp": timestamp, "width": width, "height": height, "labels": self._classifier.see(picture)["labels"]}
