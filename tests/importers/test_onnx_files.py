"""What an ONNX file may look like, and what is said about one that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import webkiln
from onnx import TensorProto, helper, numpy_helper
from onnx_model import info, model_of, read, results, single, written
from webkiln.errors import FormatError, InputError, UnsupportedOperatorError
from webkiln.importers.onnx.messages import message

X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


def identity_of(tensor: onnx.TensorProto) -> onnx.ModelProto:
    """A model whose one output is a constant of type float32 or int64."""
    whole = tensor.data_type in (2, 3, 4, 5, 6, 7, 9, 12, 13, 21, 22, 25, 26)
    cast = helper.make_node("Cast", [tensor.name], ["y"], to=TensorProto.INT64 if whole else TensorProto.FLOAT)
    return model_of([cast], [], ["y"], {tensor.name: tensor}, opset=25)


def value_of(tensor: onnx.TensorProto, folder: Path) -> np.ndarray:
    return results(identity_of(tensor), folder)[0]


def test_the_table_of_messages_agrees_with_onnx() -> None:
    """Every field that is read has the number, the type and the label that the package gives it."""
    names = ["ModelProto", "GraphProto", "NodeProto", "AttributeProto", "TensorProto", "SparseTensorProto", "FunctionProto", "ValueInfoProto"]
    for name in names:
        ours, theirs = message(name).DESCRIPTOR, getattr(onnx, name).DESCRIPTOR
        for field in ours.fields:
            other = theirs.fields_by_number[field.number]
            assert field.name == other.name
            assert field.is_repeated == other.is_repeated
            enumeration = other.type == other.TYPE_ENUM
            assert field.type == (field.TYPE_INT32 if enumeration else other.type), (name, field.name)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_constants_in_raw_bytes_and_typed_fields(tmp_path: Path, dtype: str, raw: bool) -> None:
    values = np.array([[0, 1, 2], [3, 100, 7]]).astype(dtype)
    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    if raw:
        tensor = numpy_helper.from_array(values, "c")
    else:
        stored = values.reshape(-1)
        tensor = helper.make_tensor("c", number, values.shape, stored.tolist())
    assert tensor.HasField("raw_data") == raw
    found = value_of(tensor, tmp_path)
    assert found.shape == (2, 3)
    assert (found == values.astype(found.dtype)).all()


@pytest.mark.parametrize("number", [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26])
def test_constants_of_types_that_numpy_lacks(tmp_path: Path, number: int) -> None:
    """All codes of the small types, against the package's own table."""
    bits = {16: 16, 21: 4, 22: 4, 23: 4, 25: 2, 26: 2}.get(number, 8)
    codes = np.arange(2 ** min(bits, 8), dtype=np.int64) * (257 if bits == 16 else 1)
    per_byte = 8 // bits if bits < 8 else 1
    if bits == 16:
        raw = codes.astype("<u2").tobytes()
    else:
        packed = np.zeros(-(-codes.size // per_byte), np.int64)
        for i in range(per_byte):
            part = codes[i::per_byte]
            packed[: part.size] |= part << (bits * i)
        raw = packed.astype(np.uint8).tobytes()
    tensor = TensorProto(name="c", data_type=number, dims=[codes.size], raw_data=raw)
    expected = numpy_helper.to_array(tensor).astype(np.float64)
    np.testing.assert_array_equal(value_of(tensor, tmp_path).astype(np.float64), expected)


def test_sparse_constants_become_dense(tmp_path: Path) -> None:
    values = numpy_helper.from_array(np.array([5, 7], np.float32), "c")
    for indices in (np.array([1, 5], np.int64), np.array([[0, 1], [1, 2]], np.int64)):
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(indices, "at"), [2, 3])
        model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], [info("x", X)], ["y"])
        model.graph.sparse_initializer.append(sparse)
        expected = X + np.array([[0, 5, 0], [0, 0, 7]])
        np.testing.assert_array_equal(results(model, tmp_path, X)[0], expected)


def external(folder: Path, location: str, **entries: int) -> onnx.ModelProto:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return model_of([helper.make_node("Add", ["x", "c"], ["y"])], [info("x", X)], ["y"], {"c": tensor})


def test_external_data_lies_in_the_folder_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data.bin").write_bytes(b"\0" * 4 + np.array([1, 2, 3], np.float32).tobytes() + b"\0" * 4)
    found = results(external(tmp_path, "sub/data.bin", offset=4, length=12), tmp_path, X)[0]
    np.testing.assert_array_equal(found, X + np.array([1, 2, 3]))


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "", "none.bin", "link.bin"])
def test_external_data_elsewhere_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 12)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(FormatError, match="not in the folder of the model"):
        read(external(folder, location), folder)


@pytest.mark.parametrize(("entries", "message"), [({"offset": 8}, "needs 12 bytes"), ({"offset": -4}, "lies at"), ({"length": 100}, "lies at")])
def test_external_data_out_of_bounds_is_refused(tmp_path: Path, entries: dict[str, int], message: str) -> None:
    (tmp_path / "data.bin").write_bytes(b"\0" * 16)
    with pytest.raises(FormatError, match=message):
        read(external(tmp_path, "data.bin", **entries), tmp_path)


