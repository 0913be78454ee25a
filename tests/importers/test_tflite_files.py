"""Files: names, signatures, sizes that are not fixed, and everything that can be wrong."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import webkiln
from imported_models import Read, run
from tflite_writer import Model, Operator, Tensor, encode
from webkiln import importers
from webkiln.errors import FormatError, InputError, UnsupportedOperatorError, WebkilnError


def options(table: str, **values: object) -> dict[str, object]:
    return {"table": f"{table}Options", **values}


def small() -> Model:
    """A convolution, a clamp, a product of matrices."""
    w = np.arange(27 * 2, dtype=np.float32).reshape(2, 3, 3, 3) / 10
    rows = np.ones((4, 18), np.float32)
    tensors = [
        Tensor("picture", (1, 5, 5, 3)),
        Tensor("w", w.shape, "float32", w),
        Tensor("conv", (1, 3, 3, 2)),
        Tensor("rows", rows.shape, "float32", rows),
        Tensor("shape", (2,), "int32", np.array([1, -1], np.int32)),
        Tensor("flat", (1, 18)),
        Tensor("scores", (1, 4)),
    ]
    operators = [
        Operator("CONV_2D", [0, 1, -1], [2], options("Conv2D", padding=0, stride_width=2, stride_height=2, activation=3)),
        Operator("RESHAPE", [2, 4], [5], options("Reshape")),
        Operator("FULLY_CONNECTED", [5, 3, -1], [6], options("FullyConnected")),
    ]
    signature = {"key": "classify", "inputs": [{"name": "image", "tensor": 0}], "outputs": [{"name": "result", "tensor": 6}]}
    return Model(tensors, operators, [0], [6], [signature])


def chain(*operators: str, **tensor: object) -> Model:
    """Operators of one input and one output, one after another."""
    tensors = [Tensor(f"t{i}", (2, 3), **tensor) for i in range(len(operators) + 1)]  # type: ignore[arg-type]
    nodes = [Operator(name, [i], [i + 1]) for i, name in enumerate(operators)]
    return Model(tensors, nodes, [0], [len(operators)])


# Names and signatures


def test_signature_gives_the_names(read: Read) -> None:
    model = read(small())
    (signature,) = model.signatures
    assert signature.name == "classify"
    assert [(one.name, one.value, one.dtype, one.shape) for one in signature.inputs] == [("image", "picture", "float32", (1, 5, 5, 3))]
    assert [(one.name, one.value, one.dtype, one.shape) for one in signature.outputs] == [("result", "scores", "float32", (1, 4))]
    assert model.operators == {"CONV_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1}


def reversed_signature() -> Model:
    """x − 2·y, with a signature whose arguments are not in the order of the tensors."""
    tensors = [Tensor("in:0", (2,)), Tensor("in:1", (2,)), Tensor("double", (2,)), Tensor("out:0", (2,))]
    operators = [Operator("ADD", [1, 1], [2], {"table": "AddOptions"}), Operator("SUB", [0, 2], [3], {"table": "SubOptions"})]
    names = {"inputs": [{"name": "a", "tensor": 1}, {"name": "b", "tensor": 0}], "outputs": [{"name": "c", "tensor": 2}, {"name": "a", "tensor": 3}][::-1]}
    return Model(tensors, operators, [0, 1], [2, 3], [{"key": "serving_default", "subgraph": 0, **names}])


def test_arguments_are_in_the_order_of_the_tensors(read: Read) -> None:
    (signature,) = read(reversed_signature()).signatures
    assert [one.name for one in signature.inputs] == ["b", "a"]
    assert [one.name for one in signature.outputs] == ["c", "a"]


def test_inputs_also_go_by_the_names_of_their_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(reversed_signature().encode())
    model = webkiln.convert(path)
    x, y = np.array([1, 2], np.float32), np.array([5, 7], np.float32)
    for inputs in ({"b": x, "a": y}, {"in:0": x, "in:1": y}, {"in:0": x, "a": y}):
        np.testing.assert_array_equal(model.run(inputs)["a"], x - 2 * y)
    with pytest.raises(InputError, match="given twice"):
        model.run({"b": x, "in:0": x, "a": y})


def test_without_signatures_tensors_give_the_names(read: Read) -> None:
    file = small()
    file.signatures = []
    (signature,) = read(file).signatures
    assert (signature.name, signature.inputs[0].name, signature.outputs[0].name) == ("serving_default", "picture", "scores")


def test_names_become_unique(read: Read) -> None:
    file = chain("ABS", "NEG", "EXP")
    for tensor, name in zip(file.tensors, ("same", "same", "", "same"), strict=True):
        tensor.name = name
    model = read(file)
    model.graph.check()
    assert len(set(model.graph.values)) == 4
    x = np.ones((2, 3), np.float32)
    (found,) = run(model, {"same": x}).values()
    np.testing.assert_allclose(found, np.exp(-x), rtol=1e-6)


def test_one_signature_of_several_subgraphs(tmp_path: Path) -> None:
    def subgraph(code: int) -> dict[str, object]:
        tensors = [{"name": name, "shape": [2], "has_rank": True} for name in ("x", "y")]
        return {"tensors": tensors, "inputs": [0], "outputs": [1], "operators": [{"code": code, "inputs": [0], "outputs": [1]}]}

    def signature(key: str, number: int) -> dict[str, object]:
        return {"key": key, "subgraph": number, "inputs": [{"name": "x", "tensor": 0}], "outputs": [{"name": "y", "tensor": 1}]}

    path = tmp_path / "two.tflite"
    path.write_bytes(
        encode(
            {
                "version": 3,
                "operator_codes": [{"short_code": 101, "builtin_code": 101}, {"short_code": 59, "builtin_code": 59}],
                "subgraphs": [subgraph(0), subgraph(1)],
                "buffers": [{}],
                "signature_defs": [signature("absolute", 0), signature("negative", 1)],
            }
        )
    )
    x = np.array([-1, 2], np.float32)
    np.testing.assert_array_equal(run(importers.read(path), {"x": x})["y"], [1, 2])
    np.testing.assert_array_equal(run(importers.read(path, signature="negative"), {"x": x})["y"], [1, -2])
    with pytest.raises(InputError, match=r"no signature 'other'.*'absolute', 'negative'"):
        importers.read(path, signature="other")


def test_operators_out_of_order_are_put_in_order(read: Read) -> None:
    file = chain("ABS", "NEG")
    file.operators.reverse()
    x = np.array([[-1, 2, 3], [4, -5, 6]], np.float32)
    np.testing.assert_array_equal(run(read(file), {"t0": x})["t2"], -np.abs(x))


# Sizes that are not fixed


def test_batch_becomes_a_symbol(read: Read) -> None:
    file = small()
    file.tensors[0].signature = (-1, 5, 5, 3)
    file.tensors[4].data = np.array([-1, 18], np.int32)
    model = read(file)
    assert model.symbols == {"N": {}}
    assert [str(size) for size in model.signatures[0].outputs[0].shape] == ["N", "4"]
    x = np.random.default_rng(0).normal(size=(3, 5, 5, 3)).astype(np.float32)
    fixed = read(small())
    expected = np.concatenate([run(fixed, {"image": x[i : i + 1]})["result"] for i in range(3)])
    np.testing.assert_allclose(run(model, {"image": x})["result"], expected, rtol=1e-6)


def test_a_written_down_batch_follows(read: Read) -> None:
    """The file reshapes to [1, −1]; with any batch, the 1 is the batch."""
    file = small()
    file.tensors[0].signature = (-1, 5, 5, 3)
    file.tensors[4].data = np.array([1, 18], np.int32)
    assert [str(size) for size in read(file).signatures[0].outputs[0].shape] == ["N", "4"]
    assert read(small(), inputs={"image": [2, 5, 5, 3]}).signatures[0].outputs[0].shape[1] == 4


def picture_model(stride: int, padding: int, k: int = 3) -> Model:
    w = np.random.default_rng(3).normal(size=(2, k, k, 3)).astype(np.float32)
    tensors = [Tensor("in/put:0", (1, 8, 8, 3), signature=(1, -1, -1, 3)), Tensor("w", w.shape, "float32", w), Tensor("y", (1, 8, 8, 2))]
    attributes = options("Conv2D", padding=padding, stride_width=stride, stride_height=stride)
    return Model(tensors, [Operator("CONV_2D", [0, 1, -1], [2], attributes)], [0], [2])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_height_and_width_stay_symbolic(stride: int, padding: int, k: int, read: Read) -> None:
    model = read(picture_model(stride, padding, k))
    assert list(model.symbols) == ["in_put_0_d1", "in_put_0_d2"]
    for height, width in ((8, 9), (11, 5), (4, 4)):
        x = np.random.default_rng(1).normal(size=(1, height, width, 3)).astype(np.float32)
        fixed = read(picture_model(stride, padding, k), inputs={"in/put:0": [1, height, width, 3]})
        want = run(fixed, {"in/put:0": x})["y"]
        found = run(model, {"in/put:0": x})["y"]
        assert found.shape[1] == (-(-height // stride) if padding == 0 else (height - k) // stride + 1)
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_pools_stay_symbolic(name: str, read: Read) -> None:
    tensors = [Tensor("x", (1, 8, 8, 3), signature=(1, -1, -1, 3)), Tensor("y", (1, 4, 4, 3))]
    table = options("Pool2D", padding=0, stride_width=2, stride_height=2, window_width=3, window_height=2)
    file = Model(tensors, [Operator(name, [0], [1], table)], [0], [1])
    model = read(file)
    assert [str(size) for size in model.signatures[0].outputs[0].shape] == ["1", "floordiv(x_d1 + 1, 2)", "floordiv(x_d2 + 1, 2)", "3"]
    for height, width in ((8, 9), (7, 4)):
        x = np.random.default_rng(1).normal(size=(1, height, width, 3)).astype(np.float32)
        np.testing.assert_array_equal(run(model, {"x": x})["y"], run(read(file, inputs={"x": x.shape}), {"x": x})["y"])


def test_inputs_can_be_given_other_sizes_and_symbols(read: Read) -> None:
    model = read(picture_model(2, 0), inputs={"in/put:0": ["B", 32, "W", 3]})
    assert list(model.symbols) == ["B", "W"]
    assert [str(size) for size in model.signatures[0].outputs[0].shape] == ["B", "16", "floordiv(W + 1, 2)", "2"]
    with pytest.raises(InputError, match="no input 'other'; the model takes: 'in/put:0'"):
        read(picture_model(2, 0), inputs={"other": [1]})
    with pytest.raises(InputError, match="rank 4"):
        read(picture_model(2, 0), inputs={"in/put:0": [1, 2]})
    with pytest.raises(InputError, match="negative"):
        read(picture_model(2, 0), inputs={"in/put:0": [1, -2, 3, 3]})


def test_computing_with_shapes_leaves_no_nodes(read: Read) -> None:
    """SHAPE, STRIDED_SLICE, PACK, RESHAPE: the way in which frameworks write `reshape(x, [batch, -1])`."""

    def numbers(*values: int) -> np.ndarray:
        return np.array(values, np.int32)

    tensors = [
        Tensor("x", (1, 4, 6), signature=(-1, -1, 6)),
        Tensor("shape", (3,), "int32"),
        Tensor("0", (1,), "int32", numbers(0)),
        Tensor("1", (1,), "int32", numbers(1)),
        Tensor("batch", (), "int32"),
        Tensor("3", (), "int32", numbers(3).reshape(())),
        Tensor("-1", (), "int32", numbers(-1).reshape(())),
        Tensor("target", (3,), "int32"),
        Tensor("y", (1, 8, 3)),
    ]
    operators = [
        Operator("SHAPE", [0], [1]),
        Operator("STRIDED_SLICE", [1, 2, 3, 3], [4], options("StridedSlice", shrink_axis_mask=1)),
        Operator("PACK", [4, 6, 5], [7], options("Pack", count=3, axis=0)),
        Operator("RESHAPE", [0, 7], [8], options("Reshape")),
    ]
    model = read(Model(tensors, operators, [0], [8]))
    assert [node.op for node in model.graph.nodes] == ["reshape"]
    assert [str(size) for size in model.signatures[0].outputs[0].shape] == ["N", "2*x_d1", "3"]
    x = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)
    np.testing.assert_array_equal(run(model, {"x": x})["y"], x.reshape(2, 10, 3))


def test_sizes_as_results(read: Read) -> None:
    tensors = [Tensor("x", (1, 4), signature=(-1, 4)), Tensor("size", (2,), "int32"), Tensor("y", (2,), "float32")]
    model = read(Model(tensors, [Operator("SHAPE", [0], [1]), Operator("CAST", [1], [2])], [0], [1, 2]))
    for rows in (1, 5):
        found = run(model, {"x": np.zeros((rows, 4), np.float32)})
        assert found["size"].tolist() == found["y"].tolist() == [rows, 4]
        assert (found["size"].dtype, found["y"].dtype) == (np.int32, np.float32)


# What cannot be converted


def test_everything_unsupported_is_named_at_once(read: Read) -> None:
    with pytest.raises(UnsupportedOperatorError) as caught:
        read(chain("ABS", "CUSTOM:Magic", "BIDIRECTIONAL_SEQUENCE_LSTM", "NEG", "CUSTOM:Magic", "LSH_PROJECTION"))
    assert [(item.operator, item.where) for item in caught.value.items] == [
        ("CUSTOM:Magic", "operator 1 (CUSTOM:Magic making 't2')"),
        ("BIDIRECTIONAL_SEQUENCE_LSTM", "operator 2 (BIDIRECTIONAL_SEQUENCE_LSTM making 't3')"),
        ("CUSTOM:Magic", "operator 4 (CUSTOM:Magic making 't5')"),
        ("LSH_PROJECTION", "operator 5 (LSH_PROJECTION making 't6')"),
    ]
    assert all(item.hint for item in caught.value.items)


def test_a_scale_that_is_no_scale(read: Read) -> None:
    scale = {"scale": np.array([-0.5], np.float32), "zero_point": np.array([3], np.int64)}
    with pytest.raises(FormatError, match="a scale that is not above 0"):
        read(chain("RELU", dtype="int8", quantization=scale))


def test_texts_and_variables_are_refused(read: Read) -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"INPUT.*string"):
        read(chain("ABS", dtype="string"))
    file = chain("ABS", "NEG")
    file.tensors[1].variable = True
    with pytest.raises(UnsupportedOperatorError, match="variables"):
        read(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"activation": 5}, "SIGN_BIT"), ({"activation": 77}, "activation function number 77"), ({"padding": 9}, "padding number 9")],
)
def test_unknown_attribute_values_are_refused(change: dict[str, int], message: str, read: Read) -> None:
    file = small()
    file.operators[0].options = {**(file.operators[0].options or {}), **change}
    with pytest.raises(UnsupportedOperatorError, match=message):
        read(file)


def test_a_shape_that_depends_on_data_is_refused(read: Read) -> None:
    file = small()
    file.inputs = [0, 4]
    file.tensors[4].data = None
    file.signatures = []
    with pytest.raises(UnsupportedOperatorError, match="as far as is known before the model runs"):
        read(file)


# What is wrong


def expect_format_error(read: Read, file: Model | bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(file)


def test_bad_wiring(read: Read) -> None:
    file = small()
    file.operators[0].inputs = [0, 99, -1]
    expect_format_error(read, file, "tensor 99 does not exist; the file has 7 tensors")
    file = small()
    file.operators[2].inputs = [2, 3, -1]
    file.tensors[3] = Tensor("rows", (4, 7), "float32", np.ones((4, 7), np.float32))
    expect_format_error(read, file, r"operator 2 \(FULLY_CONNECTED making 'scores'\).*cannot be cut into rows of 7")
    file = small()
    file.operators[1].inputs = [6, 4]
    expect_format_error(read, file, r"operator 1 .*cycle")
    file = small()
    del file.operators[0]
    expect_format_error(read, file, "reads the tensor 'conv', which nothing makes")
    file = small()
    file.operators[1].outputs = [6]
    expect_format_error(read, file, "made by operator 1 already")
    file = small()
    file.operators[0].outputs = [1]
    expect_format_error(read, file, "which is a constant")
    file = small()
    file.operators[0].options = options("Pool2D")
    expect_format_error(read, file, "of the kind Pool2DOptions, expected Conv2DOptions")
    file = small()
    file.operators[0].options = None
    expect_format_error(read, file, "stride")
    file = small()
    file.outputs = []
    file.signatures = []
    expect_format_error(read, file, "no outputs")
    file = small()
    file.tensors[6].dtype = "int32"
    expect_format_error(read, file, "declared as int32, but is f32")


def test_bad_sizes(read: Read) -> None:
    file = small()
    file.tensors[3].shape = (2**20, 2**20, 2**20)
    expect_format_error(read, file, r"claims the shape \[1048576, 1048576, 1048576\], which is 1152921504606846976 elements")
    file = small()
    file.tensors[0].shape = (-7, 5, 5, 3)
    expect_format_error(read, file, "negative size -7")
    file = small()
    file.tensors[3].shape = (4, 19)
    expect_format_error(read, file, r"'rows' has the shape \[4, 19\] of float32, 304 bytes, but the file holds 288")
    file = small()
    file.tensors[0].shape = (1,) * 9
    expect_format_error(read, file, "rank 9")


def test_numbers_without_measure(read: Read) -> None:
    """Nothing is allocated on the file's word."""

    def one(name: str, table: dict[str, object] | None, *constants: np.ndarray) -> Model:
        tensors = [Tensor("x", (1, 2, 2, 1)), *(Tensor(f"c{i}", array.shape, "int32", array) for i, array in enumerate(constants)), Tensor("y", (1, 2, 2, 1))]
        last = len(tensors) - 1
        return Model(tensors, [Operator(name, list(range(last)), [last], table)], [0], [last])

    huge = np.array([2**30, 2**30], np.int32)
    expect_format_error(read, one("RESIZE_NEAREST_NEIGHBOR", options("ResizeNearestNeighbor"), huge), "a new size of")
    expect_format_error(read, one("TILE", None, np.array([1, 2**15, 2**15, 9], np.int32)), "elements, more than")
    expect_format_error(read, one("PAD", None, np.array([0, 0, 0, 2**30, 0, 2**30, 0, 0], np.int32).reshape(4, 2)), "elements, more than")
    file = one("ADD_N", None)
    file.operators[0].inputs = []
    expect_format_error(read, file, "it has no inputs")


