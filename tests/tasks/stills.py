"""Pictures of the astronaut in which bodies and faces are found, and MediaPipe's way to sample them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from task_runs import astronaut, warped
from webkiln.tasks import Region, placement

WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "turned": {"degrees": 40, "size": (640, 480)},
    "turned back": {"degrees": -25, "size": (640, 480)},
    "small": {"scale": 0.5, "move": (120, 60), "size": (640, 480)},
    "large": {"scale": 1.4, "move": (0, 90), "size": (480, 640)},
    "aside": {"degrees": 10, "scale": 0.8, "move": (-60, 30), "size": (640, 480)},
}


def stills() -> dict[str, np.ndarray]:
    return {name: warped(astronaut(), **way) for name, way in WAYS.items()}


class SampledByCorners:
    """A model that sees pictures as MediaPipe's does on a processor: through OpenCV's warpPerspective, into bytes.

    There position i of the input is at i of the region, its pixels' upper left corner, and not at their middle, i + 0.5; on graphics cards it samples at
    the middle, as Webkiln always does.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.processing = model.processing

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        ((name, part),) = inputs.items()
        spec, picture = self.processing["inputs"][name], part["picture"].astype(np.float64)
        height, width = picture.shape[:2]
        place = placement(spec, width, height, part["region"] or Region(width / 2, height / 2, width, height))
        j, i = np.indices((spec["height"], spec["width"]))
        x, y = place.to_picture(np.stack([i, j], axis=-1)).transpose(2, 0, 1)
        left, above = np.floor(x).astype(int), np.floor(y).astype(int)
        across, down = (x - left)[..., None], (y - above)[..., None]

        def at(column: np.ndarray, row: np.ndarray) -> np.ndarray:
            pixels = picture[row.clip(0, height - 1), column.clip(0, width - 1)]
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            return pixels if spec.get("pad") == "edge" else pixels * inside[..., None]

        top = at(left, above) * (1 - across) + at(left + 1, above) * across
        bottom = at(left, above + 1) * (1 - across) + at(left + 1, above + 1) * across
        sampled = (np.rint(top * (1 - down) + bottom * down) - spec["mean"]) / spec["scale"]
        return self._model.run({name: sampled[None].astype(np.float32)})  # type: ignore[no-any-return]
