"""`webkiln.inspect`: what a source file says of itself is what its conversion finds, and takes no NumPy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
import webkiln
from onnx import TensorProto, helper
from onnx_model import info, model_of, written
from tflite_writer import Model, Operator, Tensor
from webkiln import gallery, importers
from webkiln.errors import FormatError, Unsupported, UnsupportedFormatError, UnsupportedOperatorError
from webkiln.importers import converted

X = np.zeros((2, 3), np.float32)


def tflite() -> Model:
    """`y = (x + weight) · shape of x`-like: one weight, one input of an open size."""
    tensors = [
        Tensor("x", (1, 4), signature=(-1, 4)),
        Tensor("weight", (4,), data=np.arange(4, dtype=np.float32)),
        Tensor("sum", (1, 4), signature=(-1, 4)),
        Tensor("y", (1, 4), signature=(-1, 4)),
    ]
    return Model(tensors, [Operator("ADD", (0, 1), (2,)), Operator("RELU", (2,), (3,))], (0,), (3,), metadata={"name": "small", "licence": "CC0-1.0"})


def branches() -> onnx.ModelProto:
    """An `If` with an operator of its own domain in one branch, and constants inside and outside."""
    out = [onnx.ValueInfoProto(name="b")]
    then = helper.make_graph([helper.make_node("Own", ["x"], ["b"], domain="own"), helper.make_node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(X))], "then", [], out)
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["b"])], "else", [], out)
    nodes = [helper.make_node("If", ["condition"], ["b"], then_branch=then, else_branch=other), helper.make_node("Add", ["b", "w"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])
    constants = {"w": np.ones(3, np.float16)}
    imports = [helper.make_opsetid("own", 1)]
    return model_of(nodes, [info("condition", np.array(True)), x], ["y"], constants, imports=imports, producer_name="maker")


@pytest.mark.parametrize("name", ["basic_pitch", "silero_vad", "hand_landmark_lite", "ppocr_orientation"])
def test_the_file_says_what_its_conversion_finds(name: str) -> None:
    path = gallery.fetch(name)
    found = webkiln.inspect(path)
    read = importers.read(path)
    for declared, arguments in ((found.inputs, read.signatures[0].inputs), (found.outputs, read.signatures[0].outputs)):
        assert [(one.name, one.dtype) for one in declared] == [(one.name, one.dtype) for one in arguments]
    assert [one.shape for one in found.inputs] == [one.shape for one in read.signatures[0].inputs]
    assert found.format == read.format
    assert found.unsupported == ()
    assert found.operators == read.operators  # no bodies, and no subgraphs that are called, are in these
    assert found.bytes == path.stat().st_size
    assert 0 < found.weight_bytes <= found.bytes
    assert {key: value for key, value in read.metadata.items() if key in found.provenance} == found.provenance


def test_a_tflite_file() -> None:
    found = webkiln.inspect(tflite().encode())
    assert str(found).splitlines() == [
        f"small: TFLite, {found.bytes:,} bytes",
        "input x: float32 [N, 4]",
        "output y: float32 [N, 4]",
        "operators of the file (2): ADD 1, RELU 1",
        "weights in the file: 4 numbers in 16 bytes",
        "licence: CC0-1.0",
        "all of these operators are known to the converter",
    ]


def test_integers_of_4_bits_count_as_they_are_stored() -> None:
    tensors = [Tensor("x", (3,)), Tensor("w", (3,), "int4", bytes([0xF1, 0x07])), Tensor("y", (3,))]
    found = webkiln.inspect(Model(tensors, [Operator("ADD", (0, 1), (2,))], (0,), (2,)).encode())
    assert (found.parameters, found.weight_bytes) == (3, 2)


def test_an_onnx_file_with_branches(tmp_path: Path) -> None:
    path = written(branches(), tmp_path)
    found = webkiln.inspect(path)
    assert [str(one) for one in (*found.inputs, *found.outputs)] == ["condition: bool []", "x: float32 [rows, 3]", "y: unknown of unknown rank"]
    assert found.operators == {"If": 1, "own:Own": 1, "Constant": 1, "Neg": 1, "Add": 1}
    assert (found.parameters, found.weight_bytes) == (6 + 3, 6 * 4 + 3 * 2)
    assert found.provenance["source_producer"] == "maker"
    assert webkiln.inspect(path.read_bytes()) == found
    assert "unsupported operators in this model:\n  own:Own (1×, at node 0" in str(found)


def named(items: Sequence[Unsupported]) -> list[tuple[str, str, str]]:
    """Without the reason: conversion, which knows the inputs, says there what they are."""
    return [(item.operator, item.where, item.hint) for item in items]


def test_the_same_is_unsupported_as_at_conversion(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("StringNormalizer", ["a"], ["b"]), helper.make_node("Own", ["b"], ["y"], domain="own")]
    path = written(model_of(nodes, [info("x", X)], ["y"], imports=[helper.make_opsetid("own", 1)]), tmp_path)
    with pytest.raises(UnsupportedOperatorError) as onnx_error:
        webkiln.convert(path)
    assert named(webkiln.inspect(path).unsupported) == named(onnx_error.value.items)
    model = Model([Tensor("x", (3,)), Tensor("y", (3,)), Tensor("z", (3,))], [Operator("CUSTOM:Own", (0,), (1,)), Operator("NEG", (1,), (2,))], (0,), (2,))
    tmp_path.joinpath("model.tflite").write_bytes(model.encode())
    with pytest.raises(UnsupportedOperatorError) as tflite_error:
        webkiln.convert(tmp_path / "model.tflite")
    assert named(webkiln.inspect(tmp_path / "model.tflite").unsupported) == named(tflite_error.value.items)


def test_no_numpy_is_needed_or_loaded(tmp_path: Path) -> None:
    tmp_path.joinpath("m.tflite").write_bytes(tflite().encode())
    written(branches(), tmp_path)
    for block in ("", "sys.modules['numpy'] = None; "):
        script = f"import sys; {block}import webkiln; print([webkiln.inspect(path).parameters for path in sys.argv[1:]], sys.modules.get('numpy'))"
        command = [sys.executable, "-c", script, tmp_path / "m.tflite", tmp_path / "model.onnx"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[4, 9] None\n"
    script = "import sys; sys.modules['google'] = None; import webkiln; print(webkiln.inspect(sys.argv[1]).name)"
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "m.tflite"], capture_output=True, text=True, check=True).stdout == "small\n"


def test_the_list_of_operators_is_up_to_date() -> None:
    held = {importer: sorted(converted.converted(importer)) for importer in ("onnx", "tflite", "tensorflow")}
    assert held == {importer: sorted(names) for importer, names in json.loads(converted.listed()).items()}, f"it is stale; run: {converted.COMMAND}"


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no file"):
        webkiln.inspect(tmp_path / "absent.onnx")
    with pytest.raises(FormatError, match="there are none"):
        webkiln.inspect(b"")
    with pytest.raises(FormatError, match="it is a web page"):
        webkiln.inspect(b"<!DOCTYPE html><html></html>")
    tmp_path.joinpath("model.json").write_text('{"modelTopology": {}}')
    with pytest.raises(UnsupportedFormatError, match="'tfjs'"):
        webkiln.inspect(tmp_path / "model.json")


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_damaged_files_are_refused_or_read(kind: str) -> None:
    data = tflite().encode() if kind == "tflite" else branches().SerializeToString()
    random, outcomes = Random(1), set()
    for _ in range(400):
        changed = bytearray(data[: random.choice((len(data), random.randrange(8, len(data))))])
        for _ in range(random.randrange(4)):
            changed[random.randrange(len(changed))] = random.randrange(256)
        try:
            str(webkiln.inspect(changed))
            outcomes.add("read")
        except FormatError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
