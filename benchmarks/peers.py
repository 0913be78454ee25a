#!/usr/bin/env python3
"""Webkiln beside LiteRT.js: the same models, one browser page, one thread, in turns.

    python benchmarks/peers.py [--rounds 12] [--runs 5] [--json]

Times are from an array to arrays, in milliseconds. Both numbers of a ratio come from the same page and the same minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import dist_folder
from webkiln.commands.sources import convert_source
from webkiln.gallery import fetch

HERE = Path(__file__).resolve().parent
MODELS = ("pose_landmark_lite", "face_landmark")
PEER = "LiteRT.js"
LARGEST_DIFFERENCE = 1e-3  # beyond this the runtimes did not compute the same thing


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12, help="turns that each runtime gets (default 12)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs in a turn (default 5)")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    arguments = parser.parse_args()
    install()
    report, browser = measure(arguments.rounds, arguments.runs)
    if arguments.json:
        print(json.dumps({"browser": browser, "models": report}, indent=1))
    else:
        show(report, browser)
    worst = max(runner["difference"] for model in report for runner in model["runners"])
    if worst > LARGEST_DIFFERENCE:
        print(f"error: the results differ by {worst:.1e}, more than {LARGEST_DIFFERENCE:.0e}", file=sys.stderr)
        return 1
    return 0


def install() -> None:
    """The packages of package-lock.json, into node_modules/ beside this file."""
    wanted, stamp = HERE / "package-lock.json", HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_bytes() == wanted.read_bytes():
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("error: npm was not found; install Node 20 or newer")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True)
    stamp.write_bytes(wanted.read_bytes())


def measure(rounds: int, runs: int) -> tuple[list[dict[str, Any]], str]:
    """The page's report, and the browser's name and version."""
    with tempfile.TemporaryDirectory(prefix="webkiln-peers-") as scratch:
        models, page_folder = Path(scratch, "models"), Path(scratch, "page")
        page_folder.mkdir()
        for file in ("peers.html", "peers.mjs"):
            shutil.copyfile(HERE / file, page_folder / file)
        wanted = []
        for name in MODELS:
            model = convert_source(name, lambda text: print(text, file=sys.stderr))
            model.save(models / name)
            shutil.copyfile(fetch(name), models / f"{name}.tflite")
            wanted.append({"name": name, "shape": list(model.inputs[0].shape)})
        folders = {"/": page_folder, "/models/": models, "/dist/": dist_folder(), "/packages/": HERE / "node_modules"}
        with LocalServer(folders) as server:
            page = BrowserPage("chromium", launch_options(find_chromium()))
            try:
                page.open(server.url + "peers.html")
                page.wait_for("typeof globalThis.measurePeers === 'function'", 60)
                plan = {"models": wanted, "rounds": rounds, "runs": runs}
                return page.evaluate("(plan) => measurePeers(plan)", plan, timeout=1800, what="measuring"), page.description
            finally:
                page.close()


def show(report: list[dict[str, Any]], browser: str) -> None:
    print(f"{browser}, one thread, milliseconds; ratios to {PEER}: below 1 is faster")
    print(f"{'model':<20} {'runtime':<16} {'median':>8} {'minimum':>8} {'ratio':>7} {'of minima':>9} {'difference':>11}")
    for model in report:
        peer = next(runner for runner in model["runners"] if runner["name"] == PEER)["samples"]
        for runner in model["runners"]:
            times = runner["samples"]
            print(
                f"{model['name']:<20} {runner['name']:<16} {median(times):>8.2f} {min(times):>8.2f}"
                f" {median(times) / median(peer):>7.2f} {min(times) / min(peer):>9.2f} {runner['difference']:>11.1e}"
            )


if __name__ == "__main__":
    sys.exit(main())
