"""Draws the hands of the sample film of the demo hands-music: `python tests/tasks/music_hands.py` writes demos/hands-music/hands.webp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hand_model import FINGERS, POSES, Canvas, Drawn, hand
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 240, 320  # of each picture
_FINER = 2
_WRIST = (118, 220)
_SCALE = 1050.0  # pixels in a metre
_SKIN = np.array([224, 172, 142])
_STEPS = (0.0, 0.35, 0.7, 1.0)


def bends() -> Sequence[Mapping[str, Sequence[float]]]:
    """A hand that goes from open to a pinch, and one that goes from open to a fist."""
    return [
        {finger: np.multiply(step, POSES[pose].get(finger, (0, 0, 0))).tolist() for finger in FINGERS}
        for pose in ("pinch", "fist")
        for step in _STEPS
    ]


def picture(bent: Mapping[str, Sequence[float]]) -> NDArray[np.uint8]:
    """A left hand with its forearm, [height, width, RGBA], on nothing."""
    width, height = _FINER * WIDTH, _FINER * HEIGHT
    canvas = Canvas(np.full((height, width), np.inf), np.zeros((height, width)))
    one = Drawn(hand(bent), (_FINER * _WRIST[0], _FINER * _WRIST[1]), _FINER * _SCALE)
    replace(one).draw(canvas, np.array([0, 0.18, 0]))
    seen = np.isfinite(canvas.depth)[..., None]
    skin = np.where(seen, _SKIN * np.clip(0.45 + 0.6 * canvas.light, 0.2, 1.08)[..., None], 0)
    blocks = np.concatenate([skin, seen], axis=-1).reshape(HEIGHT, _FINER, WIDTH, _FINER, 4).mean(axis=(1, 3))
    share = blocks[..., 3:]
    colors = blocks[..., :3] / np.maximum(share, 1e-6)
    return np.concatenate([colors, 255 * share], axis=-1).clip(0, 255).astype(np.uint8)


def write(file: Path) -> None:
    """All pictures beside each other: a row each for the pinch and the fist."""
    found = [picture(bent) for bent in bends()]
    columns = len(_STEPS)
    rows = [np.concatenate(found[k : k + columns], axis=1) for k in range(0, len(found), columns)]
    Image.fromarray(np.concatenate(rows)).save(file, "WEBP", quality=82, method=6)


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "demos" / "hands-music" / "hands.webp")
