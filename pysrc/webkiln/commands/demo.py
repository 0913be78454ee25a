"""`webkiln demo`."""

from __future__ import annotations

import tempfile
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from webkiln import demos
from webkiln.browsers.server import LocalServer
from webkiln.commands.aside import check_folder, put_folder
from webkiln.commands.hosts import chosen_browsers
from webkiln.commands.terminal import progress, remark, say
from webkiln.commands.verify import show
from webkiln.demos import landmark_page
from webkiln.errors import BrowserError, WebkilnError
from webkiln.parity.verify import verify

_NAMES = (landmark_page.NAME, *demos.DEMOS, demos.GALLERY)


def command(
    *, name: str, export: Path | None, single_file: bool, port: int, no_open: bool, check: bool, force: bool, listed: bool
) -> bool:
    if listed:
        show_demos()
        return True
    if name not in _NAMES:
        raise WebkilnError(f"there is no demo {name!r}; known: {', '.join(_NAMES)}")
    if single_file and name == landmark_page.NAME:
        raise WebkilnError(f"the demo {name} has no single file; `webkiln page pose_landmark_lite --single-file` makes one of its model, and pose-skeleton has one")
    if export is not None:
        check_folder(export, force=force, is_earlier=_is_demo, kind="demo")
    with tempfile.TemporaryDirectory(prefix="webkiln-demo-") as scratch:
        folder = Path(scratch, name)
        if not (_landmark_page(folder, check) if name == landmark_page.NAME else _shell_pages(name, folder, check, single_file or export is None)):
            return False
        if export is not None:
            put_folder(folder, export)
            say(f"written to {export}; see it with: webkiln serve {export}")
        elif not check:
            _serve(folder, port, not no_open)
    return True


def _is_demo(folder: Path) -> bool:
    """Whether a demo was written there: a page, and the runtime that it has beside it or in `runtime/`."""
    return (folder / "index.html").is_file() and any((folder / path).is_file() for path in ("webkiln.min.js", "runtime/webkiln.min.js"))


def _landmark_page(folder: Path, check: bool) -> bool:
    with progress(f"converting {landmark_page.MODEL}") as note:
        demos.assemble_landmark_page(folder, note=note)
    return _same_numbers([folder / "model"]) and (not check or _works(partial(demos.check_landmark_page, folder)))


def _shell_pages(name: str, folder: Path, check: bool, single_file: bool) -> bool:
    with progress("converting") as note:
        if name == demos.GALLERY:
            demos.assemble_gallery(demos.DEMOS.values(), folder, single_file=single_file, note=note)
        else:
            demos.assemble(demos.DEMOS[name], folder, single_file=single_file, note=note)
    if not _same_numbers(sorted((folder / "models").iterdir())):
        return False
    pages = [f"{one}.html" for one in demos.DEMOS] if name == demos.GALLERY else ["index.html"]
    return not check or all(_works(partial(demos.check, folder, page)) for page in pages)


def _works(checked: Callable[[], str]) -> bool:
    try:
        with progress("loading the page in Chromium"):
            found = checked()
    except BrowserError as error:
        remark(str(error))
        return False
    say(found)
    return True


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
    width = max(map(len, _NAMES)) + 2
    say(f"{landmark_page.NAME:{width}}{landmark_page.TEXT}")
    for demo in demos.DEMOS.values():
        say(f"{demo.name:{width}}{demo.text} ({', '.join(demo.models)})")
    say(f"{demos.GALLERY:{width}}all of them, with a page that shows them")


def _serve(folder: Path, port: int, opened: bool) -> None:
    with LocalServer({"/": folder}, port=port) as server, suppress(KeyboardInterrupt):
        say(server.url)
        if opened:
            webbrowser.open(server.url)
        remark("Ctrl-C ends it")
        server.wait()
