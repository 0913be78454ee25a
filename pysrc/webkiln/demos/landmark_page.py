"""The demo pose: landmarks of one body in a picture, and their parity; a page of its own, without the shell."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from webkiln import gallery
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import demos_folder, dist_folder
from webkiln.demos.page import CHECK_TIMEOUT, SHARED_STYLE, Note
from webkiln.errors import BrowserError, WebkilnError

NAME = "pose"
TEXT = "33 landmarks of one body in a picture, with their parity"
MODEL = "pose_landmark_lite"
LANDMARKS = 33
SCRIPTS = ("webkiln.min.js", "webkiln.worker.min.js", "webkiln-plain.wasm", "webkiln-relaxed.wasm")
"""Of the runtime, beside the page."""

_STATE = "document.documentElement.dataset.state"


def assemble_landmark_page(folder: Path, *, note: Note = lambda text: None) -> None:
    """Make a folder that any static server can serve: the page, the runtime, the model in `model/`."""
    page = demos_folder() / NAME
    if not (page / "index.html").is_file():
        raise WebkilnError(f"the demo's page is missing: {page / 'index.html'}")
    shutil.copytree(page, folder)
    shutil.copyfile(demos_folder() / SHARED_STYLE, folder / Path(SHARED_STYLE).name)
    for file in SCRIPTS:
        shutil.copyfile(dist_folder() / file, folder / file)
    gallery.convert(MODEL, note=note).save(folder / "model", force=True)


def check_landmark_page(folder: Path) -> str:
    """Load the page in headless Chromium, and say what it drew. Raises `BrowserError` when that is not what it has to draw."""
    from webkiln.browsers.chromium import find_chromium, launch_options
    from webkiln.browsers.page import BrowserPage

    with LocalServer({"/": folder}) as server:
        page = BrowserPage("chromium", launch_options(find_chromium()))
        try:
            page.open(server.url)
            with suppress(BrowserError):
                page.wait_for(f"['ready', 'error'].includes({_STATE})", CHECK_TIMEOUT)
            state = page.evaluate(_STATE)
            landmarks = page.evaluate("globalThis.webkilnDemo?.landmarks ?? null")
            said = page.evaluate("globalThis.webkilnDemo?.error ?? ''")
        finally:
            page.close()
    if state == "error":
        raise BrowserError(f"the page failed: {said or ' | '.join(page.console[-5:]) or 'it does not say why'}")
    if state != "ready":
        raise BrowserError(f"the page was not ready after {CHECK_TIMEOUT:g} s, its state is {state!r}: {' | '.join(page.console[-5:]) or 'it does not say why'}")
    found = _finite_points(landmarks)
    if found != LANDMARKS:
        raise BrowserError(f"the page drew {found} landmarks, expected {LANDMARKS}")
    return f"the page drew {found} landmarks in {page.description}"


def _finite_points(landmarks: object) -> int:
    """How many of the page's landmarks have a finite x and y."""
    if not isinstance(landmarks, list):
        return 0
    return sum(
        isinstance(point, dict) and all(isinstance(point.get(key), (int, float)) and abs(point[key]) < 1e6 for key in ("x", "y"))
        for point in landmarks
    )
