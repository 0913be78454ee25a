#!/usr/bin/env python3
"""Prints every size and time that has a limit, beside its limit; exit status 1 when one is exceeded.

    python benchmarks/sizes.py [--no-wheel]

Times are the best of three, since the machine may be busy; sizes are exact.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from webkiln.browsers.session import Session
from webkiln.codegen.paths import REPOSITORY, dist_folder
from webkiln.gallery import RECIPES, Recipe, fetch
from webkiln.gallery.convert import convert

KB, MB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One measured number; `limit` is the most it may be."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def kept(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "" if self.kept else "   EXCEEDED"
        return f"{self.what:<58} {self.value:>9.2f} {self.unit:<2}  limit {self.limit:>7.2f} {self.unit}{verdict}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-wheel", action="store_true", help="leave out building the wheel")
    arguments = parser.parse_args()
    exceeded = 0
    for figure in figures(wheel=not arguments.no_wheel):
        print(figure, flush=True)
        exceeded += not figure.kept
    if exceeded:
        print(f"error: {exceeded} figures exceed their limits", file=sys.stderr)
    return 1 if exceeded else 0


def figures(wheel: bool) -> Iterator[Figure]:
    dist = dist_folder()
    for file in ("webkiln.min.js", "webkiln.min.mjs"):
        yield Figure(f"{file}, gzip", compressed(dist / file) / KB, 45, "KB")
    for file in ("webkiln-plain.wasm", "webkiln-relaxed.wasm"):
        yield Figure(f"{file}, gzip", compressed(dist / file) / KB, 60, "KB")
    if wheel:
        yield Figure("wheel", wheel_bytes() / MB, 3, "MB")
    yield Figure("webkiln --help", best(lambda: run("-m", "webkiln", "--help")), 0.3, "s")
    with tempfile.TemporaryDirectory(prefix="webkiln-sizes-") as scratch, Session(backend="wasm", browser="node") as session:
        for recipe in RECIPES.values():
            folder = Path(scratch, recipe.name)
            fetch(recipe)  # downloading is not converting
            yield Figure(f"converting and writing {recipe.name}", best(lambda: converted(recipe, folder)), 5, "s")  # noqa: B023
            plan = session.plan(folder)
            arena, together = plan["arenaBytes"] / MB, plan["intermediateBytes"] / MB
            # Planning by lifetime has to win something; how much depends on the graph.
            yield Figure(f"peak arena of {recipe.name}, limit: sum of intermediates", arena, together, "MB")


def compressed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def converted(recipe: Recipe, folder: Path) -> None:
    """What `webkiln convert` does before it verifies: read, optimize, make golden vectors, write."""
    convert(recipe).save(folder, force=True)


def wheel_bytes() -> int:
    """The size of a wheel built from this checkout, by the tools of this environment."""
    with tempfile.TemporaryDirectory(prefix="webkiln-wheel-") as scratch:
        run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", scratch, str(REPOSITORY))
        (wheel,) = Path(scratch).glob("*.whl")
        return wheel.stat().st_size


def best(work: Callable[[], object], times: int = 3) -> float:
    """The shortest of a few times, in seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
