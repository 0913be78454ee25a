"""Files of TensorFlow.js graph models: weights in all their forms, names, shapes, and files that are wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from imported_models import run
from tfjs_writer import DT, node, placeholder, port, weight, write
from webkiln import importers
from webkiln.errors import FormatError, InputError, UnsupportedFormatError, UnsupportedOperatorError, WebkilnError

X = placeholder("x", "float32", (2, 3))


def constant_of(folder: Path, entry: dict[str, Any], data: bytes) -> np.ndarray:
    """A weight, through a model that gives it back unchanged."""
    write(folder, [node("y", "Identity", ["w"])], [({"name": "w", **entry}, data)], outputs={"y": {"name": "y:0"}})
    return run(importers.read(folder), {})["y"]


@pytest.mark.parametrize(
    ("entry", "data", "expected"),
    [
        ({"shape": [3], "dtype": "float32"}, np.array([1.5, -2, 3e30], "<f4").tobytes(), np.array([1.5, -2, 3e30], np.float32)),
        ({"shape": [2, 1], "dtype": "int32"}, np.array([-7, 2**31 - 1], "<i4").tobytes(), np.array([[-7], [2**31 - 1]], np.int32)),
        ({"shape": [3], "dtype": "bool"}, b"\1\0\2", np.array([True, False, True])),
        ({"shape": [], "dtype": "float32"}, np.array(4, "<f4").tobytes(), np.array(4, np.float32)),
        (
            {"shape": [4], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.1, "min": -3.0}},
            bytes([0, 1, 30, 255]),
            np.array([-3.0, -2.9, 0.0, 22.5], np.float32),
        ),
        (
            {"shape": [2], "dtype": "float32", "quantization": {"dtype": "uint16", "scale": 0.5, "min": 1.0}},
            np.array([0, 65535], "<u2").tobytes(),
            np.array([1.0, 32768.5], np.float32),
        ),
        (
            {"shape": [2], "dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}},
            np.array([0.1, -1000], "<f2").tobytes(),
            np.array([0.1, -1000], np.float16).astype(np.float32),
        ),
        ({"shape": [3], "dtype": "int32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -4}}, bytes([0, 1, 9]), np.array([-4, -3, 1], np.int32)),
    ],
)
def test_weights(entry: dict[str, Any], data: bytes, expected: np.ndarray, tmp_path: Path) -> None:
    found = constant_of(tmp_path, entry, data)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_halves_stay_halves(tmp_path: Path) -> None:
    entry = {"name": "w", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "float16"}}
    write(tmp_path, [X, node("y", "AddV2", ["x", "w"])], [(entry, np.ones((2, 3), "<f2").tobytes())])
    assert [one.stored.dtype for one in importers.read(tmp_path).graph.constants.values()] == [np.float16]


def test_integers_of_other_widths_are_declared_by_their_node(tmp_path: Path) -> None:
    write(
        tmp_path,
        [node("w", "Const", dtype=DT["int64"]), placeholder("x", "int64", (2,)), node("y", "AddV2", ["x", "w"])],
        [weight("w", np.array([5, -6]))],
    )
    assert run(importers.read(tmp_path), {"x": np.array([1, 2])})["y"].tolist() == [6, -4]


def test_shards_are_joined_wherever_they_were_cut(tmp_path: Path) -> None:
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.full((2, 3), 2.5, np.float32)
    write(tmp_path, [X, node("s", "AddV2", ["x", "a"]), node("y", "Mul", ["s", "b"])], [weight("a", a), weight("b", b)], shards=7)
    assert len(list(tmp_path.glob("*.bin"))) == 7
    np.testing.assert_array_equal(run(importers.read(tmp_path), {"x": a})["y"], (a + a) * b)


def test_text_is_skipped_where_it_is_not_used(tmp_path: Path) -> None:
    texts = b"\3\0\0\0abc\0\0\0\0"
    entry = {"name": "labels", "shape": [2], "dtype": "string"}
    nodes = [X, node("y", "AddV2", ["x", "w"])]
    write(tmp_path, nodes, [(entry, texts), weight("w", np.ones((2, 3), np.float32))], outputs={"y": {"name": "y:0"}})
    assert run(importers.read(tmp_path), {"x": np.ones((2, 3), np.float32)})["y"].tolist() == [[2, 2, 2], [2, 2, 2]]
    write(tmp_path, [node("y", "Identity", ["labels"])], [(entry, texts)], outputs={"y": {"name": "y:0"}})
    with pytest.raises(UnsupportedOperatorError, match="string"):
        importers.read(tmp_path)


def test_names_are_those_of_the_signature(tmp_path: Path) -> None:
    nodes = [placeholder("a", "float32", (2,)), placeholder("b", "int64", (2,)), node("c", "Cast", ["b"], DstT=DT["float32"]), node("d", "Sub", ["a", "c"])]
    nodes.append(node("both", "Unpack", ["d"], num=2, axis=0))
    inputs = {"second": port("b:0", "int64", (2,)), "first:0": port("a:0", "float32", (2,))}
    outputs = {"two": port("both:1", "float32", ()), "both:0": port("both:0", "float32", ())}
    write(tmp_path / "subtract", nodes, inputs=inputs, outputs=outputs)
    model = webkiln.convert(tmp_path / "subtract" / "model.json")
    assert model.name == "subtract"
    assert [(one.name, one.dtype) for one in model.inputs] == [("second", "int64"), ("first", "float32")]
    assert [one.name for one in model.outputs] == ["two", "both"]
    found = model.run({"second": np.array([1, 2]), "first": np.array([5, 7.5], np.float32)})
    assert (found["two"], found["both"]) == (5.5, 4.0)
    assert model.provenance["source_format"] == "tfjs"
    assert model.provenance["source_producer"] == "2.0, a test"


def test_without_a_signature_placeholders_and_loose_ends_count(tmp_path: Path) -> None:
    write(tmp_path, [X, node("y", "Relu", ["x"]), node("z", "Neg", ["y"]), node("k", "Abs", ["x"])])
    model = importers.read(tmp_path)
    assert [one.name for one in model.signatures[0].inputs] == ["x"]
    assert [one.name for one in model.signatures[0].outputs] == ["z", "k"]
    assert model.operators == {"Placeholder": 1, "Relu": 1, "Neg": 1, "Abs": 1}


def test_an_older_place_of_the_signature(tmp_path: Path) -> None:
    signature = {"inputs": {"picture": port("x:0", "float32", (2, 3))}, "outputs": {"dark": port("y:0", "float32", (2, 3))}}
    write(tmp_path, [X, node("y", "Neg", ["x"])], userDefinedMetadata={"signature": signature})
    signature_read = importers.read(tmp_path).signatures[0]
    assert (signature_read.inputs[0].name, signature_read.outputs[0].name) == ("picture", "dark")


def test_open_sizes_are_symbols_and_can_be_given(tmp_path: Path) -> None:
    nodes = [placeholder("x", "float32", (-1, 4, -1)), node("shape", "Shape", ["x"]), node("y", "Reshape", ["x", "flat"])]
    write(tmp_path, nodes, [weight("flat", np.array([-1, 4]))], outputs={"y": {"name": "y:0"}, "sizes": {"name": "shape:0"}})
    model = importers.read(tmp_path)
    assert [str(size) for size in model.signatures[0].inputs[0].shape] == ["N", "4", "x_d2"]
    assert set(model.symbols) == {"N", "x_d2"}
    found = run(model, {"x": np.zeros((3, 4, 5), np.float32)})
    assert found["y"].shape == (15, 4)
    assert found["sizes"].tolist() == [3, 4, 5]
    fixed = importers.read(tmp_path, inputs={"x": (2, 4, 7)})
    assert fixed.signatures[0].outputs[0].shape == (14, 4)
    with pytest.raises(InputError, match="rank 3"):
        importers.read(tmp_path, inputs={"x": (2, 4)})
    with pytest.raises(InputError, match="there is no input 'z'; the model takes: 'x'"):
        importers.read(tmp_path, inputs={"z": (2,)})
    with pytest.raises(InputError, match="no signature 'other'"):
        importers.read(tmp_path, signature="other")


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    nodes = [
        placeholder("x", "float32", (2, 3)),
        placeholder("text", "string", (2,)),
        node("a", "Cholesky", ["x"]),
        node("b", "Switch", ["a", "p"]),
        node("c", "StringLower", ["text"]),
        node("y", "Merge", ["b:1", "c"]),
    ]
    write(tmp_path, nodes, [weight("p", np.array(True))], outputs={"y": {"name": "y:0"}})
    with pytest.raises(UnsupportedOperatorError) as caught:
        importers.read(tmp_path)
    assert [item.operator for item in caught.value.items] == ["INPUT", "Cholesky", "StringLower"]


def test_loops_are_named_or_refused(tmp_path: Path) -> None:
    loop = [node("m", "Merge", ["x", "n"]), node("n", "NextIteration", ["m"]), node("y", "Exit", ["m"])]
    write(tmp_path, [X, *loop], outputs={"y": {"name": "y:0"}})
    with pytest.raises(UnsupportedOperatorError, match="NextIteration"):
        importers.read(tmp_path)
    write(tmp_path, [X, node("a", "AddV2", ["x", "b"]), node("b", "Neg", ["a"])], outputs={"y": {"name": "b:0"}})
    with pytest.raises(FormatError, match="made from its own result"):
        importers.read(tmp_path)


def test_layers_models_are_not_converted(tmp_path: Path) -> None:
    content = {"modelTopology": {"model_config": {}, "keras_version": "2"}, "weightsManifest": []}
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(UnsupportedFormatError, match=r"layers model, which is not converted.*tfjs_graph_model"):
        importers.read(tmp_path)


def _set(*path: Any) -> Callable[[Any], None]:
    """A change of the JSON: the last argument is put where the others lead."""

    def change(content: Any) -> None:
        for key in path[:-2]:
            content = content[key]
        content[path[-2]] = path[-1]

    return change


TOPOLOGY, GROUP = ("modelTopology", "node"), ("weightsManifest", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(*GROUP, "paths", ["\ud800.bin"]), "half a character"),
        (_set(*GROUP, "paths", ["../secret.bin"]), "leads out of the model's folder"),
        (_set(*GROUP, "paths", ["/etc/passwd"]), "leads out of the model's folder"),
        (_set(*GROUP, "paths", ["C:\\secret.bin"]), "leads out of the model's folder"),
        (_set(*GROUP, "paths", ["a\\..\\..\\b"]), "leads out of the model's folder"),
        (_set(*GROUP, "paths", ["missing.bin"]), "'missing.bin' cannot be read"),
        (_set(*GROUP, "paths", [7]), "should be text"),
        (_set(*GROUP, "paths", []), "hold 0 bytes, but the weights take 24"),
        (_set(*GROUP, "weights", 0, "shape", [2, 2]), "hold 24 bytes, but the weights take 16"),
        (_set(*GROUP, "weights", 0, "shape", [-1, 3]), "is impossible"),
        (_set(*GROUP, "weights", 0, "shape", [2**40, 2**40]), "is impossible"),
        (_set(*GROUP, "weights", 0, "shape", [2.5]), "should be an integer"),
        (_set(*GROUP, "weights", 0, "dtype", "float8"), "unknown dtype 'float8'"),
        (_set(*GROUP, "weights", 0, "dtype", "int32"), "declared as float32, but its weight is int32"),
        (_set(*TOPOLOGY, 0, "attr", "dtype", {"type": "DT_COMPLEX64"}), "declared as complex64, but its weight is float32"),
        (_set(*GROUP, "weights", 0, "quantization", {"dtype": "uint4"}), "stored as 'uint4' is not known"),
        (_set(*GROUP, "weights", 0, "name", "v"), "no weight of this name"),
        (_set("weightsManifest", {}), "should be a list"),
        (_set("modelTopology", []), "should be an object"),
        (_set(*TOPOLOGY, 2, "input", ["x", "nowhere"]), "reads 'nowhere', which nothing makes"),
        (_set(*TOPOLOGY, 2, "input", ["x", "w:3"]), "reads 'w:3', which its node does not make"),
        (_set(*TOPOLOGY, 2, "input", ["x"]), "input 1 is missing"),
        (_set(*TOPOLOGY, 2, "input", "x"), "should be a list"),
        (lambda content: content["modelTopology"]["node"].append(node("x", "Neg", ["w"])), "two nodes are named 'x'"),
        (_set(*TOPOLOGY, 1, "attr", "shape", {"shape": {"dim": [{"size": "two"}]}}), "should be an integer"),
        (_set(*TOPOLOGY, 1, "attr", "shape", {"shape": {"dim": [{"size": "-5"}]}}), "is -5"),
        (_set("signature", "outputs", "y", "name", "z:0"), "'z', which no node makes"),
        (_set("signature", "outputs", "y", "dtype", "DT_INT32"), "declared as int32, but is float32"),
        (_set("signature", "outputs", "y", "name", "y:4"), "which its node does not make"),
        (_set("signature", []), "should be an object"),
    ],
)
def test_what_is_wrong_in_a_file(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        [X, node("y", "AddV2", ["x", "w"])],
        [weight("w", np.ones((2, 3), np.float32))],
        inputs={"x": port("x:0", "float32", (2, 3))},
        outputs={"y": port("y:0", "float32", (2, 3))},
    )
    content = json.loads((tmp_path / "model.json").read_text())
    change(content)
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=message):
        importers.read(tmp_path)


@pytest.mark.parametrize("quantization", [{"dtype": "uint8"}, {"dtype": "uint8", "scale": "x", "min": 0}, {"dtype": "uint8", "scale": 1, "min": float("inf")}])
def test_quantization_without_numbers(quantization: dict[str, Any], tmp_path: Path) -> None:
    entry = {"name": "w", "shape": [3], "dtype": "float32", "quantization": quantization}
    write(tmp_path, [X, node("y", "AddV2", ["x", "w"])], [(entry, b"\0\1\2")])
    with pytest.raises(FormatError, match="in the quantization of the weight 'w'"):
        importers.read(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(24))
    write(tmp_path / "model", [X, node("y", "AddV2", ["x", "w"])], [weight("w", np.ones((2, 3), np.float32))])
    shard = tmp_path / "model" / "group1-shard1of1.bin"
    shard.unlink()
    shard.symlink_to(tmp_path / "secret.bin")
    with pytest.raises(FormatError, match="leads out of the model's folder"):
        importers.read(tmp_path / "model")


def test_mutated_files_raise_nothing_else(tmp_path: Path) -> None:
    """Bytes changed, cut out and repeated, in the topology and in the weights."""
    nodes = [
        X,
        node("s", "StridedSlice", ["x", "w", "e", "o"], begin_mask=1, end_mask=2, shrink_axis_mask=0),
        node("p", "Pack", ["s", "s"], N=2, axis=1),
        node("t", "Transpose", ["p", "perm"]),
        node("y", "Softmax", ["t"]),
    ]
    constants = [("w", [0, 0]), ("e", [2, 3]), ("o", [1, 1]), ("perm", [2, 0, 1])]
    write(tmp_path, nodes, [weight(name, np.array(values)) for name, values in constants], outputs={"y": port("y:0", "float32", (3, 2, 2))})
    files = [tmp_path / "model.json", tmp_path / "group1-shard1of1.bin"]
    whole = [file.read_bytes() for file in files]
    assert importers.read(tmp_path).signatures[0].outputs[0].shape == (3, 2, 2)
    rng = random.Random(7)
    refused = 0
    for _ in range(400):
        which = rng.random() < 0.3
        data = bytearray(whole[which])
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            if rng.random() < 0.6:
                data[at] = rng.randrange(256) if which else rng.choice(b'0123456789-[]{},:"xtyLF')
            else:
                data[at : at + rng.randrange(1, 9)] = data[at : at + 1] * rng.randrange(2)
        files[which].write_bytes(data)
        try:
            importers.read(tmp_path)
        except WebkilnError:
            refused += 1
        files[which].write_bytes(whole[which])
    assert 100 < refused < 400
