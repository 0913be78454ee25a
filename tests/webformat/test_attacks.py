"""Models that lie: each is refused with a clear message, at once, and nothing is allocated for it."""

from __future__ import annotations

import contextlib
import json
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_folder import Folder
from safetensors.numpy import save as to_safetensors
from webkiln import webformat
from webkiln.errors import FormatError, HashError, UnsupportedOperatorError, WebkilnError

Model = dict[str, Any]


@pytest.fixture(autouse=True)
def quick_and_small() -> Iterator[None]:
    tracemalloc.start()
    start = time.perf_counter()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - start < 5
    assert peak < 100e6


def node(op: str, inputs: list[str], output: str, **attributes: Any) -> dict[str, Any]:
    return {"op": op, "inputs": inputs, "outputs": [output], "attributes": attributes}


def add_node(*nodes: dict[str, Any]) -> Callable[[Model], None]:
    return lambda m: m["nodes"].extend(nodes)


def put(*path: Any) -> Callable[[Model], None]:
    """Put a value at a place: the last of `path`."""

    def change(model: Model) -> None:
        at: Any = model
        for part in path[:-2]:
            at = at[part]
        at[path[-2]] = path[-1]

    return change


def values(**changes: Any) -> Callable[[Model], None]:
    """An input of two integers that are symbols."""

    def change(model: Model) -> None:
        model["requires"] = [*model.get("requires", []), "values"]
        model["signatures"][0]["inputs"].append({**VALUES, **changes})

    return change


def drop(*path: Any) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        at: Any = model
        for part in path[:-1]:
            at = at[part]
        del at[path[-1]]

    return change


STATE = {"input": "h", "output": "result", "initial": "zeros", "dtype": "f32", "shape": ["N", 3]}
VALUES = {"name": "k", "value": "k", "dtype": "int64", "shape": [2], "values": ["N", "N"]}
AFFINE = {"scheme": "affine", "bits": 8, "signed": False, "axis": None, "scale": "bias"}

