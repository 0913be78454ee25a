"""What of a picture is a person: a mask, and another background behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.kinds import Mask
from webkiln.tasks.networks import Network, Runnable, is_mask


class Segmentation:
    """Masks. `segmenter`: the gallery's selfie_segmentation, or any model with a picture as its input and a mask as an output.

    In a film, values that are uncertain keep a share of what they were in the frame before, at most `steadiness` (0…1), so that edges do not flicker:
    the share is 4·v·(1 − v)·steadiness, which is 0 where the new value v is 0 or 1.
    """

    def __init__(self, segmenter: Runnable, *, steadiness: float = 0.7) -> None:
        if not 0 <= steadiness <= 1:
            raise InputError(f"steadiness is a share in 0…1, got {steadiness}")
        self._segmenter = Network(segmenter, "the segmenter", {"mask": is_mask})
        self._steadiness = steadiness
        self.reset()

    def reset(self) -> None:
        """Forget the frame before: another film begins."""
        self._before: np.ndarray | None = None

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """`mask` of a picture (uint8 [height, width, 3]): `values` float32 [height, width], its `width` and `height`, and `place`, which says where they lie.

        With a `timestamp` (milliseconds) the picture is the next frame of a film.
        """
        height, width = picture.shape[:2]
        mask = sized(self._segmenter.see(picture)["mask"])
        if timestamp is not None:
            if self._before is not None and self._before.shape == mask["values"].shape:
                mask["values"] = steadied(mask["values"], self._before, self._steadiness)
            self._before = mask["values"]
        return {"timestamp": timestamp, "width": width, "height": height, "mask": mask}

    def stream(self, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[dict[str, Any]]:
        """`detect` for each of the frames, which are pairs of a timestamp in milliseconds and a picture."""
        return (self.detect(picture, timestamp) for timestamp, picture in frames)


def sized(mask: Mask) -> dict[str, Any]:
    """A mask with its own `width` and `height`."""
    height, width = mask["values"].shape
    return {"values": mask["values"], "width": width, "height": height, "place": mask["place"]}


def steadied(values: np.ndarray, before: np.ndarray, steadiness: float) -> np.ndarray:
    """Values of a mask in 0…1, each moved towards the one before by 4·v·(1 − v)·steadiness."""
    v = values.astype(np.float64)
    share = np.clip(4 * v * (1 - v), 0, 1) * steadiness
    return np.asarray(v + share * (before - v), np.float32)
