"""Every element-wise operator of floats and booleans against the NumPy reference, on all cases of the table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from glsl_machine import Gpu, gather
from webkiln.codegen.glsl import Function, functions, library
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS
from webkiln.ops.table import Operator, fill_defaults

LIBRARY = library()
FUNCTIONS = functions(OPERATORS, LIBRARY)
DTYPES = {CANONICAL["f32"]: "f32", CANONICAL["bool"]: "bool"}
# Arithmetic may take a result for 0 that float32 has only as a denormal.
SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)


def cases(operator: Operator, key: str) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Operands of one shape, float attributes among them, and what the reference says."""
    for case in operator.cases(np.random.default_rng(11)):
        if any(array.dtype not in DTYPES for array in case.inputs):
            continue
        attributes = fill_defaults(operator, case.attributes)
        if operator.name == "cast" and key != f"cast:{DTYPES[case.inputs[0].dtype]}:{attributes['to']}":
            continue
        wanted = operator.reference(case.inputs, attributes)
        operands = [*case.inputs, *(np.float32(attributes[name]) for name in operator.floats)]
        yield [np.broadcast_to(np.asarray(one, np.float32), wanted.shape).reshape(-1) for one in operands], wanted.reshape(-1)


def test_every_operator_of_floats_or_booleans_has_a_function() -> None:
    wanted = {
        operator.name
        for operator in OPERATORS.values()
        if operator.elementwise and any({"f32", "bool"}.issuperset(variant) for variant in operator.variants)
    }
    assert {key.split(":")[0] for key in FUNCTIONS} == wanted
    assert len([key for key in FUNCTIONS if key.startswith("cast:")]) == 4


@pytest.mark.parametrize("key", FUNCTIONS)
def test_operator(gpu: Gpu, key: str) -> None:
    operator, function = OPERATORS[key.split(":")[0]], FUNCTIONS[key]
    collected = list(cases(operator, key))
    operands = [np.concatenate(parts) for parts in zip(*(operands for operands, _ in collected), strict=True)]
    wanted = np.concatenate([wanted for _, wanted in collected])
    assert wanted.size > 1000
    assert len(operands) == function.operands
    got = run(gpu, key, function, operands)
    if wanted.dtype == np.bool_:
        assert np.isin(got, [0, 1]).all()
        wrong = got.astype(np.bool_) != wanted
    else:
        with np.errstate(invalid="ignore"):
            allowed = operator.tolerance.absolute + operator.tolerance.relative * np.abs(wanted)
            near = np.abs(got - wanted) <= allowed
            flushed = (got == 0) & (np.abs(wanted) < SMALLEST_NORMAL)
        wrong = ~(near | flushed | (got == wanted) | (np.isnan(got) & np.isnan(wanted)))
    places = np.flatnonzero(wrong)[:5]
    shown = [f"{key}({', '.join(str(one[i]) for one in operands)}) is {got[i]}, wanted {wanted[i]}" for i in places]
    assert not wrong.any(), f"{wrong.sum()} of {wrong.size}: {shown}"


def run(gpu: Gpu, key: str, function: Function, operands: list[np.ndarray]) -> np.ndarray:
    arguments = ", ".join(f"x{index}" for index in range(len(operands)))
    code = gather(LIBRARY, function.needs) + "\n" + function.code
    return gpu.evaluate(code, f"op_{key.replace(':', '_')}({arguments})", *operands)


def test_an_operand_may_be_both(gpu: Gpu) -> None:
    """What a program fuses can have the same value twice: an infinity minus itself is not 0."""
    x = np.array([1, np.inf, -np.inf, np.nan], np.float32)
    for key, wanted in (("sub", [0, np.nan, np.nan, np.nan]), ("div", [1, np.nan, np.nan, np.nan]), ("equal", [1, 1, 1, 0])):
        got = gpu.evaluate(FUNCTIONS[key].code, f"op_{key}(x0, x0)", x)
        assert np.array_equal(got, np.array(wanted, np.float32), equal_nan=True), key
