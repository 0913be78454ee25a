"""Running a task in Node on the frames that Python's was run on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from webkiln import gallery
from webkiln.browsers.node import find_node
from webkiln.webformat.write import files


@dataclass(frozen=True)
class Film:
    """Frames (uint8 [height, width, 3]); their timestamps in milliseconds, or None for pictures that have nothing to do with each other."""

    frames: Sequence[np.ndarray]
    timestamps: Sequence[float | None]


def astronaut() -> Image.Image:
    path = gallery.fetch_sample("movenet_lightning")
    assert path is not None
    return Image.open(path).convert("RGB")


def warped(image: Image.Image, *, degrees: float = 0, scale: float = 1, move: tuple[float, float] = (0, 0), size: tuple[int, int] | None = None) -> np.ndarray:
    """The picture turned clockwise and scaled about its middle, then moved, on a gray picture of this size."""
    width, height = size or image.size
    angle = np.radians(degrees)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    x, y = width / 2 + move[0], height / 2 + move[1]
    data = (cos, sin, image.width / 2 - cos * x - sin * y, -sin, cos, image.height / 2 + sin * x - cos * y)
    return np.asarray(image.transform((width, height), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)))


def save_models(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Gallery models, converted and written to `folder/models`."""
    models = {}
    for name in names:
        model = models[name] = gallery.convert(name)
        into = folder / "models" / name
        into.mkdir(parents=True, exist_ok=True)
        for file, data in files(model.bundle, golden=False).items():
            (into / file).write_bytes(data)
    return models


def run_in_node(folder: Path, name: str, options: Mapping[str, Any], film: Film) -> list[dict[str, Any]]:
    """What the task of this name says of each frame, with the models in `folder/models`."""
    frames = []
    for number, (pixels, timestamp) in enumerate(zip(film.frames, film.timestamps, strict=True)):
        height, width = pixels.shape[:2]
        file = f"{number}.rgba"
        (folder / file).write_bytes(np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2).tobytes())
        frames.append({"pixels": file, "width": width, "height": height, "timestamp": timestamp})
    (folder / "task.json").write_text(json.dumps({"name": name, "options": options, "frames": frames}))
    subprocess.run([find_node().path, Path(__file__).with_name("run_task.mjs"), folder], check=True, timeout=200)
    found: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return found


def check_points(received: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], limit: float, about: str) -> None:
    """x and y of each point are within `limit`, and the names are the same."""
    assert [point.get("name") for point in received] == [point.get("name") for point in expected]
    for one, other in zip(received, expected, strict=True):
        distance = np.hypot(one["x"] - other["x"], one["y"] - other["y"])
        assert distance < limit, f"{about}, {other.get('name')}: {distance} pixels off"
