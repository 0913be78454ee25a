#!/usr/bin/env python3
"""Block storage R × 4 in WebGL2 beside tfjs-webgl: the same operations, one browser page, in turns.

    python benchmarks/webgl_storage/run.py [--backend] [--renderer swiftshader|llvmpipe|gpu] [--rounds 7] [--only TEXT] [--json FILE]

With `--backend` it is the runtime's backend that is timed, not the kernels of this folder. Each operation is first checked against a loop in JavaScript. Times are milliseconds a draw.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import source_folder

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
    parser.add_argument("--backend", action="store_true", help="time the runtime's WebGL backend")
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
        "backend": arguments.backend,
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
    with LocalServer({"/": HERE, "/js/": source_folder("js"), "/packages/": PACKAGES}) as server:
        page = BrowserPage("chromium", options)
        try:
            page.open(server.url)
            page.wait_for("typeof globalThis.measure === 'function'", 60)
            report = page.evaluate("(plan) => measure(plan)", plan, timeout=1800, what="measuring")
            return {"browser": page.description, **report}
        finally:
            page.close()


def show(report: dict[str, Any]) -> None:
    """Each case, then each variant over all cases."""
    print(f"{report['browser']}, {report['renderer']}")
    print(
        "milliseconds a draw; speed: tfjs's time divided by this one, median of rounds (in brackets: of minima); above 1 is faster\n"
    )
    print(f"{'case':<50} {'variant':<18} {'median':>8} {'minimum':>8} {'GFLOP/s':>8} {'speed':>6}")
    for case in report["cases"]:
        samples = {runner["name"]: runner["samples"] for runner in case["runners"]}
        for name, times in samples.items():
            rate = f"{case['operations'] / min(times) / 1e6:.2f}" if case.get("operations") else ""
            speed = f"{paired(samples[PEER], times):>6.2f} ({min(samples[PEER]) / min(times):.2f})"
            title = f"{case['kind']} {case['name']}"
            print(f"{title:<50} {name:<18} {median(times):>8.3f} {min(times):>8.3f} {rate:>8} {speed}")
    if report["programs"][0]["compileTimes"][0] is None:  # the backend compiles for itself
        return
    print(f"\n{'over its cases':<18} {'cases':>5} {'speed':>6} {'to R=4':>7} {'programs':>9} {'first draws, ms':>16}")
    for variant in report["programs"]:
        used: str = variant["name"]
        compiling: list[float] = variant["compileTimes"]
        count, to_peer, to_four = (
            len(times_of(report, used)),
            relative(report, used, PEER),
            relative(report, used, "R=4"),
        )
        print(f"{used:<18} {count:>5} {to_peer:>6.2f} {to_four:>7.2f} {len(compiling):>9} {sum(compiling):>16.0f}")
    count, programs, first = len(report["cases"]), report["tfjsPrograms"], report["tfjsFirst"]
    print(f"{PEER:<18} {count:>5} {1:>6.2f} {'':>7} {programs:>9} {first:>16.0f}")
    if report["refused"]:
        print(f"refused by the device: R = {report['refused']}")


def times_of(report: dict[str, Any], name: str) -> list[dict[str, list[float]]]:
    """The samples of all variants, by name, of each case that has the variant `name`."""
    cases = [{runner["name"]: runner["samples"] for runner in case["runners"]} for case in report["cases"]]
    return [case for case in cases if name in case]


def paired(base: list[float], times: list[float]) -> float:
    """The median, over rounds, of the ratio within a round: what else the machine does mostly falls out."""
    return median(one / other for one, other in zip(base, times, strict=True))


def relative(report: dict[str, Any], name: str, base: str) -> float:
    """How much faster `name` is than `base`: the geometric mean over the cases that have both."""
    return geometric_mean(paired(case[base], case[name]) for case in times_of(report, name) if base in case)


if __name__ == "__main__":
    sys.exit(main())
