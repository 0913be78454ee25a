"""Every claimed operator on every generated case, in Chromium on two drivers, at R = 1 and R = 4, against the NumPy reference."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from claimed_operators import CLAIMED, assert_near, float_cases
from operator_models import operator_model
from webgl_session import DRIVERS
from webkiln import Model
from webkiln.ops import OPERATORS
from webkiln.ops.table import Case

VARIANTS = [(name, False) for name in CLAIMED] + [
    (name, True) for name in CLAIMED if len(OPERATORS[name].inputs) > 1 or OPERATORS[name].variadic
]
"""With constants, all inputs but the first are constants, as weights are."""


@lru_cache(maxsize=1)  # the tests of an operator follow each other
def made(name: str, constants: bool) -> tuple[list[Case], Model, dict[str, np.ndarray], dict[str, np.ndarray]]:
    cases = [case for _, case in float_cases(name)]
    assert cases, f"{name} has no case of floats"
    model, feeds = operator_model(name, cases, constants=constants)
    return cases, model, feeds, model.run(feeds)


@pytest.mark.parametrize("layers", [1, 4])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("name", "constants"), VARIANTS, ids=[f"{name}-{'constant' if constants else 'dynamic'}" for name, constants in VARIANTS])
def test_operator(session_of, driver, layers, name, constants):
    cases, model, feeds, expected = made(name, constants)
    session = session_of(driver)
    loaded = session.load(model, layers)
    received = session.run(loaded, feeds)
    session.dispose(loaded)
    assert driver in loaded["plan"]["renderer"].lower()
    for number, case in enumerate(cases):
        assert_near(name, case, expected[f"y{number}"], received[f"y{number}"])


LEFT_TO_WASM = {"gather", "requantize", "scatter", "arg_max", "arg_min", "argsort", "cumulative_sum", "cumulative_prod", "non_max_suppression"}
"""Operators of floats whose indices are integers, or that add one element after another."""


def test_every_float_operator_is_claimed():
    """Nothing is left out of the tests above by chance."""
    with_floats = {
        name
        for name, operator in OPERATORS.items()
        if not operator.variants or any(set(variant) <= {"f32", "bool"} for variant in operator.variants)
    }
    assert with_floats - set(CLAIMED) <= LEFT_TO_WASM


SHAPES: list[tuple[str, list[tuple[int, ...]], dict[str, object]]] = [
    ("relu", [(1, 1_000_000)], {}),
    ("relu", [(1_000_000, 1)], {}),
    ("add", [(1, 1080, 1920, 3), (3,)], {}),
    ("mul", [(1, 270, 480, 5), (1, 270, 480, 1)], {}),
    ("transpose", [(1, 270, 480, 3)], {"permutation": [0, 3, 1, 2]}),
    ("reduce_max", [(1, 1_000_000)], {"axes": [1], "keep_dims": True}),
    ("concat", [(1, 33, 31, 6), (1, 33, 31, 6), (1, 33, 31, 1), (1, 33, 31, 6)], {"axis": 3}),
    ("concat", [(2, 3, 5)] * 20, {"axis": 1}),
    ("concat", [(1, 3)] * 40, {"axis": 1}),
    ("conv2d", [(1, 540, 960, 3), (3, 3, 3, 8), (8,)], {"stride": [2, 2], "padding": [0, 0, 1, 1]}),
]


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize(("name", "shapes", "attributes"), SHAPES, ids=[f"{row[0]}-{i}" for i, row in enumerate(SHAPES)])
def test_large_and_many(session_of, layers, name, shapes, attributes):
    rng = np.random.default_rng(3)
    case = Case([rng.standard_normal(shape).astype(np.float32) for shape in shapes], attributes)
    model, feeds = operator_model(name, [case], constants=False)
    session = session_of("swiftshader")
    loaded = session.load(model, layers)
    received = session.run(loaded, feeds)
    session.dispose(loaded)
    assert_near(name, case, model.run(feeds)["y0"], received["y0"])


def test_more_layers_than_attachments_are_refused(session_of):
    model, _ = operator_model("relu", [Case([np.zeros((2, 2), np.float32)], {})], constants=False)
    with pytest.raises(Exception, match="cannot write 8 float layers"):
        session_of("swiftshader").load(model, 8)
