"""Elementary functions against float64, in units in the last place of float32, densely over their domains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_machine import Case, Machine, Operand, Program, blank, execute


def erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(value) for value in x])


def spread(low: float, high: float, count: int = 200_000) -> np.ndarray:
    return np.linspace(low, high, count).astype(np.float32)


def powers(low: float, high: float, count: int = 100_000) -> np.ndarray:
    """Magnitudes from 10^low to 10^high, of both signs."""
    values = np.logspace(low, high, count).astype(np.float32)
    return np.concatenate([values, -values])


def apply(machine: Machine, opcode: str, *inputs: np.ndarray) -> np.ndarray:
    operands = [Operand("contiguous", "f32", f"in{index}") for index in range(len(inputs))]
    registers = (*range(len(inputs)), 0, 0)[:3]
    program = Program("f32", "y", inputs[0].shape, operands, [(opcode, *registers, len(inputs))], len(inputs))
    y = blank(inputs[0].shape)
    command: tuple[str, dict[str, Any]] = ("elementwise", {"program": "program", "begin": 0, "count": y.size})
    case = Case(
        opcode,
        {**{f"in{index}": array for index, array in enumerate(inputs)}, "y": y},
        [command],
        {"y": y},
        {"program": program},
    )
    return execute(machine, case)["y"]


def units(got: np.ndarray, exact: np.ndarray) -> float:
    """The greatest error in units in the last place of the exact value; where that is not finite or NaN, both must agree."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded)
        assert np.array_equal(got[~finite], rounded[~finite], equal_nan=True)
        return float(np.max(np.abs(got[finite] - exact[finite]) / np.spacing(np.abs(rounded[finite]))))


FUNCTIONS: list[tuple[str, Callable[..., Any], np.ndarray, float]] = [
    ("exp", np.exp, spread(-104, 90), 1.5),
    ("log", np.log, np.abs(powers(-44, 38.5)), 1.5),
    ("log", np.log, spread(0.3, 3), 1.5),
    ("sin", np.sin, spread(-100, 100), 2),
    ("sin", np.sin, powers(-38, 5), 2),
    ("sin", np.sin, powers(4, 38.5), 2),
    ("cos", np.cos, spread(-100, 100), 2),
    ("cos", np.cos, powers(-38, 38.5), 2),
    ("tan", np.tan, spread(-100, 100), 4),
    ("tan", np.tan, powers(-38, 38.5), 4),
    ("asin", np.arcsin, spread(-1.01, 1.01), 3),
    ("acos", np.arccos, spread(-1.01, 1.01), 3),
    ("atan", np.arctan, powers(-38, 38.5), 3),
    ("sinh", np.sinh, spread(-90, 90), 5),
    ("sinh", np.sinh, powers(-38, 1), 5),
    ("cosh", np.cosh, spread(-90, 90), 5),
    ("tanh", np.tanh, powers(-38, 2), 3),
    ("tanh", np.tanh, spread(-10, 10), 3),
    ("asinh", np.arcsinh, powers(-38, 38.5), 4),
    ("acosh", np.arccosh, spread(1, 20), 4),
    ("acosh", np.arccosh, np.abs(powers(0, 38.5)), 4),
    ("atanh", np.arctanh, spread(-1.01, 1.01), 4),
    ("atanh", np.arctanh, powers(-38, -1), 4),
    ("erf", erf, powers(-38, 1, 20_000), 4),
    ("erf", erf, spread(-5, 5, 40_000), 4),
    ("sqrt", np.sqrt, spread(-1, 100), 0.5),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), spread(-80, 80), 4),
]


@pytest.mark.parametrize(
    ("name", "exact", "x", "bound"), FUNCTIONS, ids=[f"{row[0]}-{index}" for index, row in enumerate(FUNCTIONS)]
)
def test_error_in_units_in_the_last_place(
    plain: Machine, name: str, exact: Callable[..., Any], x: np.ndarray, bound: float
) -> None:
    with np.errstate(all="ignore"):
        wanted = exact(x.astype(np.float64))
    assert units(apply(plain, f"{name}:f32", x), wanted) <= bound


def test_pow(plain: Machine) -> None:
    rng = np.random.default_rng(0)
    base = np.concatenate(
        [rng.uniform(-4, 4, 100_000), 10 ** rng.uniform(-38, 38, 100_000), 1 + rng.normal(0, 1e-3, 100_000)]
    ).astype(np.float32)
    exponent = np.concatenate(
        [rng.integers(-20, 20, 50_000), rng.uniform(-30, 30, 150_000), rng.uniform(-1e5, 1e5, 100_000)]
    ).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = np.power(base.astype(np.float64), exponent.astype(np.float64))
    assert units(apply(plain, "pow:f32", base, exponent), wanted) <= 3


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.5,
    -0.5,
    2.5,
    1e-40,
    1e30,
    -1e30,
    3e38,
    math.inf,
    -math.inf,
    math.nan,
]


def test_pow_at_its_edges(plain: Machine) -> None:
    base, exponent = (grid.reshape(-1).astype(np.float32) for grid in np.meshgrid(SPECIAL, SPECIAL))
    got = apply(plain, "pow:f32", base, exponent)
    with np.errstate(all="ignore"):
        wanted = np.power(base.astype(np.float64), exponent.astype(np.float64))
    assert units(got, wanted) <= 3
    zero = np.abs(wanted) < 1e-46
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(wanted[zero]))


def test_zeros_keep_their_sign(plain: Machine) -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    for name in (
        "sin",
        "tan",
        "asin",
        "atan",
        "sinh",
        "tanh",
        "asinh",
        "atanh",
        "erf",
        "sqrt",
        "round",
        "trunc",
        "floor",
    ):
        np.testing.assert_array_equal(np.signbit(apply(plain, f"{name}:f32", zeros)), [False, True], err_msg=name)
