"""Models that were handed over, and a Chromium to look at their pages with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fake_devices
import handed_models
import pytest
from handed_pages import Visits
from playwright.sync_api import sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.handover import hand_over

ALLOWED = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="session")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with everything of a model of `handed_models`, by its kind; written once, and not to be changed."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind) / "site"
            getattr(handed_models, f"{kind}_model")().save(made[kind] / "model")
            hand_over(made[kind] / "model", made[kind], title=f"A {kind} model {handed_models.ATTACK}", is_single_file=True)
        return made[kind]

    return folder


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    options = launch_options(find_chromium())
    devices = tmp_path_factory.mktemp("devices")
    files = [
        f"--use-file-for-fake-video-capture={fake_devices.camera(devices / 'camera.y4m')}",
        f"--use-file-for-fake-audio-capture={fake_devices.microphone(devices / 'microphone.wav')}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**{**options, "args": [*options["args"], *ALLOWED, *files]})
        opened = Visits(browser)
        yield opened
        opened.close()
        browser.close()


@pytest.fixture
def refusing(visits: Visits) -> Iterator[Visits]:
    """A Chromium that gives no page a camera or a microphone."""
    options = launch_options(find_chromium())
    browser = visits.kind.launch(**{**options, "args": [*options["args"], "--use-fake-device-for-media-stream"]})
    opened = Visits(browser)
    yield opened
    opened.close()
    browser.close()