def test_function_bodies_are_expanded_with_their_attributes(tmp_path: Path) -> None:
    scaled = helper.make_node("LeakyRelu", ["a"], ["b"])
    attribute = scaled.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    assert attribute.ref_attr_name == "slope"
    inner = helper.make_function("own", "Leaky", ["a"], ["b"], [scaled], [helper.make_opsetid("", 21)], ["slope"])
    twice = helper.make_function(
        "own",
        "Twice",
        ["a", "left_out"],
        ["b", "a"],
        [helper.make_node("Leaky", ["a"], ["t"], domain="own", slope=0.5), helper.make_node("Add", ["t", "t"], ["b"])],
        [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)],
    )
    nodes = [helper.make_node("Twice", ["x"], ["t", "same"], domain="own"), helper.make_node("Twice", ["t"], ["y", ""], domain="own")]
    model = model_of(nodes, [info("x", X)], ["y", "same"], imports=[helper.make_opsetid("own", 1)], functions=[inner, twice])
    leaky = lambda x: np.where(x < 0, x * np.float32(0.5), x)  # noqa: E731
    y, same = results(model, tmp_path, X)
    np.testing.assert_allclose(y, 2 * leaky(2 * leaky(X)))
    np.testing.assert_array_equal(same, X)


def test_a_function_that_calls_itself_is_an_error(tmp_path: Path) -> None:
    node = helper.make_node("Again", ["a"], ["b"], domain="own")
    function = helper.make_function("own", "Again", ["a"], ["b"], [node], [helper.make_opsetid("own", 1)])
    model = model_of([helper.make_node("Again", ["x"], ["y"], domain="own")], [info("x", X)], ["y"], imports=[helper.make_opsetid("own", 1)], functions=[function])
    with pytest.raises(FormatError, match="call themselves"):
        read(model, tmp_path)


def test_symbols_come_from_named_and_unnamed_sizes(tmp_path: Path) -> None:
    shape = ["batch", None, "2*batch", "?", 3]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    imported = read(model_of([helper.make_node("Relu", ["x"], ["y"])], [x], ["y"]), tmp_path)
    found = [str(dim) for dim in imported.signatures[0].outputs[0].shape]
    assert found == ["batch", "x_d1", "2*batch", "x_d3", "3"]
    assert set(imported.symbols) == {"batch", "x_d1", "x_d3"}


