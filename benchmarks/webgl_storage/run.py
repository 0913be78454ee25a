#!/usr/bin/env python3
"""Block storage R × 4 in WebGL2 beside tfjs-webgl: the same operations, one browser page, in turns.

    python benchmarks/webgl_storage/run.py [--renderer swiftshader|llvmpipe|gpu] [--rounds 7] [--only TEXT] [--json FILE]

Each operation is first checked against a loop in JavaScript. Times are milliseconds a draw.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "node_modules"
PEER = "tfjs"
RENDERERS = {
    "swiftshader": ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "llvmpipe": ["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
    "gpu": ["--ignore-gpu-blocklist"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--renderer", choices=RENDERERS, default="swiftshader")
    parser.add_argument("--rounds", type=int, default=7, help="turns that each variant gets (default 7)")
    parser.add_argument("--milliseconds", type=float, default=40, help="about how long a sample takes (default 40)")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2, 4, 8], help="the R to try (default 1 2 4 8)")
    parser.add_argument("--only", default="", help="measure only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="also write all samples to this file")
    arguments = parser.parse_args()
    if not (PACKAGES / "@tensorflow").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("error: npm was not found; install Node 20 or newer")
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE.parent, check=True)
    plan = {
        "rounds": arguments.rounds,
        "milliseconds": arguments.milliseconds,
        "layers": arguments.layers,
        "only": arguments.only,
    }
    report = measure(arguments.renderer, plan)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    show(report)
    return 0


def measure(renderer: str, plan: dict[str, Any]) -> dict[str, Any]:
    """The page's report; raises `BrowserError` when a result is wrong."""
    options = launch_options(find_chromium())
    chosen = {flag for flags in RENDERERS.values() for flag in flags}
    options["args"] = [flag for flag in options["args"] if flag not in chosen] + RENDERERS[renderer]
    with LocalServer({"/": HERE, "/packages/": PACKAGES}) as server:
        page = BrowserPage("chromium", options)
        try:
            page.open(server.url)
            page.wait_for("typeof globalThis.measure === 'function'", 60)
            report = page.evaluate("(plan) => measure(plan)", plan, timeout=1800, what="measuring")
            return {"browser": page.description, **report}
        finally:
            page.close()


def show(report: dict[str, Any]) -> None:
    compile_times = report["compileTimes"]
    print(f"{report['browser']}, {report['renderer']}; milliseconds a draw; speed: tfjs's median / this median, above 1 is faster")
    print(f"{'kind':<24} {'case':<24} {'variant':<20} {'median':>8} {'minimum':>8} {'GFLOP/s':>8} {'speed':>6}")
    for case in report["cases"]:
        peer = median(next(runner for runner in case["runners"] if runner["name"] == PEER)["samples"])
        for runner in case["runners"]:
            time = median(runner["samples"])
            rate = f"{case['operations'] / time / 1e6:.2f}" if case.get("operations") else ""
            print(
                f"{case['kind']:<24} {case['name']:<24} {runner['name']:<20} {time:>8.3f} {min(runner['samples']):>8.3f}"
                f" {rate:>8} {peer / time:>6.2f}"
            )
    print(
        f"{len(compile_times)} programs of ours, all variants: median {median(compile_times):.1f} ms, longest {max(compile_times):.1f} ms to"
        f" the end of the first draw; {report['tfjsPrograms']} of tfjs, {report['tfjsFirst']:.0f} ms for its first calls"
    )
    if report["refused"]:
        print(f"refused by the device: R = {report['refused']}")


if __name__ == "__main__":
    sys.exit(main())
