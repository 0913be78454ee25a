"""`webkiln.drawing` on a canvas in Chromium: what is drawn is where it should be, in the colours that it should have."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.codegen.paths import dist_folder

WIDTH, HEIGHT = 200, 100
LEFT, RIGHT, CENTRE = (255, 122, 61), (53, 167, 255), (61, 220, 151)
PICTURE = {"width": 2 * WIDTH, "height": 2 * HEIGHT}
"""In whose pixels points are given: twice as fine as the canvas."""

Draw = Callable[..., np.ndarray]

_DRAW = """([size, name, args]) => {
  const canvas = Object.assign(document.createElement("canvas"), size);
  const context = canvas.getContext("2d");
  webkiln.drawing[name](context, ...args);
  const { data } = context.getImageData(0, 0, size.width, size.height);
  return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture(scope="module")
def draw() -> Iterator[Draw]:
    """Calls a function of `webkiln.drawing`; the canvas's RGBA, [height, width, 4]."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options(find_chromium()))
        page = browser.new_page()
        page.add_script_tag(content=Path(dist_folder() / "webkiln.tasks.min.js").read_text())

        def call(name: str, *args: Any, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
            text = page.evaluate(_DRAW, [{"width": width, "height": height}, name, args])
            return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)

        yield call
        browser.close()


def is_colour(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel[:3].astype(int) - colour).max() <= 2)


def centre_of(pixels: np.ndarray) -> tuple[float, float]:
    """Of all that is drawn, in pixels: x, y."""
    weights = pixels[..., 3].astype(float)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    return float((x * weights).sum() / weights.sum()), float((y * weights).sum() / weights.sum())


@pytest.mark.parametrize(("name", "colour"), [("left_wrist", LEFT), ("right_eye_outer", RIGHT), ("nose", CENTRE), ("cleft", CENTRE)])
def test_points_are_where_they_are_in_the_colour_of_their_side(draw: Draw, name: str, colour: tuple[int, int, int]) -> None:
    pixels = draw("landmarks", [{"name": name, "x": 60, "y": 120}], {"picture": PICTURE, "radius": 5})
    assert np.allclose(centre_of(pixels), (30, 60), atol=0.05)
    assert is_colour(pixels[60, 30], colour)


def test_mirrored_points_keep_the_colour_of_their_side(draw: Draw) -> None:
    pixels = draw("landmarks", [{"name": "left_wrist", "x": 60, "y": 120}], {"picture": PICTURE, "mirrored": True, "radius": 5})
    assert np.allclose(centre_of(pixels), (WIDTH - 30, 60), atol=0.05)
    assert is_colour(pixels[60, WIDTH - 30], LEFT)


def test_sizes_follow_the_canvas(draw: Draw) -> None:
    point = [{"x": 50, "y": 50}]
    small, large = (draw("landmarks", point, {"picture": {"width": 100, "height": 100}}, width=size, height=size)[..., 3] for size in (200, 400))
    assert np.count_nonzero(large) == pytest.approx(4 * np.count_nonzero(small), rel=0.25)


def test_what_is_hidden_is_faint(draw: Draw) -> None:
    alpha = [draw("landmarks", [{"x": 50, "y": 50, "visibility": visibility}], {"radius": 6})[50, 50, 3] for visibility in (0.1, 0.9)]
    assert alpha[0] < 100
    assert alpha[1] == 255


def test_bones_join_their_points(draw: Draw) -> None:
    points = [{"name": "left_shoulder", "x": 20, "y": 20}, {"name": "left_elbow", "x": 180, "y": 20}, {"name": "right_elbow", "x": 180, "y": 80}]
    pixels = draw("skeleton", points, [[0, 1], [1, 2]], {"lineWidth": 4})
    assert is_colour(pixels[20, 100], LEFT)
    assert is_colour(pixels[50, 180], (255, 255, 255)), "a bone between sides"
    assert pixels[50, 100, 3] == 0
    assert 0 < pixels[23, 100, 3] < 255, "the dark edge"


def test_a_mesh_is_its_lines(draw: Draw) -> None:
    pixels = draw("mesh", [{"x": 20, "y": 20}, {"x": 180, "y": 20}, {"x": 180, "y": 80}], [[0, 2]], {"lineWidth": 3, "color": "rgb(9 8 7)"})
    assert is_colour(pixels[50, 100], (9, 8, 7))
    assert pixels[20, 100, 3] == 0


def test_a_box_is_turned_and_has_a_tag(draw: Draw) -> None:
    box = {"x": 100, "y": 60, "width": 80, "height": 20, "rotation": np.pi / 2}
    bare = draw("boxes", [{"box": box, "label": "cat", "score": 0.9}], {"color": "rgb(9 8 7)", "lineWidth": 2, "tags": False})
    assert is_colour(bare[60, 90], (9, 8, 7))
    assert is_colour(bare[20, 100], (9, 8, 7))
    assert bare[60, 100, 3] == 0
    assert bare[60, 60, 3] == 0
    tagged = draw("boxes", [{"box": box, "label": "cat", "score": 0.9}], {"color": "rgb(9 8 7)", "lineWidth": 2})
    assert np.count_nonzero(tagged[:17, :, 3]) > 10 * np.count_nonzero(bare[:17, :, 3])


def test_a_tag_stays_inside(draw: Draw) -> None:
    pixels = draw("boxes", [{"box": {"x": 198, "y": 2, "width": 10, "height": 10}, "label": "cat"}], {"color": "rgb(200 100 50)"})
    assert is_colour(pixels[8, 195], (200, 100, 50))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mask_lies_where_its_place_says(draw: Draw, mirrored: bool) -> None:
    """Two values, a half of the picture each; the right one is sure."""
    mask = {"values": [0, 1], "width": 2, "height": 1, "place": {"a": PICTURE["width"] / 2, "b": 0, "c": 0, "d": PICTURE["height"], "e": 0, "f": 0}}
    pixels = draw("mask", mask, {"picture": PICTURE, "mirrored": mirrored, "color": "rgb(250 0 0)", "opacity": 0.8})
    sure, other = (10, 190) if mirrored else (190, 10)
    assert pixels[50, sure, 3] == pytest.approx(0.8 * 255, abs=3)
    assert is_colour(pixels[50, sure], (250, 0, 0))
    assert pixels[50, other, 3] < 5
    inverted = draw("mask", mask, {"picture": PICTURE, "mirrored": mirrored, "opacity": 0.8, "inverted": True})
    assert inverted[50, other, 3] == pytest.approx(0.8 * 255, abs=3)


def test_a_chart_rises_with_its_values(draw: Draw) -> None:
    samples = [{"timestamp": 100 * k, "value": k / 100} for k in range(101)]
    pixels = draw("chart", [{"name": "", "samples": samples, "color": "rgb(250 0 0)"}], {"seconds": 10, "ink": "rgb(0 0 250)"}, width=400, height=200)
    line = (pixels[..., 0] > 200) & (pixels[..., 3] > 200)
    columns = [np.flatnonzero(line[:, x]).mean() for x in (100, 200, 300)]
    assert columns[0] > columns[1] > columns[2]
    assert columns[0] - columns[1] == pytest.approx(columns[1] - columns[2], abs=2), "time goes evenly"
    bare = draw("chart", [], {"threshold": 0.5, "ink": "rgb(0 0 250)"}, width=400, height=200)
    assert np.count_nonzero(bare[100, :, 2] > 200) > 100
    shaded = draw("chart", [{"name": "", "samples": samples, "color": "rgb(250 0 0)"}], {"spans": [{"start": 2000, "end": 4500}], "ink": "rgb(0 0 250)"}, width=400, height=200)
    (columns,) = np.nonzero(shaded[30, :, 3].astype(int) > pixels[30, :, 3].astype(int) + 10)
    size = 200 / 18  # of the letters
    left, right = 3.2 * size, 400 - size
    assert columns.min() == pytest.approx(left + 0.2 * (right - left), abs=1)
    assert columns.max() == pytest.approx(left + 0.45 * (right - left), abs=1.5)
