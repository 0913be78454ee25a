"""Sequences of tensors, which conversion takes apart, against ONNX's own evaluator."""

from __future__ import annotations

import numpy as np
import pytest
import webkiln
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx_model import model_of, written
from webkiln.errors import FormatError, UnsupportedOperatorError

node = helper.make_node
X = np.arange(24, dtype=np.float32).reshape(4, 6)
INPUTS = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 6])]
NUMBERS = {f"n{i}": np.array(i) for i in range(-2, 4)} | {"sizes": np.array([1, 2, 3]), "two": np.array([2])}
DOUBLE = helper.make_graph(
    [node("Add", ["e", "e"], ["s"]), node("Mul", ["s", "w"], ["d"])],
    "body",
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("e", "w")],
    [helper.make_tensor_value_info("d", TensorProto.FLOAT, None)],
)

CASES = {
    "split into sizes": [node("SplitToSequence", ["x", "sizes"], ["s"], axis=1), node("SequenceAt", ["s", "n1"], ["a"]), node("SequenceAt", ["s", "n2"], ["b"]), node("Concat", ["b", "a"], ["y"], axis=1)],
    "split into parts": [node("SplitToSequence", ["x", "n3"], ["s"], axis=0), node("SequenceAt", ["s", "n-1"], ["y"])],
    "split into single ones": [node("SplitToSequence", ["x"], ["s"], axis=0, keepdims=0), node("ConcatFromSequence", ["s"], ["y"], axis=1, new_axis=1)],
    "put in and taken out": [
        node("Relu", ["x"], ["r"]), node("Neg", ["x"], ["m"]), node("SequenceEmpty", [], ["e"]), node("SequenceInsert", ["e", "x"], ["s1"]), node("SequenceInsert", ["s1", "r", "n0"], ["s2"]),
        node("SequenceInsert", ["s2", "m", "n-1"], ["s3"]), node("SequenceErase", ["s3", "n1"], ["s4"]), node("SequenceLength", ["s4"], ["length"]), node("Cast", ["length"], ["l"], to=TensorProto.FLOAT),
        node("ConcatFromSequence", ["s4"], ["c"], axis=0), node("Mul", ["c", "l"], ["y"]),
    ],
    "optional": [node("Optional", ["x"], ["o"]), node("OptionalGetElement", ["o"], ["g"]), node("OptionalHasElement", ["o"], ["has"]), node("Cast", ["has"], ["one"], to=TensorProto.FLOAT), node("Add", ["g", "one"], ["y"])],
    "mapped": [node("Neg", ["x"], ["m"]), node("SequenceConstruct", ["x", "m"], ["s"]), node("SequenceMap", ["s", "x"], ["t"], body=DOUBLE), node("ConcatFromSequence", ["t"], ["y"], axis=0)],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_sequences(name: str, tmp_path) -> None:
    source = model_of(CASES[name], INPUTS, ["y"], NUMBERS)
    expected = X + 1 if name == "optional" else ReferenceEvaluator(source).run(None, {"x": X})[0]  # its Optional makes lists
    received = webkiln.convert(written(source, tmp_path)).run({"x": X})["y"]
    np.testing.assert_array_equal(received, expected)


def test_a_sequence_that_is_an_output_is_as_many_outputs(tmp_path) -> None:
    model = webkiln.convert(written(model_of([node("SplitToSequence", ["x", "sizes"], ["s"], axis=1)], INPUTS, ["s"], NUMBERS), tmp_path))
    received = model.run({"x": X})
    assert {name: array.shape for name, array in received.items()} == {"s_0": (4, 1), "s_1": (4, 2), "s_2": (4, 3)}


def test_what_is_wrong_with_sequences_is_told(tmp_path) -> None:
    construct = node("SequenceConstruct", ["x"], ["s"])
    with pytest.raises(FormatError, match="position 3 in a sequence of 1"):
        webkiln.convert(written(model_of([construct, node("SequenceAt", ["s", "n3"], ["y"])], INPUTS, ["y"], NUMBERS), tmp_path))
    with pytest.raises(UnsupportedOperatorError, match="dtype sequence"):
        webkiln.convert(written(model_of([construct, node("Relu", ["s"], ["y"])], INPUTS, ["y"], NUMBERS), tmp_path))
    with pytest.raises(FormatError, match="is no sequence"):
        webkiln.convert(written(model_of([node("SequenceLength", ["x"], ["y"])], INPUTS, ["y"], NUMBERS), tmp_path))
