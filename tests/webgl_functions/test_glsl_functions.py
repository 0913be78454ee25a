"""The library's functions, densely and at their edges, whether or not the compiler keeps to IEEE arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glsl_accuracy import measure
from glsl_machine import Gpu, gather
from webkiln.codegen.glsl import library

INF, NAN = math.inf, math.nan
DENORMAL = 1e-40


@pytest.mark.parametrize("invariant", [True, False])
def test_errors_are_small(gpu: Gpu, invariant: bool) -> None:
    rows = list(measure(gpu, invariant))
    assert {row[0] for row in rows} >= {"exp", "log", "sin", "pow", "erf"}
    too_large = [f"{name}: {ulp:.2f} ulp, at most {allowed}" for name, _, ulp, _, allowed in rows if not ulp <= allowed]
    assert not too_large


EDGES: list[tuple[str, list[float], list[float]]] = [
    ("exp", [NAN, INF, -INF, 89, 1e30, -1e30, 0, -0.0], [NAN, INF, 0, INF, INF, 0, 1, 1]),
    ("log", [NAN, INF, -INF, 0, -0.0, -1, -DENORMAL, 1, DENORMAL], [NAN, INF, NAN, -INF, -INF, NAN, NAN, 0, math.log(DENORMAL)]),
    ("sin", [NAN, INF, -INF, 0, -0.0], [NAN, NAN, NAN, 0, -0.0]),
    ("cos", [NAN, INF, -INF, 0], [NAN, NAN, NAN, 1]),
    ("tan", [NAN, INF, -INF, -0.0], [NAN, NAN, NAN, -0.0]),
    ("asin", [NAN, INF, -INF, 1.5, -1.0000001, 1, -1, -0.0], [NAN, NAN, NAN, NAN, NAN, math.pi / 2, -math.pi / 2, -0.0]),
    ("acos", [NAN, INF, -INF, 1.5, 1, -1, 0], [NAN, NAN, NAN, NAN, 0, math.pi, math.pi / 2]),
    ("atan", [NAN, INF, -INF, -0.0], [NAN, math.pi / 2, -math.pi / 2, -0.0]),
    ("sinh", [NAN, INF, -INF, 100, -100, -0.0], [NAN, INF, -INF, INF, -INF, -0.0]),
    ("cosh", [NAN, INF, -INF, 100, 0], [NAN, INF, INF, INF, 1]),
    ("tanh", [NAN, INF, -INF, 88.8, -1e30, -0.0], [NAN, 1, -1, 1, -1, -0.0]),
    ("asinh", [NAN, INF, -INF, 3e38, -3e38, -0.0], [NAN, INF, -INF, math.asinh(3e38), -math.asinh(3e38), -0.0]),
    ("acosh", [NAN, INF, -INF, 0.5, 1, 3e38], [NAN, INF, NAN, NAN, 0, math.acosh(3e38)]),
    ("atanh", [NAN, INF, 1, -1, 1.5, -1e30, -0.0], [NAN, NAN, INF, -INF, NAN, NAN, -0.0]),
    ("erf", [NAN, INF, -INF, 5, -0.0], [NAN, 1, -1, 1, -0.0]),
]


@pytest.mark.parametrize("invariant", [True, False])
@pytest.mark.parametrize(("name", "arguments", "wanted"), EDGES, ids=[row[0] for row in EDGES])
def test_edges(gpu: Gpu, name: str, arguments: list[float], wanted: list[float], invariant: bool) -> None:
    x, exact = np.array(arguments, np.float32), np.array(wanted, np.float32)
    got = gpu.evaluate(gather(library(), [name]), f"{name}_f4(x0)", x, invariant=invariant)
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=0, equal_nan=True)
    zero = exact == 0
    assert np.array_equal(np.signbit(got[zero]), np.signbit(exact[zero]))


SPECIAL = np.array([0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e-30, -1e30, 16777217, INF, -INF, NAN], np.float32)


@pytest.mark.parametrize("invariant", [True, False])
def test_every_pair_of_special_values_has_the_power_of_ieee_754(gpu: Gpu, invariant: bool) -> None:
    a, b = (grid.reshape(-1) for grid in np.meshgrid(SPECIAL, SPECIAL))
    with np.errstate(all="ignore"):
        exact = np.power(a.astype(np.float64), b.astype(np.float64)).astype(np.float32)
    got = gpu.evaluate(gather(library(), ["pow"]), "pow_f4(x0, x1)", a, b, invariant=invariant)
    np.testing.assert_allclose(got, exact, rtol=3e-6, atol=2e-38, equal_nan=True)
    sure = (exact == 0) | np.isinf(exact)
    assert np.array_equal(np.signbit(got[sure]), np.signbit(exact[sure]))


@pytest.mark.parametrize("invariant", [True, False])
@pytest.mark.parametrize(("name", "exact"), [("max", np.maximum), ("min", np.minimum)])
def test_nan_survives_on_either_side(gpu: Gpu, name: str, exact: np.ufunc, invariant: bool) -> None:
    a, b = (grid.reshape(-1) for grid in np.meshgrid(SPECIAL, SPECIAL))
    parts = library()
    got = gpu.evaluate(gather(parts, [name]), f"{name}_f4(x0, x1)", a, b, invariant=invariant)
    assert np.array_equal(got, exact(a, b), equal_nan=True)
    number = ~np.isnan(b)
    got = gpu.evaluate(gather(parts, [f"p{name}"]), f"p{name}_f4(x0, x1)", a[number], b[number], invariant=invariant)
    assert np.array_equal(got, exact(a, b)[number], equal_nan=True)


@pytest.mark.parametrize("invariant", [True, False])
def test_nan_and_infinity_are_told_by_their_bits(gpu: Gpu, invariant: bool) -> None:
    bits = np.array([0x7F800000, 0xFF800000, 0x7F800001, 0xFFFFFFFF, 0x7FC00000, 0x7F7FFFFF, 0x00000001, 0x80000000], np.uint32)
    x = bits.view(np.float32)
    code = gather(library(), ["isnan", "isinf"])
    got = gpu.evaluate(code, "vec4(isnan_f4(x0)) + 2.0 * vec4(isinf_f4(x0))", x, invariant=invariant)
    assert np.array_equal(got, np.isnan(x) + 2.0 * np.isinf(x))


def test_whole_numbers_have_whole_remainders(gpu: Gpu) -> None:
    a, b = (grid.reshape(-1).astype(np.float32) for grid in np.meshgrid(np.arange(-300, 301), np.arange(1, 40)))
    got = gpu.evaluate(gather(library(), ["modulo"]), "modulo_f4(x0, x1)", a, b)
    assert np.array_equal(got, np.mod(a, b))


def test_halves_round_to_even(gpu: Gpu) -> None:
    x = np.concatenate([np.arange(-9, 9) + 0.5, [8388607.5, -8388607.5, 16777217, 0.49999997, INF, NAN]]).astype(np.float32)
    assert np.array_equal(gpu.evaluate("", "roundEven(x0)", x), np.rint(x), equal_nan=True)