ATTACKS: dict[str, tuple[Callable[[Model], None], str]] = {
    "another format": (put("format", "tfjs"), "'tfjs', wanted 'webkiln'"),
    "no format": (drop("format"), "format None"),
    "a future version": (put("version", 2), "version 2; this webkiln reads version 1"),
    "a version that is true": (put("version", True), "version"),
    "a version in words": (put("version", "1"), "version '1'"),
    "unknown requirements, all named": (put("requires", ["state", "telepathy", "sparse"]), "'telepathy', 'sparse'"),
    "requirements of another type": (put("requires", "telepathy"), "telepathy"),
    "no nodes": (drop("nodes"), "'nodes' is a required property"),
    "no signature": (put("signatures", []), "signatures"),
    "two signatures of one name": (lambda m: m["signatures"].append(m["signatures"][0]), "'serving_default' is defined twice"),
    "a cycle": (put("nodes", 0, "inputs", ["result", "w", "bias"]), "reads 'result', which no input, constant or earlier node defines"),
    "a node that reads itself": (add_node(node("relu", ["q"], "q")), "node 2 (relu) reads 'q'"),
    "a dangling input": (put("nodes", 0, "inputs", ["x", "nowhere"]), "reads 'nowhere'"),
    "an input left out in the middle": (put("nodes", 0, "inputs", ["x", "", "bias"]), "reads ''"),
    "a dangling output": (put("signatures", 0, "outputs", 0, "value", "nowhere"), "'nowhere', which is not defined"),
    "a value defined twice by nodes": (add_node(node("relu", ["x"], "result")), "'result' is defined twice"),
    "a value defined twice by a constant": (add_node(node("relu", ["x"], "w")), "'w' is defined twice"),
    "an input with a constant's name": (put("signatures", 0, "inputs", 0, "value", "w"), "'w' is defined twice"),
    "two arguments of one name": (lambda m: m["signatures"][0]["inputs"].append({**m["signatures"][0]["inputs"][0], "value": "z"}), "same name"),
    "one input with two shapes": (lambda m: m["signatures"].append({**m["signatures"][0], "name": "b", "inputs": [{**m["signatures"][0]["inputs"][0], "shape": [3, 2]}]}), "two shapes"),
    "an empty name": (lambda m: m["constants"].update({"": m["constants"]["w"]}), "constants"),
    "an output of another dtype": (put("signatures", 0, "outputs", 0, "dtype", "int32"), "dtype int32, but its value is f32"),
    "an output of another shape": (put("signatures", 0, "outputs", 0, "shape", ["N", 4]), "shape [N, 4], but its value has [N, 3]"),
    "an output of another rank": (put("signatures", 0, "outputs", 0, "shape", ["N"]), "shape [N], but"),
    "an unknown dtype": (put("signatures", 0, "inputs", 0, "dtype", "float8"), "float8"),
    "a shard outside": (put("shards", 0, "file", "../weights.safetensors"), "shards/0/file"),
    "an absolute shard": (put("shards", 0, "file", "/etc/passwd"), "shards/0/file"),
    "a shard by address": (put("shards", 0, "file", "https://evil.example/w"), "shards/0/file"),
    "a hidden shard": (put("shards", 0, "file", ".htaccess"), "shards/0/file"),
    "a shard with a backslash": (put("shards", 0, "file", "..\\w"), "shards/0/file"),
    "a shard with a line break": (put("shards", 0, "file", "weights-00000.safetensors\n"), "plain file name"),
    "a shard with a null": (put("shards", 0, "file", "w\0"), "shards/0/file"),
    "a missing shard": (put("shards", 0, "file", "weights-00009.safetensors"), "is missing"),
    "a shard that is a folder": (put("shards", 0, "file", "inner"), "FOLDER"),
    "a wrong size": (lambda m: put("shards", 0, "bytes", m["shards"][0]["bytes"] + 1)(m), "truncated or of another model"),
    "a huge size": (put("shards", 0, "bytes", 2**60), "truncated or of another model"),
    "a negative size": (put("shards", 0, "bytes", -1), "shards/0/bytes"),
    "a size that is a float": (put("shards", 0, "bytes", 100.0), "shards/0/bytes"),
    "a wrong hash": (put("shards", 0, "sha256", "0" * 64), "sha256"),
    "a hash that is none": (put("shards", 0, "sha256", "abc"), "shards/0/sha256"),
    "an unknown role": (put("shards", 0, "role", "code"), "shards/0/role"),
    "a shard out of range": (put("constants", "w", "shard", 7), "in shard 7, but there are 2"),
    "a negative shard": (put("constants", "w", "shard", -1), "constants/w/shard"),
    "a shard that is a float": (put("constants", "w", "shard", 0.0), "constants/w/shard"),
    "weights in the golden shard": (put("constants", "w", "shard", 1), "which shard 1 does not have"),
    "a missing tensor": (put("constants", "w", "tensor", "nowhere"), "'nowhere', which shard 0 does not have"),
    "a constant of another shape": (put("constants", "w", "shape", [3, 2]), "stored as float16 [2, 3]"),
    "a constant of another dtype": (drop("constants", "w", "storage"), "stored as float16"),
    "a constant of a wrong storage": (put("constants", "w", "dtype", "i32"), "stands for f32, not for i32"),
    "a constant of 2^60 bytes": (put("constants", "w", "shape", [2**30, 2**28]), "2³¹ − 1 elements"),
    "a constant with a size of 2^60": (put("constants", "w", "shape", [2**60]), "constants/w/shape/0"),
    "a negative size of a constant": (put("constants", "w", "shape", [-2, 3]), "constants/w/shape/0"),
    "a symbolic constant": (put("constants", "w", "shape", ["N", 3]), "constants/w/shape/0"),
    "a size that is true": (put("constants", "w", "shape", [True, 3]), "constants/w/shape/0"),
    "an input of 2^60 elements": (put("signatures", 0, "inputs", 0, "shape", [2**30, 2**30]), "2³¹ − 1 elements"),
    "an input of rank 9": (put("signatures", 0, "inputs", 0, "shape", [1] * 9), "signatures/0/inputs/0/shape"),
    "an input of a negative size": (put("signatures", 0, "inputs", 0, "shape", [-1, 2]), "signatures/0/inputs/0/shape/0"),
    "an input of a negative expression": (put("signatures", 0, "inputs", 0, "shape", ["0 - 3", 2]), "negative size"),
    "an input of a certainly negative expression": (put("signatures", 0, "inputs", 0, "shape", ["0 - N", 2]), "negative size"),
    "a size of 2^60 in words": (put("signatures", 0, "inputs", 0, "shape", ["1152921504606846976", 2]), "2⁵³"),
    "a size that divides by zero": (put("signatures", 0, "inputs", 0, "shape", ["floordiv(N, 0)", 2]), "division by zero"),
    "a size that is code": (put("signatures", 0, "inputs", 0, "shape", ["__import__('os').system('true')", 2]), "cannot read the dimension"),
    "a size that explodes": (put("signatures", 0, "inputs", 0, "shape", ["(a+b+c+d+e+f+g)*" * 200 + "1", 2]), "too many terms"),
    "a size that nests": (put("signatures", 0, "inputs", 0, "shape", ["max(1," * 500 + "1" + ")" * 500, 2]), "nested more than"),
    "a size that is long": (put("signatures", 0, "inputs", 0, "shape", ["N+" * 4000 + "N", 2]), "signatures/0/inputs/0/shape/0"),
    "a symbol that is a function": (put("symbols", "max", {}), "not a name for a dimension"),
    "a symbol with a line break": (put("symbols", "N\n", {}), "not a name for a dimension"),
    "a symbol whose limits cross": (put("symbols", "N", {"minimum": 9, "maximum": 8}), "minimum 9 above the maximum 8"),
    "a node of 2^60 elements": (add_node(node("expand", ["bias"], "q", shape=[2**30, 2**27, 3])), "2³¹ − 1 elements"),
    "a node of one huge axis": (add_node(node("expand", ["bias"], "q", shape=[2**52, 3])), "2³¹ − 1 elements"),
    "a node of rank 9": (add_node(node("expand", ["bias"], "q", shape=[1] * 8 + [3])), "at most 8 axes"),
    "a node of a negative size": (add_node(node("expand", ["bias"], "q", shape=[-1, 3])), "negative"),
    "a window of 2^60": (add_node(node("pad", ["bias"], "q", low=[2**60], high=[0], interior=[0])), "2⁵³"),
    "a stride of 2^60": (add_node(node("slice", ["bias"], "q", start=[0], size=[1], step=[2**60])), "2⁵³"),
    "unknown operators, all at once": (add_node(node("fft", ["x"], "q"), node("telepathy", ["q"], "r"), node("fft", ["r"], "s")), "fft (2×, at node 2, node 4)"),
    "an operator of another type": (put("nodes", 0, "op", 3), "nodes/0/op"),
    "no outputs": (put("nodes", 0, "outputs", []), "nodes/0/outputs"),
    "two outputs": (put("nodes", 0, "outputs", ["dense", "more"]), "has 2 outputs; matmul has one"),
    "too many inputs": (put("nodes", 1, "inputs", ["dense", "dense"]), "takes x, not 2 inputs"),
    "too few inputs": (put("nodes", 0, "inputs", []), "takes a, b, bias?"),
    "shapes that do not fit": (put("nodes", 0, "inputs", ["w", "w"]), "node 0 (matmul 'dense'): matmul: cannot multiply"),
    "an unknown attribute": (put("nodes", 1, "attributes", {"alpha": 1}), "relu has no attribute 'alpha'"),
    "an attribute that is missing": (add_node(node("reduce_sum", ["x"], "q")), "needs the attribute 'axes'"),
    "an attribute in words": (add_node(node("reduce_sum", ["x"], "q", axes="0")), "wanted a list of integers"),
    "an attribute that is a float": (add_node(node("gather", ["x", "x"], "q", axis=0.5)), "wanted an integer"),
    "an attribute that is true": (add_node(node("gather", ["x", "x"], "q", axis=True)), "wanted an integer"),
    "an attribute that is null": (add_node(node("gather", ["x", "x"], "q", axis=None)), "wanted int"),
    "an attribute that is an object": (add_node(node("reduce_sum", ["x"], "q", axes={"0": 1})), "wanted ints"),
    "an attribute that is nested": (add_node(node("reduce_sum", ["x"], "q", axes=[[0]])), "too deep"),
    "an attribute that is long": (add_node(node("reduce_sum", ["x"], "q", axes=[0] * 10**5)), "too long"),
    "a float in odd words": (add_node(node("clip", ["x"], "q", minimum="infinity")), "wanted a number"),
    "a boolean in words": (add_node(node("reduce_sum", ["x"], "q", axes=[0], keep_dims="yes")), "wanted true or false"),
    "an unknown choice": (add_node(node("cast", ["x"], "q", to="f64")), "not one of f32"),
    "a dimension that is a float": (add_node(node("expand", ["bias"], "q", shape=[1.5, 3])), "an integer or a string"),
    "attributes that are a list": (put("nodes", 1, "attributes", []), "nodes/1/attributes"),
    "state without its requirement": (lambda m: (put("state", [STATE])(m), put("requires", [])(m)), '"requires" does not list "state"'),
    "state of an unknown value": (lambda m: (put("state", [{**STATE, "output": "nowhere"}])(m), put("requires", ["state"])(m)), "'nowhere' is not defined"),
    "state of another shape": (lambda m: (put("state", [{**STATE, "shape": [1, 3]}])(m), put("requires", ["state"])(m)), "shape and dtype of 'h'"),
    "state that begins with nothing": (lambda m: (put("state", [{**STATE, "initial": "x"}])(m), put("requires", ["state"])(m)), "initial state 'x'"),
    "state twice": (lambda m: (put("state", [STATE, STATE])(m), put("requires", ["state"])(m)), "'h' is defined twice"),
    "values without their requirement": (lambda m: m["signatures"][0]["inputs"].append(VALUES), '"requires" does not list "values"'),
    "values of an output": (put("signatures", 0, "outputs", 0, "values", ["N"]), "which only inputs have"),
    "values of floats": (values(dtype="float32"), "wanted integers of a fixed shape"),
    "values of an open shape": (values(shape=["N"]), "wanted integers of a fixed shape"),
    "too few values": (values(values=["N"]), "has 1 values, but its shape is [2]"),
    "values of an unknown symbol": (values(values=["N", "elsewhere"]), "'elsewhere', which"),
    "too many values": (values(shape=[65], values=["N"] * 65), "inputs/1/values"),
    "values that are no names": (values(values=["N", "1"]), "values"),
    "values in one signature only": (
        lambda m: (values()(m), m["signatures"].append({**m["signatures"][0], "name": "other", "inputs": [{**one, "values": []} for one in m["signatures"][0]["inputs"]]})),
        "in one signature and others",
    ),
    "quantization without its requirement": (put("constants", "w", "quantization", AFFINE), "no other storage"),
    "quantization of integers": (lambda m: (put("constants", "bias", "quantization", AFFINE)(m), put("constants", "bias", "dtype", "i32")(m)), "stands for f32"),
    "quantization that is not required": (put("constants", "bias", "quantization", AFFINE), '"requires" does not list "quantization"'),
    "quantization of floats": (lambda m: (put("constants", "bias", "quantization", AFFINE)(m), put("requires", ["quantization"])(m)), "cannot be dequantized"),
    "quantization of 7 bits": (put("constants", "bias", "quantization", {**AFFINE, "bits": 7}), "constants/bias/quantization"),
    "quantization without a scale": (lambda m: (put("constants", "bias", "quantization", {**AFFINE, "scale": "nowhere"})(m), put("requires", ["quantization"])(m)), "'nowhere', which shard 0"),
    "a mask beside a scale that is not required": (lambda m: (put("constants", "bias", "quantization", {**AFFINE, "mask": "bias"})(m), put("requires", ["quantization"])(m)), '"requires" does not list "masked"'),
    "a mask of floats": (lambda m: (put("constants", "bias", "quantization", {**AFFINE, "mask": "bias"})(m), put("requires", ["quantization", "masked"])(m)), "a mask of 1 bytes of uint8 is needed"),
    "a sparse constant stored as integers": (lambda m: (put("constants", "bias", "storage", "u8")(m), put("constants", "bias", "quantization", {"scheme": "mask", "mask": "bias"})(m), put("requires", ["quantization"])(m)), "no other storage"),
    "a sparse constant in another storage": (lambda m: (put("constants", "bias", "storage", "f16")(m), put("constants", "bias", "quantization", {"scheme": "mask", "mask": "bias"})(m), put("requires", ["quantization"])(m)), "stored as float32, model.json says f16"),
    "an unknown scheme": (put("constants", "bias", "quantization", {"scheme": "magic"}), "constants/bias/quantization"),
    "unknown processing": (put("processing", {"inputs": {"features": {"type": "smell"}}}), "processing/inputs/features"),
    "a scale of zero": (put("processing", {"inputs": {"features": {"type": "picture", "width": 1, "height": 1, "scale": [0]}}}), "processing"),
    "provenance that is not text": (put("provenance", {"licence": ["MIT"]}), "provenance/licence"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), ATTACKS.values(), ids=ATTACKS.keys())
