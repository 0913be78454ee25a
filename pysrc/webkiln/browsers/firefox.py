"""Finding Firefox, and how it is launched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from webkiln.errors import BrowserError

# A browser that is driven by a program has nobody to ask and nothing to fetch.
_PREFERENCES: dict[str, Any] = {
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "toolkit.telemetry.enabled": False,
}


def find_firefox() -> str:
    """The path of Firefox: `WEBKILN_FIREFOX`, PATH, the usual places; raises `BrowserError` with how to get it."""
    if given := os.environ.get("WEBKILN_FIREFOX"):
        if not Path(given).is_file():
            raise BrowserError(f"WEBKILN_FIREFOX is {given!r}, which is not a file")
        return given
    for name in ("firefox-esr", "firefox"):
        if found := shutil.which(name):
            return found
    raise BrowserError(
        "Firefox was not found. Install it from your system's packages (Debian: apt-get install firefox-esr xvfb), "
        "or set WEBKILN_FIREFOX to its path."
    )


def launch_options(executable: str, environment: dict[str, str]) -> dict[str, Any]:
    """Keyword arguments of Playwright's `firefox.launch`, for a Firefox as Mozilla and distributions ship it."""
    return {
        "channel": "moz-firefox",
        "executable_path": executable,
        "headless": True,
        "env": environment,
        "firefox_user_prefs": dict(_PREFERENCES),
    }
