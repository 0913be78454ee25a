"""Results of TFLite whose size depends on the data: one conversion, any data, in NumPy and in JavaScript alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import InputError, ShapeError

Array = Any


def converted(operator: str, inputs: list[Array], outputs: list[Array], folder: Path) -> webkiln.Model:
    tensors = [Tensor(f"x{i}", array.shape, array.dtype.name) for i, array in enumerate(inputs)]
    tensors += [Tensor(f"y{i}", (1,) * array.ndim, array.dtype.name, signature=(-1,) * array.ndim) for i, array in enumerate(outputs)]
    places = list(range(len(inputs))), list(range(len(inputs), len(tensors)))
    path = folder / "model.tflite"
    path.write_bytes(Model(tensors, [Operator(operator, *places)], *places).encode())
    return webkiln.convert(path)


def unique(x: Array) -> list[Array]:
    values, first, kinds = np.unique(x, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return [values[order], np.argsort(order)[kinds].astype(np.int32)]


def numbers(*values: float) -> list[Array]:
    return [np.array(value, np.float32) for value in values]


CASES: dict[str, tuple[str, list[list[Array]], Callable[..., list[Array]]]] = {
    "where": (
        "WHERE",
        [[np.array(rows, bool)] for rows in ([[1, 0, 1], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]], [[1, 1, 1], [1, 1, 1]])],
        lambda x: [np.argwhere(x)],
    ),
    "where of numbers": ("WHERE", [[np.array(row, np.float32)] for row in ([0, -1, np.nan, 0], [0, 0, 0, 0])], lambda x: [np.argwhere(x)]),
    "unique": ("UNIQUE", [[np.array(row, np.int32)] for row in ([5, -1, 5, 7, -1, 0], [3, 3, 3, 3, 3, 3], [6, 5, 4, 3, 2, 1])], unique),
    "unique floats": ("UNIQUE", [[np.array(row, np.float32)] for row in ([0.5, -1, 0.5], [2, np.inf, 1])], unique),
    "range": (
        "RANGE",
        [numbers(0, 3, 0.5), numbers(1, -2, -0.75), numbers(0, 1, 3), numbers(2, 2, 1), numbers(0, 1, -1)],
        lambda *ends: [np.arange(*ends, dtype=np.float32)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_conversion_serves_all_data(name: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    operator, runs, expected = CASES[name]
    model = converted(operator, runs[0], expected(*runs[0]), tmp_path)
    for inputs in [*runs, runs[0]]:
        feeds = {f"x{i}": array for i, array in enumerate(inputs)}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            for one, wanted in zip(found.values(), expected(*inputs), strict=True):
                np.testing.assert_array_equal(one, wanted, strict=True)


def test_steps_of_nothing_are_an_error(tmp_path: Path, node_session: webkiln.Session) -> None:
    model = converted("RANGE", numbers(0, 3, 1), [np.arange(3, dtype=np.float32)], tmp_path)
    for run in (model.run, lambda feeds: node_session.run(model, feeds)):
        with pytest.raises((InputError, ShapeError)):
            run({f"x{i}": value for i, value in enumerate(numbers(0, 3, 0))})