def test_sparse_weights_that_do_not_fit(read: Read) -> None:
    levels = [{"format": 0, "size": 4}, {"format": 1, "segments": {"table": "Indices8", "values": [0, 1, 1, 1, 2]}, "indices": {"table": "Indices8", "values": [3, 99]}}]
    file = small()
    file.tensors[3] = Tensor("rows", (4, 18), "float32", np.ones(2, np.float32), sparsity={"traversal_order": [0, 1], "dimensions": levels})
    expect_format_error(read, file, "outside of 0 … 17")
    levels[1]["indices"] = {"table": "Indices8", "values": [3]}
    expect_format_error(read, file, "segments")
    levels[1] = {"format": 0, "size": 2**31 - 1}
    expect_format_error(read, file, "expected 18")
    file.tensors[3].sparsity = {"traversal_order": [0, 0], "dimensions": levels}
    expect_format_error(read, file, "traversal order")


def test_not_a_model(read: Read, tmp_path: Path) -> None:
    expect_format_error(read, b"\0" * 100, "TFL3")
    expect_format_error(read, b"TFL3", "TFL3")
    expect_format_error(read, b"\xff\xff\xff\x7fTFL3" + b"\0" * 20, "truncated or corrupted")
    with pytest.raises(FormatError, match="there is no file"):
        importers.read(tmp_path / "missing.tflite")


