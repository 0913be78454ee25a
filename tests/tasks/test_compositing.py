"""Pictures before other backgrounds: the reference by itself, and the page's drawing against it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_site import site
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, sync_playwright
from task_pages import STRICT, call, given, make_folder, opened
from task_runs import astronaut, save_models, warped
from webkiln.browsers import chromium
from webkiln.errors import InputError
from webkiln.tasks import Placement, Segmentation, composite
from webkiln.tasks.compositing import opacity

COLOR = (20, 180, 240)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return warped(astronaut(), degrees=8, size=(500, 420))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("compositing"))


@pytest.fixture(scope="module")
def mask(folder: Path, picture: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = Segmentation(save_models(folder, ["selfie_segmentation"])["selfie_segmentation"]).detect(picture)["mask"]
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**chromium.launch_options(chromium.find_chromium()))
        yield started
        started.close()


def drawn(browser: Browser, folder: Path, method: str, kind: str, picture: np.ndarray, background: Any) -> tuple[np.ndarray, dict[str, Any]]:
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
        answer = call(page, "composited", method, kind, {"models": "models", "backend": "wasm"}, given(picture), background)
    height, width = picture.shape[:2]
    assert answer["size"] == [width, height]
    assert answer["webgl"] == (kind == "webgl")
    pixels = np.frombuffer(base64.b64decode(answer["rgba"]), np.uint8).reshape(height, width, 4)
    return pixels, answer


def test_edges_follow_those_of_the_picture() -> None:
    """A coarse mask whose border is beside that of a black and white picture: what is like the person stays, what is not goes."""
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, 18:] = 255  # the mask's border is at 16, in cells of 4 pixels
    values = np.zeros((8, 8), np.float32)
    values[:, 4:] = 1
    mask = {"values": values, "place": Placement(4, 0, 0, 4, 0, 0)}
    share = opacity(picture, mask)
    assert share[:, 19:].min() > 0.95
    assert share[:, :16].max() < 0.05
    shown = composite(picture, mask, (10, 20, 30))
    assert shown[5, 3].tolist() == [10, 20, 30]
    assert shown[5, 30].tolist() == [255, 255, 255]
    with pytest.raises(InputError, match="a background is a colour"):
        composite(picture, mask, np.zeros((4, 4, 3)))


def test_a_color_on_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray) -> None:
    shown, answer = drawn(browser, folder, "replace", "webgl", picture, f"rgb{COLOR}")
    expected = composite(picture, mask, COLOR)
    assert (shown[..., 3] == 255).all()
    assert np.abs(shown[..., :3].astype(int) - expected).max() <= 1
    share = opacity(picture, mask)
    assert (share > 0.99).mean() > 0.2
    assert (share < 0.01).mean() > 0.2
    for message, begin in zip(answer["wrong"], ['InputError: "no color" is no color', "InputError: a picture is", "InputError: the radius", "InputError: a canvas is wanted"], strict=True):
        assert message.startswith(begin)


def test_nothing_on_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray) -> None:
    """A canvas that lets through what lies under it."""
    shown, _ = drawn(browser, folder, "replace", "webgl", picture, "transparent")
    assert np.abs(shown[..., 3] / 255 - opacity(picture, mask)).max() < 2 / 255


def test_a_film_on_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray) -> None:
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
        answer = call(page, "blurredFilm", {"models": "models", "backend": "wasm"}, given(picture), 5)
    times = [frame["timestamp"] for frame in answer["found"]]
    assert times == sorted(set(times))
    height, width = picture.shape[:2]
    wanted = (picture.mean() * 3 + 255) / 4
    for frame in answer["found"]:
        assert frame["size"] == [width, height]
        assert frame["mean"] == pytest.approx(wanted, abs=25)  # it moves
    assert answer["error"] == 0


def test_a_picture_on_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray) -> None:
    """It covers the canvas: half as large, and wider than the canvas is."""
    height, width = picture.shape[:2]
    large = np.asarray(Image.linear_gradient("L").resize((width + 100, height)).convert("RGB")).copy()
    large[..., 0] = np.linspace(0, 255, width + 100).astype(np.uint8)
    small = np.asarray(Image.fromarray(large).resize(((width + 100) // 2, height // 2), Image.Resampling.BOX))
    shown, _ = drawn(browser, folder, "replace", "webgl", picture, given(small))
    expected = composite(picture, mask, large[:, 50:-50])
    assert np.abs(shown[..., :3].astype(int) - expected).max() <= 6


def test_blur_on_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray) -> None:
    """The person is as it was; behind is a blurred background, in which there is nothing of the person."""
    shown, _ = drawn(browser, folder, "blur", "webgl", picture, {"radius": 20})
    share = opacity(picture, mask)
    difference = np.abs(shown[..., :3].astype(int) - picture)
    assert difference[share == 1].max() <= 1
    behind = np.clip((mask["values"] - 0.2) / 0.6, 0, 1)
    weight = 1 - behind * behind * (3 - 2 * behind)
    height, width = picture.shape[:2]
    weight = np.asarray(Image.fromarray(weight.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    blurred = np.stack([smooth(picture[..., channel] * weight, 10) for channel in range(3)], axis=-1) / np.maximum(smooth(weight, 10), 1e-3)[..., None]
    inside = np.zeros_like(share, bool)
    inside[40:-40, 40:-40] = True  # borders go on differently
    error = np.abs(shown[..., :3] - blurred)[(share == 0) & inside]
    assert error.mean() < 1
    assert np.quantile(error, 0.999) < 8


def smooth(values: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian, by separate sums along both axes."""
    far = int(4 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-far, far + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        values = np.apply_along_axis(lambda line: np.convolve(np.pad(line, far, "edge"), kernel, "valid"), axis, values)
    return values


@pytest.mark.parametrize("method", ["replace", "blur"])
def test_without_webgl(browser: Browser, folder: Path, mask: dict[str, Any], picture: np.ndarray, method: str) -> None:
    """A canvas that is drawn on in 2D: the same but at the edges."""
    shown, _ = drawn(browser, folder, method, "2d", picture, f"rgb{COLOR}" if method == "replace" else {"radius": 20})
    assert (shown[..., 3] == 255).all()
    share = opacity(picture, mask)
    expected = composite(picture, mask, COLOR) if method == "replace" else np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(10)))
    certain = (share == 0) if method == "blur" else (share == 0) | (share == 1)
    error = np.abs(shown[..., :3].astype(int) - expected)
    assert error[certain].mean() < 1.5
    assert np.abs(shown[..., :3].astype(int) - picture)[share == 1].mean() < 1
