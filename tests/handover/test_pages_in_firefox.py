"""The ready page in Firefox: its first result, its camera, and what it says of the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from handed_pages import Visits
from playwright.sync_api import sync_playwright
from webkiln.browsers.display import Display
from webkiln.browsers.firefox import find_firefox, launch_options
from webkiln.errors import BrowserError

Handed = Callable[[str], Path]


@pytest.fixture(scope="module")
def visits() -> Iterator[Visits]:
    try:
        executable = find_firefox()
        display = Display()
    except BrowserError as error:
        pytest.skip(str(error))
    options = launch_options(executable, display.environment)
    options["firefox_user_prefs"] |= {"media.navigator.streams.fake": True, "media.navigator.permission.disabled": True}
    try:
        with sync_playwright() as playwright:
            browser = playwright.firefox.launch(**options)
            opened = Visits(browser)
            yield opened
            opened.close()
            browser.close()
    finally:
        display.close()


def test_the_page_runs_shows_and_verifies(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("picture"))
    visit.wait()
    assert visit.page.is_hidden("#problem")
    assert visit.page.locator("#results .output").count() >= 1
    assert [line for line in visit.said if line.startswith(("error", "uncaught"))] == []
    visit.page.click("text=Use the camera")
    visit.page.wait_for_function("() => webkilnPage.runs >= 4", timeout=30_000)
    visit.page.click("text=Stop the camera")
    visit.wait()
    assert visit.page.is_hidden("#problem")
    visit.page.set_viewport_size({"width": 360, "height": 700})
    assert visit.overflow() <= 0, "a phone needs no sideways scrolling"
    visit.page.goto(visit.origin + "verify.html")
    visit.wait("passed", "failed", "error")
    assert visit.page.inner_text(".verdict").startswith("Passed")


def test_the_single_file_runs_from_disk(visits: Visits, handed: Handed) -> None:
    (file,) = (path for path in handed("picture").glob("*.html") if path.name not in ("index.html", "verify.html"))
    visit = visits.disk(file)
    visit.wait()
    assert visit.page.is_hidden("#problem")
    assert visit.page.locator("#results .output").count() >= 1