def test_a_lie_in_model_json_is_told(folder: Folder, change: Callable[[Model], None], message: str) -> None:
    model = folder.model
    change(model)
    if message == "FOLDER":
        (folder.path / "inner").mkdir()
        model["shards"][0]["bytes"] = (folder.path / "inner").stat().st_size
        message = "cannot be read"
    folder.write(model)
    with pytest.raises(WebkilnError) as caught:
        folder.read()
    assert message in str(caught.value)
    assert len(str(caught.value)) < 800
    assert isinstance(caught.value, (FormatError, UnsupportedOperatorError))


def test_every_unknown_operator_is_named_with_its_place(folder: Folder) -> None:
    model = folder.model
    model["nodes"] += [node("fft", ["x"], "q"), {**node("telepathy", ["nowhere"], "r"), "name": "mind/read"}]
    folder.write(model)
    with pytest.raises(UnsupportedOperatorError) as caught:
        folder.read()
    assert [(item.operator, item.where) for item in caught.value.items] == [("fft", "node 2"), ("telepathy", "mind/read")]


TEXTS = {
    "empty": ("", "not JSON"),
    "not JSON": ("<html>404</html>", "not JSON"),
    "truncated": ('{"format": "webkiln", ', "not JSON"),
    "a list": ("[1]", "wanted an object"),
    "null": ("null", "wanted an object"),
    "NaN": ('{"format": NaN}', "NaN, which is not JSON"),
    "infinity": ('{"format": -Infinity}', "-Infinity, which is not JSON"),
    "an overflowing number": ('{"format": 1e999}', "too large"),
    "a number of 5000 digits": ('{"format": ' + "9" * 5000 + "}", "not JSON"),
    "a name twice": ('{"format": "webkiln", "format": "webkiln"}', "defines 'format' twice"),
    "deep nesting": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON"),
    "deep objects": ('{"a": ' * 50_000 + "1" + "}" * 50_000, "not JSON"),
    "not UTF-8": ("\udcff", "not JSON"),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_what_is_not_a_model_json(folder: Folder, text: str, message: str) -> None:
    folder.write(text)
    with pytest.raises(FormatError) as caught:
        folder.read()
    assert message in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("depth", [10, 100, 900])
@pytest.mark.parametrize("place", ["attributes", "shape", "unknown", "processing", "golden"])
def test_nesting_that_json_allows(folder: Folder, depth: int, place: str) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    text = json.dumps(folder.model)
    deep = "[" * depth + "1" + "]" * depth
    if place == "unknown":
        folder.write(text[:-1] + f', "later": {deep}}}')
        with contextlib.suppress(FormatError):  # or nested too deeply for Python
            assert folder.read().name == "tiny"  # an unknown key
        return
    model = folder.model
    model[{"attributes": "nodes", "shape": "signatures"}.get(place, place)] = "HOLE"
    whole = json.dumps(model)
    around = {
        "attributes": f'[{{"op": "reduce_sum", "inputs": ["x"], "outputs": ["q"], "attributes": {{"axes": {deep}}}}}]',
        "shape": f'[{{"name": "s", "inputs": [], "outputs": [{{"name": "y", "value": "w", "dtype": "float32", "shape": {deep}}}]}}]',
    }.get(place, deep)
    folder.write(whole.replace('"HOLE"', around))
    with pytest.raises(FormatError):
        folder.read()


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


W = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}
BIAS = {"dtype": "F32", "shape": [3], "data_offsets": [12, 24]}
SHARDS = {
    "nothing but a length": (struct.pack("<Q", 0), ""),
    "a header longer than the file": (safetensors({"w": W}, length=2**40), "a header of 1099511627776 bytes"),
    "a header of 2^64 - 1": (safetensors({"w": W}, length=2**64 - 1), "a header of 18446744073709551615 bytes"),
    "a header that is not JSON": (safetensors(b"\xff\xfe{}"), ""),
    "a header that is a list": (safetensors([1]), ""),
    "a header with NaN": (safetensors(b'{"w": NaN}'), ""),
    "overlapping tensors": (safetensors({"w": W, "bias": {**BIAS, "data_offsets": [0, 12]}}, bytes(12)), ""),
    "a gap between tensors": (safetensors({"w": W, "bias": {**BIAS, "data_offsets": [16, 28]}}, bytes(28)), ""),
    "tensors beyond the file": (safetensors({"w": W, "bias": BIAS}, bytes(20)), ""),
    "bytes after the tensors": (safetensors({"w": W, "bias": BIAS}, bytes(30)), ""),
    "offsets backwards": (safetensors({"w": {**W, "data_offsets": [12, 0]}}, bytes(12)), ""),
    "negative offsets": (safetensors({"w": {**W, "data_offsets": [-12, 0]}}, bytes(12)), ""),
    "negative sizes": (safetensors({"w": {**W, "shape": [-2, -3]}}, bytes(12)), ""),
    "a size of 2^60": (safetensors({"w": {**W, "shape": [2**60, 2**60]}}, bytes(12)), ""),
    "a shape of other bytes": (safetensors({"w": {**W, "shape": [2, 4]}}, bytes(12)), ""),
    "an unknown dtype": (safetensors({"w": {**W, "dtype": "F128"}}, bytes(12)), ""),
    "a dtype that the format has not": (safetensors({"w": {"dtype": "F64", "shape": [2, 3], "data_offsets": [0, 48]}, "bias": {**BIAS, "data_offsets": [48, 60]}}, bytes(60)), "stored as float64"),
    "brain floats": (safetensors({"w": {**W, "dtype": "BF16"}, "bias": BIAS}, bytes(24)), ""),
    "eight-bit floats": (safetensors({"w": {"dtype": "F8_E4M3", "shape": [2, 3], "data_offsets": [0, 6]}}, bytes(6)), ""),
    "without the tensor": (safetensors({"bias": {**BIAS, "data_offsets": [0, 12]}}, bytes(12)), "'w', which shard 0 does not have"),
    "HTML": (b"<!doctype html><title>404</title>" * 10, "a header of"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), SHARDS.values(), ids=SHARDS.keys())
