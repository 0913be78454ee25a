"""From identical pixels to results: models of the gallery in Python, in Node and in Chromium on both backends.

The weights that each result comes from are the same; what differs is the rounding of the runs, which the parity tests bound.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from picture_site import Site
from PIL import Image
from result_comparison import check_results
from webkiln import gallery
from webkiln.browsers.node import find_node
from webkiln.tasks import Region
from webkiln.webformat.write import files

PIXELS = 0.005  # of the picture, which is 512 wide
SCORE = 2e-5


@dataclass(frozen=True)
class Case:
    recipe: str
    region: Region | None = None
    kind: str = "pixels"  # in the page


# Options of `load` and of `run`.
WAYS: dict[str, list[dict[str, Any]]] = {
    "wasm": [{"backend": "wasm"}, {}],
    "webgl": [{"backend": "webgl"}, {"on": "device"}],
    "worker": [{"backend": "wasm", "worker": True}, {}],
}
TURNED = Region(250, 240, 480, 420, 0.35)
CASES = {
    "labels": Case("nsfwjs_mobilenet_v2", kind="ImageData"),
    "boxes": Case("face_detection_short_range", kind="ImageBitmap"),
    "boxes of a turned region": Case("pose_detection", TURNED),
    "key points and mask of a turned region": Case("pose_landmark_lite", TURNED, "HTMLCanvasElement"),
    "normalized key points": Case("movenet_lightning", kind="Blob"),
    "a mask": Case("selfie_segmentation", kind="HTMLImageElement"),
}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    path = gallery.fetch_sample("movenet_lightning")
    assert path is not None
    return np.asarray(Image.open(path).convert("RGB"))


@dataclass(frozen=True)
class Saved:
    """Models in a folder, and what Python says of the picture."""

    folder: Path
    input: dict[str, str]
    expected: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def saved(site: Site, pixels: np.ndarray) -> Saved:
    input_names, expected = {}, {}
    for case in CASES.values():
        model = gallery.convert(case.recipe)
        folder = site.folder / case.recipe
        folder.mkdir()
        for name, data in files(model.bundle, golden=False).items():
            (folder / name).write_bytes(data)
        input_names[case.recipe] = model.inputs[0].name
        inputs = {model.inputs[0].name: {"picture": pixels, "region": case.region}}
        expected[case.recipe] = webkiln.results(model, model.run(inputs), inputs)
    return Saved(site.folder, input_names, expected)


def check_number(received: float, expected: float, about: str) -> None:
    in_pixels = about.rsplit(" ", 1)[-1] in ("x", "y", "z", "width", "height")
    in_place = " place " in about  # of the picture and the region alone
    limit = 1e-9 if in_place else PIXELS if in_pixels else SCORE
    assert abs(received - expected) < limit, f"{about}: {received}, wanted {expected}"


def check_array(received: np.ndarray, expected: np.ndarray, about: str) -> None:
    """A logit of the edge of a mask is a sum of large terms of both signs: there a value may be farther off than they are on average."""
    error = np.abs(received - expected)
    assert error.max() < 3e-3, about
    assert error.mean() < 1e-5, about


def check_all(received: dict[str, Any], expected: dict[str, Any], about: str) -> None:
    """Of every output that means something."""
    meaning = {name: value for name, value in expected.items() if not isinstance(value, np.ndarray)}
    assert meaning
    for name, value in meaning.items():
        check_results(received[name], value, f"{about} {name}", check_number, check_array)


def test_python_finds_what_is_there(saved: Saved) -> None:
    """So that what is compared below means something."""
    face = saved.expected["face_detection_short_range"]["regressors"]
    assert len(face) == 1
    assert face[0]["score"] > 0.9
    assert abs(face[0]["box"]["x"] - 225) < 10
    assert abs(face[0]["box"]["y"] - 128) < 10
    nose = {"x": 222.0, "y": 124.0}
    for recipe, output in (("pose_landmark_lite", "Identity"), ("movenet_lightning", "Identity")):
        found = saved.expected[recipe][output]["points"][0]
        assert found["name"] == "nose"
        assert np.hypot(found["x"] - nose["x"], found["y"] - nose["y"]) < 12
    (person,) = saved.expected["pose_detection"]["Identity"]
    assert person["box"]["rotation"] == pytest.approx(0.35)
    best, *_ = saved.expected["nsfwjs_mobilenet_v2"]["Identity"]
    assert best["label"] == "Neutral"
    assert best["score"] > 0.9
    mask = saved.expected["selfie_segmentation"]["activation_10"]["values"]
    assert mask[150, 110] > 0.9  # the suit
    assert mask[10, 10] < 0.1


def test_node(saved: Saved, pixels: np.ndarray, tmp_path: Path) -> None:
    height, width = pixels.shape[:2]
    (saved.folder / "pixels.rgba").write_bytes(opaque(pixels).tobytes())
    told = [
        {"model": case.recipe, "pixels": "pixels.rgba", "width": width, "height": height, "input": saved.input[case.recipe], "region": case.region and case.region._asdict()}
        for case in CASES.values()
    ]
    (saved.folder / "cases.json").write_text(json.dumps(told))
    subprocess.run([find_node().path, Path(__file__).with_name("run_results.mjs"), saved.folder], check=True, timeout=200)
    found = json.loads((saved.folder / "results.json").read_text())
    for (name, case), received in zip(CASES.items(), found, strict=True):
        check_all(received, saved.expected[case.recipe], name)


@pytest.mark.parametrize(("name", "way"), [*((name, way) for name in CASES for way in WAYS if way != "worker"), ("boxes", "worker")])
def test_chromium(site: Site, saved: Saved, pixels: np.ndarray, name: str, way: str) -> None:
    case, (height, width) = CASES[name], pixels.shape[:2]
    picture = {"rgba": base64.b64encode(opaque(pixels).tobytes()).decode(), "width": width, "height": height}
    region = case.region and case.region._asdict()
    received = site.call("results", f"{site.models}{case.recipe}/model.json", picture, saved.input[case.recipe], region, case.kind, *WAYS[way])
    check_all(json.loads(received), saved.expected[case.recipe], name)


def opaque(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)
