"""Finding Chromium or Chrome, and how it is launched."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webkiln.cache import cache_folder
from webkiln.errors import BrowserError

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)

_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)

_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")

# Newest first; Playwright lays a browser out differently for each system and build.
_PLAYWRIGHT = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium-*/chrome-win*/chrome.exe",
    "chromium_headless_shell-*/chrome-*/*headless*shell*",
)

_ARGUMENTS = [
    # Software rendering that is the same on every machine.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Nothing but the local server is ever asked for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--no-default-browser-check",
    "--no-first-run",
    # A page that nobody looks at must not run slower.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-dev-shm-usage",
]


def packaged_chromium() -> Path:
    """Where `install_chromium` puts the browser that it unpacks from the npm package."""
    return cache_folder() / "chromium" / "chromium"


def find_chromium() -> str:
    """The path of a Chromium-like browser; raises `BrowserError` with how to get one.

    Looked for in this order: `WEBKILN_CHROMIUM`, PATH, the system's usual places, Playwright's own browsers, the one that
    `install_chromium` unpacked.
    """
    if given := os.environ.get("WEBKILN_CHROMIUM"):
        if not Path(given).is_file():
            raise BrowserError(f"WEBKILN_CHROMIUM is {given!r}, which is not a file")
        return given
    for path in _candidates():
        if os.access(path, os.X_OK):
            return str(path)
    raise BrowserError(
        "no Chromium or Chrome was found. Install one from your system's packages (Debian: apt-get install chromium), "
        "or run `python -m playwright install chromium`, or set WEBKILN_CHROMIUM to its path. "
        "`--browser node` needs no browser."
    )


def _candidates() -> Iterator[Path]:
    for name in _NAMES:
        if found := shutil.which(name):
            yield Path(found)
    if sys.platform == "darwin":
        yield from (Path(path) for path in _APPLICATIONS if Path(path).is_file())
    if sys.platform == "win32":
        for base in filter(None, (os.environ.get("PROGRAMFILES"), os.environ.get("PROGRAMFILES(X86)"))):
            yield from (Path(base, path) for path in _WINDOWS if Path(base, path).is_file())
    for pattern in _PLAYWRIGHT:
        yield from sorted((path for path in _playwright_folder().glob(pattern) if path.is_file()), reverse=True)
    if packaged_chromium().is_file():
        yield packaged_chromium()


def _playwright_folder() -> Path:
    if (given := os.environ.get("PLAYWRIGHT_BROWSERS_PATH")) and given != "0":
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "ms-playwright"


def launch_options(executable: str) -> dict[str, Any]:
    """Keyword arguments of Playwright's `chromium.launch`."""
    arguments = list(_ARGUMENTS)
    # The sandbox refuses to run as root, which is what containers are.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return {"executable_path": executable, "headless": True, "args": arguments}
