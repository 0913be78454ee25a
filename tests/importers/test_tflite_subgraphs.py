"""Subgraphs that operators of TFLite stand for, put in their place."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import Read, run
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError

X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


def tensors(*names: str) -> list[Tensor]:
    return [Tensor(name, X.shape) for name in names]


def composite(subgraph: int) -> dict[str, object]:
    return {"table": "CompositeOptions", "name": "some.thing", "subgraph": subgraph}


def call(subgraph: int) -> dict[str, object]:
    return {"table": "CallOptions", "subgraph": subgraph}


def squares(other: int | None = None) -> Model:
    """`x² + 1`, or, with another subgraph in place of the square, what that makes + 1."""
    one = Tensor("one", (), data=np.array(1, np.float32))
    first = Operator("MUL", [0, 0], [1], {"table": "MulOptions"}) if other is None else Operator("CALL", [0], [1], call(other))
    return Model([*tensors("in", "inner"), one, *tensors("out")], [first, Operator("ADD", [1, 2], [3], {"table": "AddOptions"})], [0], [3])


def test_operators_are_put_in_the_place_of_those_that_call_them(read: Read) -> None:
    negative = Model(tensors("in", "out"), [Operator("NEG", [0], [1])], [0], [1])
    main = Model(
        tensors("x", "y", "z", "sum"),
        [
            Operator("ADD", [1, 2], [3], {"table": "AddOptions"}),  # before what it reads
            Operator("STABLEHLO_COMPOSITE", [0], [1], composite(1)),
            Operator("CALL", [1], [2], call(2)),
        ],
        [0],
        [3, 1],
        others=[squares(), squares(3), negative],
    )
    model = read(main)
    found = run(model, {"x": X})
    y = X**2 + 1
    np.testing.assert_array_equal(found["y"], y)
    np.testing.assert_array_equal(found["sum"], y + (1 - y))
    assert model.operators["NEG"] == 1
    assert not {"CALL", "STABLEHLO_COMPOSITE"} & set(model.operators)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([squares(1)], "in which it stands itself"),
        ([squares(2), squares(1)], "in which it stands itself"),
        ([squares(7)], "the file has 2"),
        ([Model(tensors("in", "out", "more"), [Operator("NEG", [0], [1])], [0, 2], [1])], "has 2 and 1"),
        # Each calls the next one twice.
        (
            [Model(tensors("in", "a", "out"), [Operator("CALL", [0], [1], call(i + 2)), Operator("CALL", [1], [2], call(i + 2))], [0], [2]) for i in range(30)]
            + [squares()],
            "call each other more often",
        ),
    ],
)
def test_subgraphs_that_do_not_fit(read: Read, others: list[Model], message: str) -> None:
    main = Model(tensors("x", "y"), [Operator("CALL", [0], [1], call(1))], [0], [1], others=others)
    with pytest.raises(FormatError, match=message):
        read(main)


def test_results_that_are_not_made_are_refused(read: Read) -> None:
    through = Model(tensors("in"), [], [0], [0])
    with pytest.raises(UnsupportedOperatorError, match="CALL"):
        read(Model(tensors("x", "y"), [Operator("CALL", [0], [1], call(1))], [0], [1], others=[through]))
