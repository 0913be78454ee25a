"""What `webkiln inspect` says of a model that it has converted or loaded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from webkiln.commands.describe import folder_size, show_backends, show_model, show_origin, show_plan
from webkiln.commands.sources import open_model, web_folder
from webkiln.commands.terminal import progress, say, size_text
from webkiln.errors import BrowserError
from webkiln.importers.inspection import Inspection


def show(source: str, found: Inspection | None, *, backend: str | None, browser: str | None) -> None:
    """Print what `source` is, and its plan. `found`: what its file says, where it is one that is converted."""
    with progress(f"opening {source}") as note, tempfile.TemporaryDirectory(prefix="webkiln-inspect-") as scratch:
        model = open_model(source, note)
        folder = web_folder(source)
        if folder is None:
            folder = Path(scratch, "model")
            note("measuring")
            model.save(folder)
        size = folder_size(folder)
        host = browser or ("chromium" if backend in ("webgl", "auto") else "node")
        note(f"planning in {host}")
        profile, reason = _plan(folder, backend, host)
    show_model(model)
    for line in found.content if found is not None else []:
        say(line)
    show_origin(model)
    say(f"size: {size_text(size)}, {model.bundle.parameters:,} parameters")
    show_backends(model, is_planned=backend == "webgl")
    show_plan(profile)
    if reason:
        say(f"memory for a run: not measured. {reason}")


def _plan(folder: Path, backend: str | None, browser: str) -> tuple[dict[str, Any], str]:
    """The runtime's plan, or, where no backend was asked for, the reason why there is none: inspecting needs no Node."""
    from webkiln.browsers.node import find_node
    from webkiln.browsers.session import Session

    if backend is None and browser == "node":
        try:
            find_node()
        except BrowserError as error:
            return {}, str(error)
    with Session(backend=backend or "wasm", browser=browser) as session:
        return session.plan(folder), ""
