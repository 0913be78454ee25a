"""Branches and loops of TFLite, whose bodies are subgraphs, in NumPy and in JavaScript alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from imported_models import Read, run
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError

X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
ADD, MUL, CONCAT = {"table": "AddOptions"}, {"table": "MulOptions"}, {"table": "ConcatenationOptions", "axis": 0}
IF, WHILE = {"table": "IfOptions", "then": 1, "otherwise": 2}, {"table": "WhileOptions", "condition": 1, "body": 2}


def f32(number: float) -> np.ndarray:
    return np.array(number, np.float32)


def i32(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def square() -> Model:
    return Model([Tensor("in", X.shape), Tensor("out", X.shape)], [Operator("MUL", [0, 0], [1], MUL)], [0], [1])


def twice_as_long() -> Model:
    return Model([Tensor("in", X.shape), Tensor("out", (4, 3))], [Operator("CONCATENATION", [0, 0], [1], CONCAT)], [0], [1])


def branches(then: Model, otherwise: Model, known: bool | None = None) -> Model:
    condition = Tensor("c", (), "bool", None if known is None else np.array(known))
    tensors = [condition, Tensor("x", X.shape), Tensor("y", (1, 3), signature=(-1, 3))]
    return Model(tensors, [Operator("IF", [0, 1], [2], IF)], [0, 1] if known is None else [1], [2], others=[then, otherwise])


def counting(body: list[Operator], extra: list[Tensor], following: list[int], x: Tensor, limit: int | None = None, result: int = 4) -> Model:
    """`for (i = 0; i < n; i++) v ← …`: what is carried is i, n, v and x, of which `body` makes the next i and v."""
    zero, n = Tensor("zero", (), "int32", np.array(0, np.int32)), Tensor("n", (), "int32", None if limit is None else np.array(limit, np.int32))
    condition = Model([*formals(x), Tensor("less", (), "bool")], [Operator("LESS", [0, 1], [4])], [0, 1, 2, 3], [4])
    step = Model([*formals(x), *extra], body, [0, 1, 2, 3], following)
    tensors = [zero, n, x, Tensor("i", (), "int32"), Tensor("y", (1,) * len(x.shape), signature=(-1,) * len(x.shape)), Tensor("m", (), "int32"), Tensor("z", x.shape)]
    given = [1, 2] if limit is None else [2]
    return Model(tensors, [Operator("WHILE", [0, 1, 2, 2], [3, 5, 4, 6], WHILE)], given, [result, 3], others=[condition, step])


def formals(x: Tensor) -> list[Tensor]:
    return [Tensor("i", (), "int32"), Tensor("n", (), "int32"), Tensor("v", x.shape), Tensor("x", x.shape)]


def powers(limit: int | None = None) -> Model:
    """`v ← v · x + i`."""
    extra = [Tensor("one", (), "int32", np.array(1, np.int32)), Tensor("next", (), "int32"), Tensor("product", X.shape), Tensor("float", ()), Tensor("sum", X.shape)]
    body = [Operator("ADD", [0, 4], [5], ADD), Operator("MUL", [2, 3], [6], MUL), Operator("CAST", [0], [7]), Operator("ADD", [6, 7], [8], ADD)]
    return counting(body, extra, [5, 1, 8, 3], Tensor("x", X.shape), limit)


def growing() -> Model:
    """`v ← v and x one below the other`: its shape changes from round to round."""
    extra = [Tensor("one", (), "int32", np.array(1, np.int32)), Tensor("next", (), "int32"), Tensor("both", (4, 3), signature=(-1, 3))]
    body = [Operator("ADD", [0, 4], [5], ADD), Operator("CONCATENATION", [2, 3], [6], CONCAT)]
    return counting(body, extra, [5, 1, 6, 3], Tensor("x", X.shape))


def power_of(x: np.ndarray, rounds: int) -> np.ndarray:
    value = x
    for i in range(rounds):
        value = value * x + np.float32(i)
    return value


def check(model: Model, cases: list[tuple[dict[str, Any], np.ndarray]], folder: Path, session: webkiln.Session) -> None:
    path = folder / "model.tflite"
    path.write_bytes(model.encode())
    converted = webkiln.convert(path)
    converted.save(folder / "saved")
    for feeds, wanted in cases:
        for found in (converted.run(feeds), webkiln.load(folder / "saved").run(feeds), session.run(converted, feeds)):
            np.testing.assert_allclose(found["y"], wanted, rtol=1e-6)
            assert found["y"].shape == wanted.shape


def test_the_run_takes_a_branch(tmp_path: Path, node_session: webkiln.Session) -> None:
    cases = [({"c": np.array(c), "x": X}, X**2 if c else np.concatenate([X, X])) for c in (True, False, True)]
    check(branches(square(), twice_as_long()), cases, tmp_path, node_session)


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_that_is_known_is_all_that_is_left(taken: bool, read: Read) -> None:
    model = read(branches(square(), twice_as_long(), taken))
    assert [node.op for node in model.graph.nodes] == ["mul" if taken else "concat"]
    np.testing.assert_array_equal(run(model, {"x": X})["y"], X**2 if taken else np.concatenate([X, X]))


def test_loops_go_on_for_as_long_as_the_run_tells(tmp_path: Path, node_session: webkiln.Session) -> None:
    check(powers(), [({"n": np.array(n, np.int32), "x": X}, power_of(X, n)) for n in (0, 1, 4, 2)], tmp_path, node_session)


def test_loops_of_known_length(tmp_path: Path, node_session: webkiln.Session) -> None:
    check(powers(3), [({"x": X}, power_of(X, 3))], tmp_path, node_session)


def test_what_is_carried_may_change_its_size(tmp_path: Path, node_session: webkiln.Session) -> None:
    check(growing(), [({"n": np.array(n, np.int32), "x": X}, np.concatenate([X] * (n + 1))) for n in (0, 2, 1)], tmp_path, node_session)


def test_a_branch_in_a_loop(tmp_path: Path, node_session: webkiln.Session) -> None:
    """`v ← v² where the sum of v is below 20, else v + x`."""
    extra = [
        Tensor("one", (), "int32", np.array(1, np.int32)),
        Tensor("next", (), "int32"),
        Tensor("axes", (2,), "int32", i32(0, 1)),
        Tensor("sum", ()),
        Tensor("limit", (), data=f32(20)),
        Tensor("below", (), "bool"),
        Tensor("made", X.shape),
    ]
    body = [
        Operator("ADD", [0, 4], [5], ADD),
        Operator("SUM", [2, 6], [7], {"table": "ReducerOptions"}),
        Operator("LESS", [7, 8], [9]),
        Operator("IF", [9, 2, 3], [10], {"table": "IfOptions", "then": 3, "otherwise": 4}),
    ]
    model = counting(body, extra, [5, 1, 10, 3], Tensor("x", X.shape))
    both = [Tensor("v", X.shape), Tensor("x", X.shape), Tensor("out", X.shape)]
    model.others += [Model(both, [Operator("MUL", [0, 0], [2], MUL)], [0, 1], [2]), Model(both, [Operator("ADD", [0, 1], [2], ADD)], [0, 1], [2])]
    cases = []
    for rounds in (0, 1, 3):
        value = X
        for _ in range(rounds):
            value = value * value if value.sum() < 20 else value + X
        cases.append(({"n": np.array(rounds, np.int32), "x": X}, value))
    check(model, cases, tmp_path, node_session)


def test_what_does_not_fit_is_told(read: Read) -> None:
    model = branches(square(), twice_as_long())
    model.others[1].inputs = [0, 0]
    with pytest.raises(FormatError, match="a branch takes 2 inputs"):
        read(model)
    model = powers()
    model.others[1].outputs = model.others[1].outputs[:3]
    with pytest.raises(FormatError, match="its bodies take"):
        read(model)
    model = branches(square(), branches(square(), square()))
    with pytest.raises(FormatError, match="in which it stands itself"):
        read(model)
    model = branches(square(), square())
    model.operators[0].options = {"table": "IfOptions", "then": 1, "otherwise": 9}
    with pytest.raises(FormatError, match="the file has 3"):
        read(model)


def test_all_that_is_missing_in_bodies_is_told_at_once(read: Read) -> None:
    def magic(name: str) -> Model:
        return Model([Tensor("in", X.shape), Tensor("out", X.shape)], [Operator(f"CUSTOM:{name}", [0], [1])], [0], [1])

    model = branches(square(), magic("One"))
    model.tensors.append(Tensor("z", X.shape))
    model.operators.append(Operator("CUSTOM:Two", [1], [3]))
    with pytest.raises(UnsupportedOperatorError) as caught:
        read(model)
    assert [one.operator for one in caught.value.items] == ["CUSTOM:One", "CUSTOM:Two"]
    state = Model([Tensor("in", X.shape), Tensor("h", (), "resource"), Tensor("out", X.shape)], [Operator("READ_VARIABLE", [1], [2])], [0], [2])
    with pytest.raises(UnsupportedOperatorError, match="what is kept from run to run"):
        read(branches(square(), state))


def test_integers_with_a_scale_pass_as_they_are(tmp_path: Path, node_session: webkiln.Session) -> None:
    """A loop of rectifications: real numbers below 0 are the integers below the zero point."""
    scale = {"scale": np.float32([0.5]), "zero_point": np.array([3])}
    a, b = (Tensor(name, (2,), "uint8", quantization=scale) for name in "ab")
    i, j, g = Tensor("i", (), "int32"), Tensor("j", (), "int32"), Tensor("g", (), "bool")
    condition = Model([a, i, Tensor("n", (), "int32", np.array(3, np.int32)), g], [Operator("LESS", [1, 2], [3])], [0, 1], [3])
    body = Model([a, i, b, Tensor("one", (), "int32", np.array(1, np.int32)), j], [Operator("RELU", [0], [2]), Operator("ADD", [1, 3], [4], ADD)], [0, 1], [2, 4])
    path = tmp_path / "model.tflite"
    path.write_bytes(Model([a, i, b, j], [Operator("WHILE", [0, 1], [2, 3], WHILE)], [0, 1], [2, 3], others=[condition, body]).encode())
    model = webkiln.convert(path)
    for start, rounds, wanted in ((0, 3, [3, 200]), (5, 5, [1, 200])):
        feeds = {"a": np.array([1, 200], np.uint8), "i": np.array(start, np.int32)}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            np.testing.assert_array_equal(found["b"], np.array(wanted, np.uint8))
            assert found["j"] == rounds
