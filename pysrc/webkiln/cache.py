"""Where fetched files are kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`WEBKILN_CACHE`, else `webkiln` in the user's cache folder. It may not exist yet."""
    if given := os.environ.get("WEBKILN_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "webkiln"
