"""The tasks of the bundle in pages: from one script tag, in a worker and not, on another origin, in a sandboxed frame; against Python, from the same pixels."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_site import site
from playwright.sync_api import Browser, Playwright, sync_playwright
from task_pages import PAGE, STRICT, call, given, make_folder, opened
from task_runs import astronaut, check_points, save_models, warped
from webkiln.browsers import chromium, firefox
from webkiln.browsers.display import Display
from webkiln.errors import BrowserError
from webkiln.tasks import Pose, Segmentation

SHARED = {"Access-Control-Allow-Origin": "*"}
WAYS: dict[str, dict[str, Any]] = {
    "wasm in a worker": {"backend": "wasm"},
    "wasm": {"backend": "wasm", "worker": False},
    "webgl in a worker": {"backend": "webgl"},
    "webgl": {"backend": "webgl", "worker": False},
}
PIXELS = 0.5


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    opened = playwright.chromium.launch(**chromium.launch_options(chromium.find_chromium()))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page, and all that it needs."""
    return make_folder(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Any]:
    return save_models(folder, ["pose_detection", "pose_landmark_lite", "selfie_segmentation"])


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return warped(astronaut(), degrees=15, scale=0.8, size=(640, 480))


def check_pose(received: dict[str, Any], expected: dict[str, Any]) -> None:
    assert len(received["people"]) == len(expected["people"]) == 1
    for one, other in zip(received["people"], expected["people"], strict=True):
        check_points(one["landmarks"], other["landmarks"], PIXELS, "in the picture")
        check_points(one["world"], other["world"], 2e-3, "in metres")
        assert [one["mask"]["width"], one["mask"]["height"]] == [256, 256]
        assert one["mask"]["values"]["values"][:3] == pytest.approx(other["mask"]["values"].reshape(-1)[:3], abs=1e-2)
    assert set(received["milliseconds"]) == {"detector", "landmarks", "all"}


@pytest.mark.parametrize("way", ["wasm in a worker", "wasm", "webgl"])
def test_pose(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, way: str) -> None:
    expected = Pose(models["pose_detection"], models["pose_landmark_lite"], masks=True).detect(picture)
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, asked), opened(browser, address) as page:
        answer = call(page, "detect", "pose", {"models": "models", "masks": True, **WAYS[way]}, [given(picture)])
    check_pose(answer["found"][0], expected)
    assert set(answer["backends"].values()) == {WAYS[way]["backend"]}
    assert answer["stages"][-1] == "ready"
    assert not any("full" in path or "selfie" in path for path in asked)


@pytest.mark.parametrize("way", ["wasm in a worker", "webgl in a worker"])
def test_segmentation(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, way: str) -> None:
    expected = Segmentation(models["selfie_segmentation"]).detect(picture)["mask"]
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
        answer = call(page, "detect", "segmentation", {"models": "models/", **WAYS[way]}, [given(picture)])
    received = answer["found"][0]["mask"]
    assert [received["width"], received["height"]] == [expected["width"], expected["height"]]
    assert received["place"] == pytest.approx(expected["place"]._asdict())
    np.testing.assert_allclose(np.array(received["values"]["values"]).reshape(expected["values"].shape), expected["values"], atol=2e-3)


def test_webgl_without_it_in_workers(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray) -> None:
    """The task runs on the page's own thread then."""
    expected = Segmentation(models["selfie_segmentation"]).detect(picture)["mask"]["values"]
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, asked), opened(browser, address) as page:
        answer = call(page, "detect", "segmentation", {"models": "models", "backend": "webgl", "workerUrl": "page/worker_without_webgl.js"}, [given(picture)])
    assert answer["backends"] == {"segmenter": "webgl"}
    assert any("worker_without_webgl" in path for path in asked)
    np.testing.assert_allclose(np.array(answer["found"][0]["mask"]["values"]["values"]).reshape(expected.shape), expected, atol=2e-3)


