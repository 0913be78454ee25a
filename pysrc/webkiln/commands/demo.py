"""`webkiln demo`."""

from __future__ import annotations

import shutil
import tempfile
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import demos_folder, dist_folder
from webkiln.commands.hosts import chosen_browsers
from webkiln.commands.sources import convert_source
from webkiln.commands.terminal import progress, remark, say
from webkiln.commands.verify import show
from webkiln.errors import BrowserError, OutputExistsError, WebkilnError
from webkiln.parity.verify import verify

RUNTIME_FILES = ("webkiln.min.js", "webkiln.worker.min.js", "webkiln-plain.wasm", "webkiln-relaxed.wasm")

_CHECK_TIMEOUT = 120.0  # seconds until the page has to be ready, on a slow machine without a GPU

_STATE = "document.documentElement.dataset.state"


@dataclass(frozen=True)
class Demo:
    """A page in `demos/`, the gallery model that it wants in `model/`, and how many landmarks it has to draw."""

    page: str
    model: str
    landmarks: int


DEMOS = {"pose": Demo(page="pose", model="pose_landmark_lite", landmarks=33)}


def command(*, name: str, export: Path | None, port: int, no_open: bool, check: bool, force: bool) -> bool:
    if name not in DEMOS:
        raise WebkilnError(f"there is no demo {name!r}; known: {', '.join(DEMOS)}")
    demo = DEMOS[name]
    if export is not None and export.exists() and any(export.iterdir() if export.is_dir() else [export]) and not force:
        raise OutputExistsError(f"{export} exists already; --force replaces it, or choose another --export")
    with tempfile.TemporaryDirectory(prefix="webkiln-demo-") as scratch:
        folder = Path(scratch, name)
        assemble(demo, folder)
        with progress("verifying") as note:
            browser = chosen_browsers([])[0]
            report = verify(folder / "model", backends=("numpy", "wasm"), browsers=[browser], cases=1, note=note)
        show(report)
        if not report.passed:
            return False
        if check and not _works(demo, folder):
            return False
        if export is not None:
            shutil.copytree(folder, export, dirs_exist_ok=True)
            say(f"written to {export}; see it with: webkiln serve {export}")
        elif not check:
            _serve(folder, port, not no_open)
    return True


def assemble(demo: Demo, folder: Path) -> None:
    """Make a folder that any static server can serve: the page, the runtime, the model."""
    page = demos_folder() / demo.page
    if not (page / "index.html").is_file():
        raise WebkilnError(f"the demo's page is missing: {page / 'index.html'}")
    runtime = dist_folder()
    shutil.copytree(page, folder)
    for file in RUNTIME_FILES:
        shutil.copyfile(runtime / file, folder / file)
    with progress(f"converting {demo.model}") as note:
        convert_source(demo.model, note).save(folder / "model", force=True)


def _works(demo: Demo, folder: Path) -> bool:
    """Load the page in headless Chromium, and say whether it drew what it has to draw."""
    from webkiln.browsers.chromium import find_chromium, launch_options
    from webkiln.browsers.page import BrowserPage

    with progress("loading the page in Chromium"), LocalServer({"/": folder}) as server:
        page = BrowserPage("chromium", launch_options(find_chromium()))
        try:
            page.open(server.url)
            try:
                page.wait_for(f"['ready', 'error'].includes({_STATE})", _CHECK_TIMEOUT)
            except BrowserError as error:
                state = page.evaluate(_STATE)
                remark(f"the page was not ready after {_CHECK_TIMEOUT:g} s, its state is {state!r}: {error}")
                return False
            state = page.evaluate(_STATE)
            landmarks = page.evaluate("globalThis.webkilnDemo?.landmarks ?? null")
            said = page.evaluate("globalThis.webkilnDemo?.error ?? ''")
        finally:
            page.close()
    if state != "ready":
        remark(f"the page failed: {said or ' | '.join(page.console[-5:]) or 'it does not say why'}")
        return False
    found = _finite_points(landmarks)
    if found != demo.landmarks:
        remark(f"the page drew {found} landmarks, expected {demo.landmarks}")
        return False
    say(f"the page drew {found} landmarks in {page.description}")
    return True


def _finite_points(landmarks: object) -> int:
    """How many of the page's landmarks have a finite x and y."""
    if not isinstance(landmarks, list):
        return 0
    return sum(
        isinstance(point, dict) and all(isinstance(point.get(key), (int, float)) and abs(point[key]) < 1e6 for key in ("x", "y"))
        for point in landmarks
    )


def _serve(folder: Path, port: int, opened: bool) -> None:
    with LocalServer({"/": folder}, port=port) as server, suppress(KeyboardInterrupt):
        say(server.url)
        if opened:
            webbrowser.open(server.url)
        remark("Ctrl-C ends it")
        server.wait()