def test_another_version_is_refused(read: Read) -> None:
    expect_format_error(read, encode({"version": 4}), "version 4; version 3 is read")


def test_truncated_anywhere(read: Read) -> None:
    whole = small().encode()
    for length in range(len(whole)):
        with pytest.raises(WebkilnError):
            read(whole[:length])


def test_overlapping_parts_do_not_make_endless_work(read: Read) -> None:
    """A vector of tables that all are the same one is fine; vectors that lie inside each other are not."""
    count = 20_000
    header = bytearray(encode({"version": 3}))
    data = bytearray(header + b"\0" * (8 * count))
    # Point `subgraphs` of a hand-made root table at a vector in which every entry is another offset into the vector itself.
    root = len(header) + 16
    vtable = len(header)
    data[0:4] = root.to_bytes(4, "little")
    data[vtable : vtable + 10] = b"".join(number.to_bytes(2, "little") for number in (10, 12, 4, 0, 8))
    data[root : root + 4] = (root - vtable).to_bytes(4, "little")
    data[root + 4 : root + 8] = (3).to_bytes(4, "little")
    data[root + 8 : root + 12] = (4).to_bytes(4, "little")
    vector = root + 12
    data[vector : vector + 4] = count.to_bytes(4, "little")
    start = time.perf_counter()
    with pytest.raises(FormatError):
        read(bytes(data))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes_never_do_worse_than_an_error(seed: int, read: Read) -> None:
    """A file with wrong bytes is read as another model, or refused; nothing else happens, and it does not take long."""
    whole = small().encode()
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    refused = 0
    for _ in range(500):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), int(rng.integers(1, 4))):
            data[at] = int(rng.integers(256))
        try:
            read(bytes(data)).graph.check()
        except WebkilnError:
            refused += 1
    assert refused > 50
    assert time.perf_counter() - start < 60