def test_assets_on_another_origin(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, tmp_path: Path) -> None:
    """The page on one origin; script, models and .wasm on another; a worker, since its script is fetched and wrapped."""
    expected = Pose(models["pose_detection"], models["pose_landmark_lite"], masks=True).detect(picture)
    with site(folder, SHARED) as (assets, _), site(tmp_path, {}) as (address, _):
        (tmp_path / "index.html").write_text(PAGE.format(dist=f"{assets}dist/", page=f"{assets}page/"))
        for worker in (True, False):
            with opened(browser, address) as page:
                answer = call(page, "detect", "pose", {"models": f"{assets}models", "masks": True, "backend": "wasm", "worker": worker}, [given(picture)])
            check_pose(answer["found"][0], expected)


def test_sandboxed_frame(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, tmp_path: Path) -> None:
    """A frame of an opaque origin in a page without isolation headers, everything else elsewhere: one thread, in a worker and not."""
    expected = Pose(models["pose_detection"], models["pose_landmark_lite"], masks=True).detect(picture)
    with site(folder, SHARED) as (assets, _), site(tmp_path, {}) as (address, _):
        inner = PAGE.format(dist=f"{assets}dist/", page=f"{assets}page/")
        (tmp_path / "index.html").write_text(f"<!doctype html><html data-ready=yes><iframe sandbox='allow-scripts' srcdoc='{html.escape(inner, quote=True)}'></iframe></html>")
        with opened(browser, address) as page:
            (frame,) = page.main_frame.child_frames
            frame.wait_for_function("document.documentElement.dataset.ready")
            assert frame.evaluate("[globalThis.origin, globalThis.crossOriginIsolated]") == ["null", False]
            for worker in (True, False):
                answer = call(frame, "detect", "pose", {"models": f"{assets}models", "masks": True, "backend": "wasm", "worker": worker}, [given(picture)])
                check_pose(answer["found"][0], expected)


@pytest.mark.parametrize("worker", [True, False])
def test_problems_are_told(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, worker: bool) -> None:
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
        told = call(page, "problems", "pose", {"models": "models", "backend": "wasm", "worker": worker}, given(picture))
    expected = {
        "option": "InputError: pose does not know the option wrong",
        "models": "InputError: pose wants the option models",
        "address": "FetchError: ",
        "stopped": "AbortError: ",
        "stoppedLater": "AbortError: ",
        "picture": "InputError: the HTMLVideoElement has no pixels",
        "nothing": "InputError: a picture is",
        "timestamp": "InputError: a timestamp is",
        "back": "InputError: the frame's timestamp is 1",
        "afterwards": "none",
        "disposed": "WebkilnError: the task was disposed",
    }
    for key, begin in expected.items():
        assert told[key].startswith(begin), (key, told[key])
    assert told["pending"].startswith("WebkilnError: ") or not worker, told["pending"]


def test_a_film_in_firefox(playwright: Playwright, folder: Path, models: dict[str, Any], picture: np.ndarray) -> None:
    try:
        executable = firefox.find_firefox()
        display = Display()
    except BrowserError as error:
        pytest.skip(str(error))
    try:
        browser = playwright.firefox.launch(**firefox.launch_options(executable, display.environment))
        with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
            check_film(call(page, "stream", "pose", {"models": "models", "backend": "wasm"}, given(picture), 3))
        browser.close()
    finally:
        display.close()


@pytest.mark.parametrize("worker", [True, False])
def test_a_film_in_chromium(browser: Browser, folder: Path, models: dict[str, Any], picture: np.ndarray, worker: bool) -> None:
    with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
        check_film(call(page, "stream", "pose", {"models": "models", "backend": "wasm", "worker": worker}, given(picture), 3))


def check_film(found: list[dict[str, Any]]) -> None:
    """The same person in frames whose time grows; what is followed is not looked for again."""
    times = [result["timestamp"] for result in found]
    assert len(found) >= 2
    assert times == sorted(set(times))
    assert {person["id"] for result in found for person in result["people"]} == {0}
    assert "detector" in found[0]["milliseconds"]
