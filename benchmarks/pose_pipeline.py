#!/usr/bin/env python3
"""The pose pipeline, from a frame of 640 × 480 to smoothed landmarks, beside LiteRT.js with the same models and the same steps around them.

    python benchmarks/pose_pipeline.py [--rounds 8] [--frames 40] [--json]

One page of Chromium, one thread, WASM, in turns. Reading the frame's pixels, crops, decoding, tracking and smoothing count for both, and are the same code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from peers import HERE, install
from webkiln import gallery
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import REPOSITORY, dist_folder

MODELS = ("pose_detection", "pose_landmark_lite")
LARGEST_DIFFERENCE = 0.5  # pixels


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="turns that each gets (default 8)")
    parser.add_argument("--frames", type=int, default=40, help="frames in a turn (default 40)")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    arguments = parser.parse_args()
    install()
    report, browser = measure(arguments.rounds, arguments.frames)
    if arguments.json:
        print(json.dumps({"browser": browser, **report}, indent=1))
    else:
        show(report, browser)
    if report["difference"] > LARGEST_DIFFERENCE:
        print(f"error: the landmarks differ by {report['difference']:.2f} pixels, more than {LARGEST_DIFFERENCE}", file=sys.stderr)
        return 1
    return 0


def measure(rounds: int, frames: int) -> tuple[dict[str, Any], str]:
    """The page's report, and the browser's name and version."""
    with tempfile.TemporaryDirectory(prefix="webkiln-pipeline-") as scratch:
        models, page_folder = Path(scratch, "models"), Path(scratch, "page")
        page_folder.mkdir()
        for file in ("pose_pipeline.html", "pose_pipeline.mjs"):
            shutil.copyfile(HERE / file, page_folder / file)
        sample = gallery.fetch_sample("pose_landmark_lite")
        assert sample is not None
        shutil.copyfile(sample, page_folder / "sample.png")
        for name in MODELS:
            gallery.convert(name).save(models / name)
            shutil.copyfile(gallery.fetch(name), models / f"{name}.tflite")
        folders = {"/": page_folder, "/models/": models, "/dist/": dist_folder(), "/js/": REPOSITORY / "js", "/packages/": HERE / "node_modules"}
        with LocalServer(folders) as server:
            page = BrowserPage("chromium", launch_options(find_chromium()))
            try:
                page.open(server.url + "pose_pipeline.html")
                page.wait_for("typeof globalThis.measurePipeline === 'function'", 60)
                plan = {"sample": "sample.png", "rounds": rounds, "frames": frames, "relaxed": True}
                return page.evaluate("(plan) => measurePipeline(plan)", plan, timeout=1800, what="measuring"), page.description
            finally:
                page.close()


def show(report: dict[str, Any], browser: str) -> None:
    print(f"{browser}, one thread, WASM, milliseconds a frame; landmarks differ by {report['difference']:.3f} pixels")
    print(f"{'models in':<12} {'median':>8} {'minimum':>8} {'model with its crop':>20} {'frame with detector':>20}")
    medians = []
    for runner in report["runners"]:
        followed = [sample for sample in runner["samples"] if not sample["isFirst"]]
        times = [sample["all"] for sample in followed]
        first = median(sample["all"] for sample in runner["samples"] if sample["isFirst"])
        medians.append(median(times))
        print(f"{runner['name']:<12} {median(times):>8.2f} {min(times):>8.2f} {median(sample['landmarks'] for sample in followed):>20.2f} {first:>20.2f}")
    print(f"LiteRT.js takes {medians[1] / medians[0]:.2f} times as long")


if __name__ == "__main__":
    sys.exit(main())
