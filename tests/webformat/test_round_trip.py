"""What is written is what is read, and the same model gives the same bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load as from_safetensors
from sample_models import STORED_INTEGERS, everything, tiny
from webkiln import webformat
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant
from webkiln.graph.quantization import Affine, Masked
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model, load
from webkiln.webformat.write import SHARD_BYTES, files


def same_stored(one: Constant, other: Constant) -> None:
    a, b = one.stored, other.stored
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, Affine):
        assert (a.shape, a.bits, a.signed, a.axis, a.block) == (b.shape, b.bits, b.signed, b.axis, b.block)
    elif isinstance(a, Masked):
        assert (a.shape, a.present.dtype) == (b.shape, b.present.dtype)
    np.testing.assert_array_equal(one.array, other.array)
    assert one.array.dtype == other.array.dtype


@pytest.mark.parametrize("make", [tiny, everything])
def test_everything_comes_back(tmp_path, make) -> None:
    bundle = make()
    webformat.write(bundle, tmp_path / "m")
    back = webformat.read(tmp_path / "m")
    assert (back.name, back.symbols, back.processing, back.provenance) == (bundle.name, bundle.symbols, bundle.processing, bundle.provenance)
    assert back.signatures == bundle.signatures
    assert back.graph.nodes == bundle.graph.nodes
    assert back.graph.state == bundle.graph.state
    assert set(back.graph.constants) == set(bundle.graph.constants)
    for name, constant in bundle.graph.constants.items():
        same_stored(constant, back.graph.constants[name])
    for name, value in back.graph.values.items():
        assert value == bundle.graph.values[name]
    assert set(back.graph.outputs) == {argument.value for signature in bundle.signatures for argument in signature.outputs}
    back.graph.check()


def test_the_model_gives_the_same_from_its_file(tmp_path) -> None:
    model = Model(everything())
    model.save(tmp_path / "m")
    back = load(tmp_path / "m")
    inputs = {"image": np.random.default_rng(1).standard_normal((1, 8, 8, 4)), "token_ids": np.int64([0, 2, 1])}
    for _ in range(3):  # the state goes on in both
        ours, theirs = model.run(inputs), back.run(inputs)
        assert list(ours) == list(theirs)
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype
            np.testing.assert_array_equal(array, theirs[name])
    second = load(tmp_path / "m", signature="state only")
    assert list(second.run({"image": inputs["image"]})) == ["h"]


@pytest.mark.parametrize("make", [tiny, everything])
def test_the_same_model_gives_the_same_bytes(tmp_path, make) -> None:
    assert files(make()) == files(make())
    webformat.write(make(), tmp_path / "a")
    webformat.write(webformat.read(tmp_path / "a"), tmp_path / "b")
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "a").iterdir())) == len(list((tmp_path / "b").iterdir()))


def test_float16_stays_float16_on_disk(tmp_path) -> None:
    contents = files(tiny())
    tensors = from_safetensors(contents["weights-00000.safetensors"])
    assert tensors["w"].dtype == np.float16
    entry = json.loads(contents["model.json"])["constants"]["w"]
    assert (entry["dtype"], entry["storage"]) == ("f32", "f16")


def test_integers_take_the_fewest_bits_that_hold_them_on_disk() -> None:
    contents = files(everything())
    entries = json.loads(contents["model.json"])["constants"]
    for storage in STORED_INTEGERS:
        entry = entries[f"as {storage}"]
        stored = from_safetensors(contents[f"weights-{entry['shard']:05}.safetensors"])[f"as {storage}"]
        assert (entry["dtype"], entry.get("storage", "i32")) == ("i32", storage)
        assert f"{stored.dtype.kind}{8 * stored.dtype.itemsize}" == storage
    assert "storage" not in entries["i32"]  # three elements: the entry would grow by more than the shard shrinks


def test_scalars_and_empty_constants_keep_their_rank(tmp_path) -> None:
    b = GraphBuilder()
    empty = b.constant(np.zeros((0, 3), np.float32), "empty")  # nothing comes before it
    b.node("add", [b.scalar(2), b.constant(np.float32(3), "three")], output="five")
    b.node("neg", [empty], output="nothing")
    b.node("logical_not", [b.constant(np.array(True), "yes")], output="no")
    outputs = [Argument("five", "five", "float32", ()), Argument("nothing", "nothing", "float32", (0, 3)), Argument("no", "no", "bool", ())]
    Model(Bundle(b.graph, [Signature("s", [], outputs)])).save(tmp_path / "m")
    back = load(tmp_path / "m")
    assert back.graph.values["three"].shape == ()
    result = back.run({})
    assert (result["five"].shape, result["nothing"].shape) == ((), (0, 3))
    assert result["five"] == 5
    assert (result["no"].shape, result["no"].item()) == ((), False)


def test_shards_are_small_and_every_byte_is_named(tmp_path) -> None:
    b = GraphBuilder()
    sizes = [300_000, 900_000, 1_400_000, 10, 500_000, 0, 700_000]  # elements of 4 bytes; one is larger than a shard
    names = [b.constant(np.full(size, i, np.float32), f"c{i}") for i, size in enumerate(sizes)]
    b.output(b.node("concat", names, {"axis": 0}, output="y"))
    bundle = Bundle(b.graph, [Signature("s", [], [Argument("y", "y", "float32", (sum(sizes),))])])
    contents = files(bundle)
    model = json.loads(contents["model.json"])
    assert [record["file"] for record in model["shards"]] == [name for name in contents if name != "model.json"]
    for number, record in enumerate(model["shards"][:-1]):
        held = [entry["shape"][0] for entry in model["constants"].values() if entry["shard"] == number]
        assert record["bytes"] == len(contents[record["file"]])
        assert record["bytes"] <= SHARD_BYTES or len([size for size in held if size]) == 1
    webformat.write(bundle, tmp_path / "m")
    back = webformat.read(tmp_path / "m")
    for i, size in enumerate(sizes):
        assert (back.graph.constants[f"c{i}"].array == i).sum() == size


def test_model_json_is_readable() -> None:
    text = files(tiny())["model.json"].decode()
    keys = list(json.loads(text))
    assert keys == [
        "format", "version", "requires", "producer", "name", "symbols", "signatures", "constants", "nodes", "state", "processing", "shards", "golden", "provenance",
    ]  # fmt: skip
    lines = text.splitlines()
    assert '    "w": {"dtype": "f32", "shape": [2, 3], "shard": 0, "tensor": "w", "storage": "f16"},' in lines
    assert sum(line.startswith('    {"op": ') for line in lines) == 2
    assert text.endswith("}\n")


def test_defaults_are_left_out_and_odd_numbers_are_words() -> None:
    nodes = {node["outputs"][0]: node for node in json.loads(files(everything())["model.json"])["nodes"]}
    assert nodes["up/clip"]["attributes"] == {"minimum": -0.25}
    assert nodes["padded"]["attributes"]["value"] == "-Infinity"
    resize = next(node for node in nodes.values() if node["op"] == "resize")
    assert resize["attributes"] == {"size": ["2*H", "floordiv(H, 2) + 1"], "mode": "nearest", "rounding": "round"}


def test_requirements_are_named_only_when_needed() -> None:
    assert json.loads(files(everything())["model.json"])["requires"] == ["state", "quantization"]
    assert json.loads(files(tiny())["model.json"])["requires"] == []


def test_booleans_that_are_neither_zero_nor_one_are_true(folder) -> None:
    header = json.dumps({"w": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}).encode()
    header += b" " * (-len(header) % 8)
    model = folder.model
    model["constants"] = {"w": {"dtype": "bool", "shape": [3], "shard": 0, "tensor": "w"}}
    model["nodes"] = [{"op": "logical_not", "inputs": ["w"], "outputs": ["result"]}]
    model["signatures"][0].update(inputs=[], outputs=[{"name": "y", "value": "result", "dtype": "bool", "shape": [3]}])
    folder.write(model)
    folder.shard(len(header).to_bytes(8, "little") + header + b"\x00\x02\xff")
    assert Model(folder.read()).run({})["y"].tolist() == [True, False, False]
