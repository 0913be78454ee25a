"""Models that were handed over, and a Chromium to look at their pages with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import handed_models
import pytest
from handed_pages import Visits
from playwright.sync_api import sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.handover import hand_over

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


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
def visits() -> Iterator[Visits]:
    options = launch_options(find_chromium())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**{**options, "args": [*options["args"], *CAMERA]})
        opened = Visits(browser)
        yield opened
        opened.close()
        browser.close()