def test_a_shard_that_lies(folder: Folder, data: bytes, message: str) -> None:
    folder.shard(data)
    with pytest.raises(FormatError) as caught:
        folder.read()
    assert message in str(caught.value)


def test_a_shard_that_was_changed(folder: Folder) -> None:
    path = folder.path / "weights-00000.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(HashError, match="corrupted or of another model"):
        folder.read()
    path.write_bytes(data[:-4])
    with pytest.raises(FormatError, match="truncated"):
        folder.read()
    path.unlink()
    with pytest.raises(FormatError, match="is missing"):
        folder.read()


def test_masks_are_checked_before_they_are_unpacked(folder: Folder) -> None:
    folder.shard(to_safetensors({"w": np.float32([1]), "m": np.uint8([1]), "bias": np.zeros(3, np.float32)}))
    model = folder.model
    model["requires"] = ["quantization"]
    model["constants"]["w"] = {"dtype": "f32", "shape": [2**31 - 1], "shard": 0, "tensor": "w", "quantization": {"scheme": "mask", "mask": "m"}}
    folder.write(model)
    with pytest.raises(FormatError, match="a mask of 268435456 bytes"):
        folder.read()


def test_what_is_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"does not exist; a model in the web format is a folder with a model\.json"):
        webformat.read(tmp_path / "nowhere")
    (tmp_path / "file.tflite").write_bytes(b"x")
    with pytest.raises(FormatError, match="cannot be read"):
        webformat.read(tmp_path / "file.tflite")
    (tmp_path / "model.json").mkdir()
    with pytest.raises(FormatError, match="cannot be read"):
        webformat.read(tmp_path)


