#!/usr/bin/env python3
"""Whole models on WebGL beside tfjs-webgl: time to the first result, time of a run, programs.

    python benchmarks/webgl_models/run.py [--renderer swiftshader|llvmpipe|gpu] [--only TEXT …] [--cold 3] [--rounds 5] [--runs 3] [--json FILE]

A first result is measured in a browser of its own each time, since browsers keep compiled programs, in turns. Three of the models, or
near relatives, exist as tfjs graphs in an npm package; of the others only the first results are timed and the programs counted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import dist_folder
from webkiln.commands.sources import convert_source
from webkiln.gallery import RECIPES

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "node_modules"
RENDERERS = {
    "swiftshader": ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "llvmpipe": ["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
    "gpu": ["--ignore-gpu-blocklist"],
}
GRAPHS = {
    "face_landmark": "@vladmandic/human/models/facemesh.json",
    "iris_landmark": "@vladmandic/human/models/iris.json",
    "hand_landmark_lite": "@vladmandic/human/models/handlandmark-lite.json",
}
RELATIVES = {"face_landmark", "iris_landmark"}  # another training of the same task, at the same input size: its results are not compared
LARGEST_DIFFERENCE = 1e-3  # beyond this the runtimes did not compute the same thing
MOST_PROGRAMS = 25
LARGEST_COLD_RATIO = 1 / 3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--renderer", choices=RENDERERS, default="swiftshader")
    parser.add_argument("--only", nargs="+", default=[""], help="measure only models whose name contains one of these")
    parser.add_argument("--cold", type=int, default=3, help="first results that are timed (default 3)")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each runtime gets (default 5)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs in a turn (default 3)")
    parser.add_argument("--json", type=Path, help="also write all samples to this file")
    arguments = parser.parse_args()
    install()
    names = [name for name in RECIPES if any(text in name for text in arguments.only)]
    with tempfile.TemporaryDirectory(prefix="webkiln-models-") as scratch:
        shapes = {}
        for name in names:
            model = convert_source(name, lambda text: print(text, file=sys.stderr))
            model.save(Path(scratch, name))
            shapes[name] = list(model.inputs[0].shape)
        folders = {"/": HERE, "/models/": Path(scratch), "/dist/": dist_folder(), "/packages/": PACKAGES}
        with LocalServer(folders) as server:
            report = [measure(server.url, name, shapes[name], arguments) for name in names]
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    show(report)
    return verdict(report)


def install() -> None:
    """The packages of package-lock.json, into node_modules/ beside the benchmarks."""
    if all((PACKAGES / package).is_dir() for package in ("@tensorflow/tfjs-converter", "@vladmandic/human")):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("error: npm was not found; install Node 20 or newer")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=HERE.parent, check=True)


@contextmanager
def fresh_page(url: str, renderer: str) -> Iterator[BrowserPage]:
    options = launch_options(find_chromium())
    chosen = {flag for flags in RENDERERS.values() for flag in flags}
    options["args"] = [flag for flag in options["args"] if flag not in chosen] + RENDERERS[renderer]
    page = BrowserPage("chromium", options)
    try:
        page.open(url)
        page.wait_for("typeof globalThis.steady === 'function'", 60)
        yield page
    finally:
        page.close()


def measure(url: str, name: str, shape: list[int], arguments: argparse.Namespace) -> dict[str, Any]:
    pair = {"name": name, "graph": GRAPHS.get(name), "shape": shape}
    runtimes = ["webkiln", "tfjs"] if name in GRAPHS else ["webkiln"]
    found: dict[str, Any] = {"name": name, "cold": {runtime: [] for runtime in runtimes}}
    for turn in range(arguments.cold):
        for runtime in runtimes if turn % 2 == 0 else runtimes[::-1]:
            print(f"{name}: first result {turn + 1} of {arguments.cold}, {runtime}", file=sys.stderr)
            with fresh_page(url, arguments.renderer) as page:
                plan = {"runtime": runtime, "pair": pair}
                found["cold"][runtime].append(page.evaluate("(plan) => cold(plan)", plan, timeout=600, what="a first result"))
    if name in GRAPHS:
        print(f"{name}: later runs", file=sys.stderr)
        with fresh_page(url, arguments.renderer) as page:
            plan = {"pair": pair, "rounds": arguments.rounds, "runs": arguments.runs}
            found["steady"] = page.evaluate("(plan) => steady(plan)", plan, timeout=1800, what="measuring")
    return found


def show(report: list[dict[str, Any]]) -> None:
    first = report[0]["cold"]["webkiln"][0]
    print(f"{first['renderer']}; milliseconds, medians; ratios to tfjs: below 1 is faster")
    print(
        f"{'model':<28} {'runtime':<9} {'first result':>12} {'ratio':>6} {'run':>8} {'ratio':>6} {'programs':>8} {'linked':>7} {'difference':>11}"
    )
    for model in report:
        for runtime, samples in model["cold"].items():
            run = ratio = difference = ""
            if "steady" in model:
                times = {runner["name"]: median(runner["samples"]) for runner in model["steady"]["runners"]}
                run, ratio = f"{times[runtime]:.1f}", f"{times[runtime] / times['tfjs']:.2f}"
                difference = f"{model['steady']['difference']:.1e}" if runtime == "webkiln" and is_same(model) else ""
            begun = f"{cold_ratio(model):.2f}" if runtime == "webkiln" and "tfjs" in model["cold"] else ""
            print(
                f"{model['name']:<28} {runtime:<9} {median(s['first'] for s in samples):>12.0f} {begun:>6} {run:>8} {ratio:>6}"
                f" {samples[0]['used']:>8} {samples[0]['linked']:>7} {difference:>11}"
            )


def is_same(model: dict[str, Any]) -> bool:
    return "steady" in model and model["name"] not in RELATIVES


def cold_ratio(model: dict[str, Any]) -> float:
    """The median, over turns, of the ratio within a turn: what else the machine does mostly falls out."""
    own, peer = (model["cold"][runtime] for runtime in ("webkiln", "tfjs"))
    return median(a["first"] / b["first"] for a, b in zip(own, peer, strict=True))


def verdict(report: list[dict[str, Any]]) -> int:
    """1, with the reasons, where a limit is exceeded or the results differ."""
    wrong = []
    for model in report:
        if model["cold"]["webkiln"][0]["used"] > MOST_PROGRAMS:
            wrong.append(f"{model['name']} uses more than {MOST_PROGRAMS} programs")
        if is_same(model) and not model["steady"]["difference"] <= LARGEST_DIFFERENCE:
            wrong.append(f"{model['name']}: the results differ by {model['steady']['difference']:.1e}")
        if "tfjs" in model["cold"] and cold_ratio(model) > LARGEST_COLD_RATIO:
            wrong.append(f"{model['name']}: its first result takes more than a third of tfjs's time")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
