"""The error of the library's functions against float64, densely over their domains.

    python tests/webgl_functions/glsl_accuracy.py        prints it, for both drivers
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from glsl_machine import DRIVERS, Gpu, gather
from webkiln.codegen.glsl import library

TINY = float(np.finfo(np.float32).tiny)


def erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(value) for value in x])


def spread(low: float, high: float, count: int = 200_000) -> np.ndarray:
    return np.linspace(low, high, count).astype(np.float32)


def powers(low: float, high: float, count: int = 100_000) -> np.ndarray:
    """Magnitudes from 10^low to 10^high, of both signs."""
    values = np.logspace(low, high, count).astype(np.float32)
    return np.concatenate([values, -values])


# Name, exact function, arguments, the greatest error allowed: units in the last place of the exact value. Results below the smallest normal
# number may be 0.
FUNCTIONS: list[tuple[str, Callable[..., Any], np.ndarray, float]] = [
    ("exp", np.exp, spread(-104, 90), 1.5),
    ("log", np.log, np.abs(powers(-44.8, 38.5)), 1.5),
    ("log", np.log, spread(0.3, 3), 1.5),
    ("log1p", np.log1p, np.abs(powers(-37, 38.5)), 3),
    ("sin", np.sin, spread(-100, 100), 2),
    ("sin", np.sin, powers(-37, 5), 2.5),
    ("sin", np.sin, powers(4, 38.5), 2.5),
    ("cos", np.cos, spread(-100, 100), 2),
    ("cos", np.cos, powers(-38, 38.5), 2.5),
    ("tan", np.tan, spread(-100, 100), 4),
    ("tan", np.tan, powers(-37, 38.5), 4),
    ("asin", np.arcsin, spread(-1.01, 1.01), 3),
    ("acos", np.arccos, spread(-1.01, 1.01), 3),
    ("atan", np.arctan, powers(-37, 38.5), 3),
    ("sinh", np.sinh, spread(-90, 90), 5),
    ("sinh", np.sinh, powers(-37, 1), 5),
    ("cosh", np.cosh, spread(-90, 90), 5),
    ("tanh", np.tanh, powers(-37, 2), 3),
    ("tanh", np.tanh, spread(-10, 10), 3),
    ("asinh", np.arcsinh, powers(-37, 38.5), 4),
    ("acosh", np.arccosh, spread(1, 20), 4),
    ("acosh", np.arccosh, np.abs(powers(0, 38.5)), 4),
    ("atanh", np.arctanh, spread(-1.01, 1.01), 4),
    ("atanh", np.arctanh, powers(-37, -1), 4),
    ("erf", erf, powers(-37, 1, 20_000), 4),
    ("erf", erf, spread(-5, 5, 40_000), 4),
]


def pow_arguments() -> tuple[np.ndarray, np.ndarray]:
    """Bases and exponents whose powers are mostly in range, and bases near 1 with large exponents."""
    rng = np.random.default_rng(7)
    a = np.concatenate([10 ** rng.uniform(-37, 38, 100_000), 1 + rng.normal(0, 1e-4, 100_000)]).astype(np.float32)
    with np.errstate(divide="ignore"):
        reach = 87 / np.abs(np.log(a.astype(np.float64)))
    b = (rng.uniform(-1, 1, a.size) * np.minimum(reach, 1e7)).astype(np.float32)
    return a, b


def units(got: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """The greatest error, in units in the last place and absolute; where the exact value is not finite, both must agree.

    A result below the smallest normal number may be 0.
    """
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded)
        assert np.array_equal(got[~finite], rounded[~finite], equal_nan=True), "an infinity or NaN"
        flushed = finite & (np.abs(exact) < TINY) & (got == 0)
        kept = finite & ~flushed
        assert np.isfinite(got[kept]).all(), "finite values expected"
        error = np.abs(got[kept].astype(np.float64) - exact[kept])
        return float(np.max(error / np.spacing(np.abs(rounded[kept])), initial=0)), float(np.max(error, initial=0))


def measure(gpu: Gpu, invariant: bool = True) -> Iterator[tuple[str, np.ndarray, float, float, float]]:
    """Name, arguments, greatest error in units and absolute, the error allowed: for every row and for `pow`."""
    parts = library()
    for name, exact, x, allowed in FUNCTIONS:
        with np.errstate(all="ignore"):
            wanted = np.asarray(exact(x.astype(np.float64)))
        got = gpu.evaluate(gather(parts, [name]), f"{name}_f4(x0)", x, invariant=invariant)
        yield name, x, *units(got, wanted), allowed
    a, b = pow_arguments()
    got = gpu.evaluate(gather(parts, ["pow"]), "pow_f4(x0, x1)", a, b, invariant=invariant)
    yield "pow", a, *units(got, np.power(a.astype(np.float64), b.astype(np.float64))), 6


def main() -> None:
    for driver in DRIVERS:
        gpu = Gpu(driver)
        for invariant in (True, False):
            print(f"{gpu.renderer}, the output {'' if invariant else 'not '}invariant")
            for name, x, ulp, absolute, allowed in measure(gpu, invariant):
                print(f"  {name:6} [{x.min():9.3g}, {x.max():9.3g}]  {ulp:6.2f} ulp  {absolute:8.2g}  (at most {allowed:g} ulp)")
        gpu.close()


if __name__ == "__main__":
    main()