def test_shapes_can_be_given(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    path = written(model_of([helper.make_node("Transpose", ["x"], ["y"])], [x], ["y"]), tmp_path)
    assert webkiln.convert(path, inputs={"x": [4, 3]}).outputs[0].shape == (3, 4)
    with pytest.raises(InputError, match="there is no input 'z'"):
        webkiln.convert(path, inputs={"z": [4, 3]})
    with pytest.raises(InputError, match="has rank 2"):
        webkiln.convert(path, inputs={"x": [4]})
    with pytest.raises(InputError, match="no signature 'other'"):
        webkiln.convert(path, signature="other")


def test_chains_of_sizes_are_folded(tmp_path: Path) -> None:
    """Flattening as exporters write it: Shape, Gather, Mul, Unsqueeze, Concat, Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Gather", ["s", "two"], ["w"]),
        helper.make_node("Mul", ["w", "three"], ["rows"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Unsqueeze", ["rows", "axes"], ["rows1"]),
        helper.make_node("Concat", ["n1", "rows1"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    constants = {name: np.array(value, np.int64) for name, value in (("zero", 0), ("two", 2), ("three", 3), ("axes", [0]))}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "w"])
    imported = read(model_of(nodes, [x], ["y"], constants), tmp_path)
    assert [node.op for node in imported.graph.nodes] == ["reshape"]
    assert [str(dim) for dim in imported.signatures[0].outputs[0].shape] == ["n", "3*w"]


def test_the_file_says_where_it_comes_from(tmp_path: Path) -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], [info("x", X)], ["y"], producer_name="maker", producer_version="3")
    onnx.helper.set_model_props(model, {"license": "MIT", "author": "someone"})
    found = webkiln.convert(written(model, tmp_path)).provenance
    assert found["source_format"] == "onnx"
    assert found["source_producer"] == "maker 3"
    assert found["source_operator_sets"] == "ai.onnx 21"
    assert (found["licence"], found["attribution"]) == ("MIT", "someone")


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NoSuch", ["x"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Other", ["b"], ["c"], domain="private"),
        helper.make_node("RandomNormalLike", ["x"], ["d"]),
        helper.make_node("Reshape", ["x", "s"], ["e"]),
    ]
    inputs = [info("x", X), info("s", np.zeros(65, np.int64))]
    model = model_of(nodes, inputs, ["c", "d", "e"], imports=[helper.make_opsetid("private", 1)])
    with pytest.raises(UnsupportedOperatorError) as caught:
        read(model, tmp_path)
    found = {item.operator: item for item in caught.value.items}
    assert set(found) == {"NoSuch", "private:Other", "RandomNormalLike", "Reshape"}
    assert "operator set 21" in found["NoSuch"].reason
    assert "float32" in found["NoSuch"].reason
    assert "only when the model runs" in found["Reshape"].reason


def test_values_that_are_no_tensors_of_numbers_are_refused(tmp_path: Path) -> None:
    text = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    with pytest.raises(UnsupportedOperatorError, match="string"):
        read(model_of([helper.make_node("Identity", ["x"], ["y"])], [text], ["y"]), tmp_path)
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2])
    with pytest.raises(UnsupportedOperatorError, match="sequence"):
        read(model_of([helper.make_node("SequenceLength", ["x"], ["y"])], [sequence], ["y"]), tmp_path)
    unknown = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    with pytest.raises(UnsupportedOperatorError, match="its rank is not known"):
        read(model_of([helper.make_node("Relu", ["x"], ["y"])], [unknown], ["y"]), tmp_path)


def test_operator_sets_that_are_newer_than_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match="newer than"):
        read(single("Relu", [X], opset=99), tmp_path)


def test_integers_beyond_32_bits_are_errors_and_slices_saturate(tmp_path: Path) -> None:
    huge = np.array([2**40], np.int64)
    x = np.arange(5, dtype=np.int64)
    with pytest.raises(FormatError, match="does not fit in 32 bits"):
        read(single("Add", [x, huge], [1]), tmp_path)
    ends = np.array([2**63 - 1], np.int64)
    found = results(single("Slice", [x, np.array([1]), ends], [1, 2]), tmp_path, x)[0]
    np.testing.assert_array_equal(found, x[1:])


def broken(kind: str) -> onnx.ModelProto:
    relu = helper.make_node("Relu", ["x"], ["y"])
    if kind == "no outputs":
        return model_of([relu], [info("x", X)], [])
    if kind == "nothing makes":
        return model_of([helper.make_node("Relu", ["z"], ["y"])], [info("x", X)], ["y"])
    if kind == "there already":
        return model_of([relu, relu], [info("x", X)], ["y"])
    if kind == "made by nothing":
        return model_of([relu], [info("x", X)], ["other"])
    if kind == "named uniquely":
        return model_of([relu], [info("x", X), info("x", X)], ["y"])
    if kind == "declared as":
        return model_of([relu], [info("x", X)], [helper.make_tensor_value_info("y", TensorProto.INT64, [2, 3])])
    if kind == "attribute":
        return model_of([helper.make_node("Softmax", ["x"], ["y"], axis="last")], [info("x", X)], ["y"])
    if kind == "do not broadcast":
        return single("Add", [X, np.zeros((2, 4), np.float32)])
    if kind == "axis":
        return single("Softmax", [X], axis=5)
    if kind == "cannot reshape":
        return single("Reshape", [X, np.array([4, 4])], [1])
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[7], raw_data=b"\0" * 8)
    assert kind == "needs 28 bytes"
    return identity_of(tensor)


@pytest.mark.parametrize(
    "kind",
    [
        "no outputs",
        "nothing makes",
        "there already",
        "made by nothing",
        "named uniquely",
        "declared as",
        "attribute",
        "do not broadcast",
        "axis",
        "cannot reshape",
        "needs 28 bytes",
    ],
)
def test_files_that_are_wrong_say_what_and_where(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormatError, match=rf"model\.onnx: .*{kind}"):
        read(broken(kind), tmp_path)


def test_truncated_and_mutated_files_raise_nothing_else(tmp_path: Path) -> None:
    """A file with an LSTM, an If, constants and sizes, cut and changed at random: an error of ours, or a model."""
    rng = np.random.default_rng(5)
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [onnx.ValueInfoProto(name="t")])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [onnx.ValueInfoProto(name="e")])
    nodes = [
        helper.make_node("If", ["c"], ["a"], then_branch=branch, else_branch=other),
        helper.make_node("Reshape", ["a", "s"], ["b"]),
        helper.make_node("LSTM", ["b", "w", "r"], ["l", "", ""], hidden_size=2),
        helper.make_node("Slice", ["l", "from", "to"], ["y"]),
        helper.make_node("Pad", ["y", "pads"], ["z"], mode="reflect"),
    ]
    constants = {
        "s": np.array([2, 1, 3]),
        "w": np.ones((1, 8, 3), np.float32),
        "r": np.ones((1, 8, 2), np.float32),
        "from": np.array([0]),
        "to": np.array([2]),
        "pads": np.array([1, 0, 0, 0, 0, 0, 0, 1]),
    }
    whole = model_of(nodes, [info("x", X), info("c", np.array(True))], ["z"], constants).SerializeToString()
    path = tmp_path / "model.onnx"
    outcomes = set()
    for number in range(600):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[int(rng.integers(1, len(data))) :]
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
        path.write_bytes(bytes(data))
        try:
            webkiln.importers.read(path)
            outcomes.add("read")
        except webkiln.WebkilnError as error:
            outcomes.add(type(error).__name__)
    assert {"read", "FormatError", "UnsupportedOperatorError"} <= outcomes
