"""Whether a demo's page works."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from webkiln.browsers.server import LocalServer
from webkiln.demos.page import CHECK_TIMEOUT
from webkiln.errors import BrowserError


def check(folder: Path, page: str) -> str:
    """Load a page of the folder in headless Chromium, and say what came. Raises `BrowserError` when it has no results."""
    from webkiln.browsers.chromium import find_chromium, launch_options
    from webkiln.browsers.page import BrowserPage

    with LocalServer({"/": folder}, isolated=False) as server:
        shown = BrowserPage("chromium", launch_options(find_chromium()))
        try:
            shown.open(server.url + page)
            with suppress(BrowserError):
                shown.wait_for("globalThis.webkilnDemo?.frames > 2 || globalThis.webkilnDemo?.error", CHECK_TIMEOUT)
            frames = shown.evaluate("globalThis.webkilnDemo?.frames ?? 0")
            said = shown.evaluate("globalThis.webkilnDemo?.error ?? ''")
        finally:
            shown.close()
    if said or not frames:
        raise BrowserError(f"{page} failed: {said or ' | '.join(shown.console[-5:]) or f'it had no result after {CHECK_TIMEOUT:g} s'}")
    return f"{page} had results of {frames} frames in {shown.description}"