# -- what has to be accepted -------------------------------------------------------------------------------------------------


def test_unknown_keys_are_ignored_everywhere_but_in_attributes(folder: Folder) -> None:
    model = folder.model
    for place in (model, model["symbols"]["N"], model["signatures"][0], model["signatures"][0]["inputs"][0], model["constants"]["w"], model["nodes"][0], model["shards"][0], model["provenance"], model["golden"], model["golden"]["cases"][0]):  # fmt: skip
        place["invented_later"] = "something" if place is model["provenance"] else {"deep": [1, None]}
    folder.write(model)
    assert folder.read().name == "tiny"


def test_optional_parts_may_be_missing(folder: Folder) -> None:
    model = folder.model
    for key in ("requires", "producer", "name", "symbols", "state", "processing", "golden", "provenance"):
        model.pop(key, None)
    folder.write(model)
    back = folder.read()
    assert (back.name, back.symbols, back.processing) == ("model", {}, {})


def test_names_are_only_names(folder: Folder) -> None:
    odd = "__proto__"
    text = json.dumps(folder.model).replace('"result"', f'"{odd}"').replace('"dense"', '"constructor"').replace('"scores"', '"<script>"')
    folder.write(text)
    back = folder.read()
    assert back.graph.outputs == [odd]
    assert [argument.name for argument in back.signatures[0].outputs] == ["<script>"]


def test_a_missing_golden_shard_is_no_hindrance(folder: Folder) -> None:
    (folder.path / "golden.safetensors").unlink()
    assert folder.read().name == "tiny"


def test_model_json_may_be_given_itself(folder: Folder) -> None:
    assert webformat.read(folder.path / "model.json").name == "tiny"


def test_words_for_odd_floats(folder: Folder) -> None:
    model = folder.model
    model["nodes"].append(node("clip", ["x"], "q", minimum="-Infinity", maximum="NaN"))
    folder.write(model)
    attributes = folder.read().graph.nodes[-1].attributes
    assert attributes["minimum"] == -np.inf
    assert np.isnan(attributes["maximum"])
