"""Variables that operators of TFLite read and write through handles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import webkiln
from imported_models import Read
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError

X = np.arange(6, dtype=np.float32).reshape(2, 3)
START = X * 10 + 1
ADD, MUL = {"table": "AddOptions"}, {"table": "MulOptions"}


def handle(name: str, tensor: int) -> Operator:
    return Operator("VAR_HANDLE", [], [tensor], {"table": "VarHandleOptions", "container": "", "name": name})


def given_once(*names: str) -> Model:
    """A subgraph that gives variables their first values."""
    tensors = [Tensor("start", X.shape, data=START), *(Tensor(name, (), "resource") for name in names)]
    operators = [one for i, name in enumerate(names) for one in (handle(name, i + 1), Operator("ASSIGN_VARIABLE", [i + 1, 0], []))]
    return Model(tensors, operators, [], [])


def total(*, starts: list[Model]) -> Model:
    """`total ← total + factor · x`, which is the result."""
    tensors = [
        Tensor("x", X.shape),
        Tensor("h", (), "resource"),
        Tensor("g", (), "resource"),
        *(Tensor(name, X.shape) for name in ("total", "factor", "scaled", "y", "again")),
    ]
    once = [Operator("CALL_ONCE", [], [], {"table": "CallOnceOptions", "subgraph": 1})] if starts else []
    operators = [
        *once,
        handle("total", 1),
        handle("factor", 2),
        Operator("READ_VARIABLE", [1], [3]),
        Operator("READ_VARIABLE", [2], [4]),
        Operator("MUL", [4, 0], [5], MUL),
        Operator("ADD", [3, 5], [6], ADD),
        Operator("ASSIGN_VARIABLE", [1, 6], []),
        Operator("READ_VARIABLE", [1], [7]),
    ]
    return Model(tensors, operators, [0], [7], others=starts)


def test_values_are_kept_from_run_to_run(tmp_path: Path, node_session: webkiln.Session) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(total(starts=[given_once("total", "factor")]).encode())
    model = webkiln.convert(path)
    assert len(model.graph.state) == 1  # what no run changes is a constant
    for runtime in (model.run, lambda feeds: node_session.run(model, feeds)):
        for i in range(1, 4):
            np.testing.assert_array_equal(runtime({"x": X})["again"], START + i * START * X)
    model.reset()
    np.testing.assert_array_equal(model.run({"x": X})["again"], START + START * X)
    model.save(tmp_path / "saved")
    np.testing.assert_array_equal(webkiln.load(tmp_path / "saved").run({"x": X})["again"], START + START * X)


def test_variables_need_a_first_value(read: Read) -> None:
    for starts in ([], [given_once("factor")]):
        with pytest.raises(UnsupportedOperatorError, match="'/total' is read before it is given a value"):
            read(total(starts=starts))


def test_what_is_given_in_each_run_is_no_state(read: Read) -> None:
    tensors = [Tensor("x", X.shape), Tensor("h", (), "resource"), Tensor("y", X.shape)]
    operators = [handle("v", 1), Operator("ASSIGN_VARIABLE", [1, 0], []), Operator("READ_VARIABLE", [1], [2])]
    assert read(Model(tensors, operators, [0], [2])).graph.state == []


def test_what_does_not_fit_is_told(read: Read) -> None:
    model = total(starts=[given_once("total", "factor")])
    model.operators[0].options = {"table": "CallOnceOptions", "subgraph": 5}
    with pytest.raises(FormatError, match="the file has 2"):
        read(model)
    model = total(starts=[given_once("total", "factor")])
    model.operators[-2] = Operator("SUM", [6, 8], [9], {"table": "ReducerOptions"})
    model.operators.append(Operator("ASSIGN_VARIABLE", [1, 9], []))
    model.tensors += [Tensor("axes", (1,), "int32", np.array([0], np.int32)), Tensor("shorter", (3,))]
    with pytest.raises(UnsupportedOperatorError, match="Let its dtype and shape stay the same"):
        read(model)
    computed = Model([Tensor("x", X.shape), Tensor("y", X.shape)], [Operator("READ_VARIABLE", [0], [1])], [0], [1])
    with pytest.raises(UnsupportedOperatorError, match="handle is computed"):
        read(computed)
