"""Pictures of odd sizes with specifications and regions of every kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from webkiln.tasks import Region


@dataclass(frozen=True)
class PictureCase:
    pixels: np.ndarray  # uint8 [height, width, 4], opaque
    spec: dict[str, Any]
    region: Region | None


SIZES = [(1, 1), (1, 9), (7, 1), (3, 5), (64, 48), (97, 61), (200, 333), (31, 32)]  # height, width
INPUTS = [(16, 16), (1, 1), (33, 17), (8, 40)]


def picture_cases(count: int = 60, seed: int = 11) -> list[PictureCase]:
    rng = np.random.default_rng(seed)

    def choose(*options: Any) -> Any:
        return options[rng.integers(len(options))]

    cases = []
    for number in range(count):
        height, width = SIZES[number % len(SIZES)]
        pixels = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
        pixels[..., 3] = 255
        to_height, to_width = choose(*INPUTS)
        color = choose("RGB", "BGR", "GRAY")
        channels = 1 if color == "GRAY" else 3
        spec = {
            "type": "picture", "width": to_width, "height": to_height, "color": color,
            "resize": choose("stretch", "crop", "letterbox"), "resampling": choose("bilinear", "area", "nearest"),
            "layout": choose("NHWC", "NCHW"), "pad": choose("value", "value", "edge"), "pad_value": choose(0, 114), "orientation": "apply",
            "mean": choose([0.0], rng.uniform(0, 255, channels).tolist()), "scale": choose([255.0], rng.uniform(1, 255, channels).tolist()),
        }  # fmt: skip
        region = choose(
            None,
            None,
            Region(width / 2, height / 2, width / 2, height / 3 + 1, 0.0),
            Region(
                *rng.uniform(-1, 2, 2) * (width, height),
                *rng.uniform(0.2, 3, 2) * (width, height),
                rng.uniform(-math.pi, math.pi),
            ),
            Region(
                *rng.uniform(0, 1, 2) * (width, height),
                *rng.uniform(0.2, 1, 2) * (width, height),
                choose(math.pi / 2, -math.pi / 2, math.pi),
            ),
        )
        if region is not None:
            region = region._replace(mirrored=choose(False, False, True))
        cases.append(PictureCase(pixels, spec, region))
    return cases


def magnitude(spec: dict[str, Any]) -> float:
    """The largest magnitude of a value of the input: what errors are relative to."""
    return max(abs(value - mean) / scale for value in (0, 255) for mean in spec["mean"] for scale in spec["scale"])
