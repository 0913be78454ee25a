"""`webkiln demo`."""

from __future__ import annotations

import shutil
import tempfile
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from webkiln import demos
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


_LANDMARK_PAGE = "pose"
DEMOS = {_LANDMARK_PAGE: Demo(page="pose", model="pose_landmark_lite", landmarks=33)}


def command(
    *, name: str, export: Path | None, single_file: bool, port: int, no_open: bool, check: bool, force: bool, listed: bool
) -> bool:
    if listed:
        show_demos()
        return True
    if name not in (*DEMOS, *demos.DEMOS, demos.GALLERY):
        raise WebkilnError(f"there is no demo {name!r}; known: {', '.join([*DEMOS, *demos.DEMOS, demos.GALLERY])}")
    if single_file and name == _LANDMARK_PAGE:
        raise WebkilnError(f"the demo {name} has no single file; `webkiln page pose_landmark_lite --single-file` makes one of its model, and pose-skeleton has one")
    if export is not None and export.exists() and any(export.iterdir() if export.is_dir() else [export]) and not force:
        raise OutputExistsError(f"{export} exists already; --force replaces it, or choose another --export")
    with tempfile.TemporaryDirectory(prefix="webkiln-demo-") as scratch:
        folder = Path(scratch, name)
        if not (_landmark_page(folder, check) if name == _LANDMARK_PAGE else _shell_pages(name, folder, check, single_file or export is None)):
            return False
        if export is not None:
            shutil.copytree(folder, export, dirs_exist_ok=True)
            say(f"written to {export}; see it with: webkiln serve {export}")
        elif not check:
            _serve(folder, port, not no_open)
    return True


def _landmark_page(folder: Path, check: bool) -> bool:
    demo = DEMOS[_LANDMARK_PAGE]
    assemble(demo, folder)
    return _same_numbers([folder / "model"]) and not (check and not _works(demo, folder))


def _shell_pages(name: str, folder: Path, check: bool, single_file: bool) -> bool:
    with progress("converting") as note:
        if name == demos.GALLERY:
            demos.assemble_gallery(demos.DEMOS.values(), folder, single_file=single_file, note=note)
        else:
            demos.assemble(demos.DEMOS[name], folder, single_file=single_file, note=note)
    if not _same_numbers(sorted((folder / "models").iterdir())):
        return False
    pages = [f"{one}.html" for one in demos.DEMOS] if name == demos.GALLERY else ["index.html"]
    return not check or all(_gives_results(folder, page) for page in pages)


def _same_numbers(models: list[Path]) -> bool:
    """Verify each model quickly: one golden case, in NumPy and in WebAssembly."""
    browser = chosen_browsers([])[0]
    reports = []
    for model in models:
        with progress(f"verifying {model.name}") as note:
            reports.append(verify(model, backends=("numpy", "wasm"), browsers=[browser], cases=1, note=note))
        show(reports[-1])
    return all(report.passed for report in reports)


def show_demos() -> None:
    width = max(map(len, [*DEMOS, *demos.DEMOS, demos.GALLERY])) + 2
    say(f"{_LANDMARK_PAGE:{width}}33 landmarks of one body in a picture, with their parity")
    for demo in demos.DEMOS.values():
        say(f"{demo.name:{width}}{demo.text} ({', '.join(demo.models)})")
    say(f"{demos.GALLERY:{width}}all of them, with a page that shows them")


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


def _gives_results(folder: Path, page: str) -> bool:
    """Load the page in headless Chromium, and say whether it has results."""
    from webkiln.browsers.chromium import find_chromium, launch_options
    from webkiln.browsers.page import BrowserPage

    with progress("loading the page in Chromium"), LocalServer({"/": folder}, isolated=False) as server:
        shown = BrowserPage("chromium", launch_options(find_chromium()))
        try:
            shown.open(server.url + page)
            with suppress(BrowserError):
                shown.wait_for("globalThis.webkilnDemo?.frames > 2 || globalThis.webkilnDemo?.error", _CHECK_TIMEOUT)
            frames = shown.evaluate("globalThis.webkilnDemo?.frames ?? 0")
            said = shown.evaluate("globalThis.webkilnDemo?.error ?? ''")
        finally:
            shown.close()
    if said or not frames:
        remark(f"{page} failed: {said or ' | '.join(shown.console[-5:]) or f'it had no result after {_CHECK_TIMEOUT:g} s'}")
        return False
    say(f"{page} had results of {frames} frames in {shown.description}")
    return True


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
