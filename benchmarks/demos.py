#!/usr/bin/env python3
"""Frames a second of the demos on their sample films, each page alone in Chromium.

    python benchmarks/demos.py [NAME ...] [--seconds 15]

Also the milliseconds of each role in the latest frame, and the memory of the page's JavaScript after the first and after the last second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from webkiln import demos
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer

# Frames a second that are wanted on a machine without a graphics card.
LEAST = {"avatar": 14, "face-mesh": 30}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(demos.DEMOS), help="demos (default: all)")
    parser.add_argument("--seconds", type=float, default=15, help="of each (default 15)")
    arguments = parser.parse_args()
    print(f"{'demo':<18} {'frames/s':>9} {'wanted':>7} {'memory, MB':>15}  milliseconds")
    enough = True
    for name in arguments.names:
        found = measure(name, arguments.seconds)
        wanted = LEAST.get(name, 0)
        enough &= found["rate"] >= wanted
        roles = ", ".join(f"{role} {value:.1f}" for role, value in found["milliseconds"].items())
        print(f"{name:<18} {found['rate']:>9.1f} {wanted or '':>7} {found['before']:>7.1f}{found['after']:>8.1f}  {roles}")
    return 0 if enough else 1


def measure(name: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="webkiln-demos-") as scratch:
        folder = Path(scratch, name)
        demos.assemble(demos.DEMOS[name], folder, single_file=False, note=lambda text: None)
        with LocalServer({"/": folder}, isolated=False) as server:
            page = BrowserPage("chromium", launch_options(find_chromium()))
            try:
                page.open(server.url)
                page.wait_for("globalThis.webkilnDemo?.frames > 5 || globalThis.webkilnDemo?.error", 120)
                time.sleep(1)
                first, before = _state(page)
                began = time.monotonic()
                time.sleep(seconds)
                last, after = _state(page)
                if last["error"]:
                    sys.exit(f"error: {name}: {last['error']}")
                rate = (last["frames"] - first["frames"]) / (time.monotonic() - began)
                return {"rate": rate, "milliseconds": last["milliseconds"], "before": before, "after": after}
            finally:
                page.close()


def _state(page: BrowserPage) -> tuple[dict[str, Any], float]:
    """What the page tells of itself, and MB of its JavaScript."""
    state = "(() => { const { frames, error, result } = globalThis.webkilnDemo; return { frames, error, milliseconds: result?.milliseconds ?? {} }; })()"
    return page.evaluate(state), page.evaluate("performance.memory.usedJSHeapSize / 2 ** 20")


if __name__ == "__main__":
    sys.exit(main())
