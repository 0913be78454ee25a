#!/usr/bin/env python3
"""From opening a page to the first landmarks of a body, beside MediaPipe's web task with the same two models.

    python benchmarks/cold_start/run.py [--rounds 5] [--json]

Each time in a browser of its own, in turns, from a server on this machine. Bytes are those of what was fetched without models and picture, gzipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from peers import install  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from webkiln import gallery  # noqa: E402
from webkiln.browsers.chromium import find_chromium, launch_options  # noqa: E402
from webkiln.browsers.server import LocalServer  # noqa: E402
from webkiln.codegen.paths import REPOSITORY, dist_folder  # noqa: E402

RUNTIMES = ("webkiln", "mediapipe")
MODELS = ("pose_detection", "pose_landmark_lite")
MEDIAPIPE = "mediapipe==0.10.21"
LARGEST_DIFFERENCE = 0.02  # of the picture


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="times that each page is opened (default 5)")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    arguments = parser.parse_args()
    install()
    report = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)
    own, other = (report[name]["nose"] for name in RUNTIMES)
    if max(abs(own[axis] - other[axis]) for axis in "xy") > LARGEST_DIFFERENCE:
        print(f"error: the noses differ: {own}, {other}", file=sys.stderr)
        return 1
    return 0


def measure(rounds: int) -> dict[str, Any]:
    """By runtime: `samples` in milliseconds, `bytes` as transferred with gzip, `nose`."""
    report: dict[str, Any] = {name: {"samples": []} for name in RUNTIMES}
    with tempfile.TemporaryDirectory(prefix="webkiln-cold-") as scratch:
        models, page_folder = Path(scratch, "models"), Path(scratch, "page")
        page_folder.mkdir()
        for name in MODELS:
            gallery.convert(name).save(models / name)
        command = [_python_with_mediapipe(), HERE / "task_archive.py", *map(gallery.fetch, MODELS), models / "pose_landmarker_lite.task"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sample = gallery.fetch_sample("pose_landmark_lite")
        assert sample is not None
        shutil.copyfile(sample, page_folder / "sample.png")
        for name in RUNTIMES:
            shutil.copyfile(HERE / f"{name}.html", page_folder / f"{name}.html")
        folders = {"/": page_folder, "/models/": models, "/dist/": dist_folder(), "/packages/": HERE.parent / "node_modules"}
        with LocalServer(folders) as server, sync_playwright() as playwright:
            for _ in range(rounds):
                for name in RUNTIMES:
                    first, addresses = _open(playwright, server.url + f"{name}.html")
                    report[name]["samples"].append(first["milliseconds"])
                    report[name]["nose"] = first["nose"]
                    report[name]["bytes"] = sum(_gzipped(address, server.url, folders) for address in addresses)
    return report


def _python_with_mediapipe() -> Path:
    """An environment of its own, since it wants an older NumPy; it only writes the models' archive."""
    folder = REPOSITORY / "build" / "mediapipe"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "installed").is_file():
        print(f"installing {MEDIAPIPE} into {folder.relative_to(REPOSITORY)}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", MEDIAPIPE], check=True)
        (folder / "installed").touch()
    return python


def _open(playwright: Any, address: str) -> tuple[dict[str, Any], list[str]]:
    """What the page tells, and the addresses of all that it and its workers fetched."""
    addresses: set[str] = set()
    with playwright.chromium.launch(**launch_options(find_chromium())) as browser:
        page = browser.new_page()
        page.context.on("request", lambda request: addresses.add(request.url))
        page.on("pageerror", lambda error: print(f"uncaught {error}", file=sys.stderr))
        page.goto(address)
        page.wait_for_function("globalThis.first !== undefined", timeout=60_000)
        return page.evaluate("globalThis.first"), sorted(addresses)


def _gzipped(address: str, base: str, folders: dict[str, Path]) -> int:
    path = address.removeprefix(base)
    if path.startswith("models/") or path.endswith(".png") or not address.startswith(base):
        return 0
    mount = next((key for key in folders if key != "/" and f"/{path}".startswith(key)), "/")
    file = folders[mount] / f"/{path}".removeprefix(mount)
    return len(gzip.compress(file.read_bytes(), 9)) if file.is_file() else 0


def show(report: dict[str, Any]) -> None:
    print(f"{'runtime':<12} {'median, ms':>10} {'minimum':>8} {'KB without weights':>19}")
    for name in RUNTIMES:
        one = report[name]
        print(f"{name:<12} {median(one['samples']):>10.0f} {min(one['samples']):>8.0f} {one['bytes'] / 1024:>19.0f}")
    own, other = (report[name] for name in RUNTIMES)
    print(f"webkiln: {own['bytes'] / other['bytes']:.3f} of the bytes, {median(own['samples']) / median(other['samples']):.2f} of the time")


if __name__ == "__main__":
    sys.exit(main())
