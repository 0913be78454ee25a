#!/usr/bin/env python3
"""Reads many damaged models, and says which of them were not refused as they should be.

    python tests/fuzz/fuzz.py TARGET [--seed N] [--first N] [--count N] [--keep DIR]

TARGET: onnx, tflite, tfjs (importers), webformat (the reader in Python), runtime (the reader in JavaScript, and one run). `--keep`: where the
files of those that fail are written. The exit status is 1 when one fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / name) for name in ("fuzz", "conformance", "graph", "importers", "webformat")]

from mutants import mutant, seeds_of  # noqa: E402
from watch import Faults, watch  # noqa: E402
from webkiln.browsers.node import find_node  # noqa: E402

TARGETS = ("onnx", "tflite", "tfjs", "webformat", "runtime")


def worker(target: str) -> list[str]:
    """The command of the process that reads the models of a target."""
    if target == "runtime":
        return [find_node().path, "--max-old-space-size=256", str(HERE / "worker.mjs")]
    return [sys.executable, "-X", "faulthandler", str(HERE / "worker.py"), target]


def run(target: str, seed: int, first: int, count: int, keep: Path | None = None) -> Faults:
    """Read `count` mutants; those that fail are written to `keep`."""
    seeds_of(target)  # before the clock of the worker runs
    found = watch(worker(target), range(first, first + count), lambda number: mutant(target, seed, number))
    for number in found.faults if keep else ():
        folder = keep / f"{target}-{seed}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in mutant(target, seed, number).items():
            (folder / name).write_bytes(content)
    return found


def told(target: str, seed: int, found: Faults) -> str:
    """The faults, each with the command that repeats it."""
    return "\n\n".join(f"python tests/fuzz/fuzz.py {target} --seed {seed} --first {number} --count 1\n{text}" for number, text in found.faults.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    began = time.perf_counter()
    found = run(given.target, given.seed, given.first, given.count, given.keep)
    print(told(given.target, given.seed, found))
    print(f"{given.target}, seed {given.seed}: {dict(found.counts)} of {len(seeds_of(given.target))} models in {time.perf_counter() - began:.1f} s")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
