"""What many runs on WebGL leave behind: objects of the device, bytes of textures, the JavaScript heap.

    python benchmarks/webgl_steady.py [MODEL of the gallery] [--runs 2000]

Exits with 1 when anything grew; the heap may by 50 KB, which is what the engine itself moves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from webkiln import gallery
from webkiln.webformat.golden import generated_inputs

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "webgl"))
from device_page import DevicePage

HEAP_NOISE = 50_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="iris_landmark")
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    warmup = arguments.runs // 2  # the engine optimizes for some hundreds of runs, and that takes memory
    model = gallery.convert(arguments.model)
    inputs = generated_inputs(model.bundle, model.signature, 1, {})
    page = DevicePage("js/index.js")
    try:
        page.call("load", key="m", url=page.address(model), options={"backend": "webgl"})
        given = {name: np.asarray(array).tolist() for name, array in inputs.items()}
        told = page.call("steady", 3600, key="m", inputs=given, warmup=warmup, runs=arguments.runs)
    finally:
        page.close()
    before, after = told["before"], told["after"]
    print(f"{arguments.model}, {arguments.runs} runs after {warmup}      before       after")
    for kind, count in before["left"].items():
        print(f"  {kind + 's':32} {count:11,} {after['left'][kind]:11,}")
    print(f"  {'bytes of textures':32} {before['textureBytes']:11,} {after['textureBytes']:11,}")
    print(f"  {'bytes of the JavaScript heap':32} {before['heap']:11,} {after['heap']:11,}")
    is_flat = before["left"] == after["left"] and before["textureBytes"] == after["textureBytes"]
    return 0 if is_flat and after["heap"] - before["heap"] < HEAP_NOISE else 1


if __name__ == "__main__":
    sys.exit(main())
