"""Golden vectors: what they hold, how large they are, and the generator's pinned numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from safetensors.numpy import load as from_safetensors
from sample_models import everything, tiny
from webkiln import generator
from webkiln.errors import GraphError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Constant
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.webformat.golden import channels_of, golden_symbols, input_range, sample_indices
from webkiln.webformat.write import files


def golden(bundle: Bundle) -> tuple[dict, dict[str, np.ndarray], dict[str, bytes]]:
    contents = files(bundle)
    shard = contents.get("golden.safetensors")
    return json.loads(contents["model.json"]).get("golden", {}), from_safetensors(shard) if shard else {}, contents


def reference_mix32(h: int) -> int:
    mask = 0xFFFFFFFF
    h ^= h >> 16
    h = h * 0x7FEB352D & mask
    h ^= h >> 15
    h = h * 0x846CA68B & mask
    return h ^ h >> 16


@pytest.mark.parametrize("seed", [0, 1, 42, 0x7FFFFFFF, 0xFFFFFFFF])
def test_the_generator_is_as_documented(seed) -> None:
    expected = [reference_mix32((seed + i * 0x9E3779B9) & 0xFFFFFFFF) for i in range(1000)]
    assert generator.mix32(seed, 1000).tolist() == expected
    floats = generator.generate(seed, [10, 100], np.dtype(np.float32), -1.5, 2.5)
    assert floats.shape == (10, 100)
    assert floats.reshape(-1).tolist() == [float(np.float32(-1.5 + 4.0 * ((u >> 8) / 2**24))) for u in expected]
    assert generator.generate(seed, [1000], np.dtype(np.int32), -3, 4).tolist() == [-3 + u % 7 for u in expected]
    assert generator.generate(seed, [1000], np.dtype(np.bool_), 0, 1).tolist() == [bool(u & 1) for u in expected]


def test_the_first_numbers_are_pinned() -> None:
    """Stored golden vectors depend on them; another implementation can pin the same."""
    assert generator.mix32(0, 4).tolist() == [0, 33350994, 83415710, 260840893]
    assert generator.mix32(1, 6).tolist() == [1753845952, 2672842292, 1136996714, 4073064065, 1460141003, 3997777103]
    floats = generator.generate(1, [4], np.dtype(np.float32), 0.0, 1.0)
    assert floats.tolist() == [0.40834903717041016, 0.6223195791244507, 0.2647276520729065, 0.9483340978622437]
    assert generator.generate(7, [], np.dtype(np.float32), 0.0, 1.0).shape == ()
    assert generator.generate(7, [0, 3], np.dtype(np.float32), 0.0, 1.0).shape == (0, 3)


def test_floats_lie_in_their_range_and_spread() -> None:
    floats = generator.generate(3, [10000], np.dtype(np.float32), -1, 1)
    assert -1 <= floats.min() < -0.99
    assert 0.99 < floats.max() <= 1
    assert abs(floats.mean()) < 0.02


@pytest.mark.parametrize("make", [tiny, everything])
def test_the_reference_gives_the_golden_outputs(make) -> None:
    bundle = make()
    entry, tensors, _ = golden(bundle)
    assert (entry["generator"], len(entry["cases"])) == ("webkiln-mix32", len(bundle.signatures))
    for case in entry["cases"]:
        model = Model(bundle, case["signature"])
        inputs = {}
        for argument in model.signature.inputs:
            spec = case["inputs"][argument.name]
            shape = [case["symbols"].get(str(dim), dim) for dim in argument.shape]
            dtype = np.dtype(np.float32 if argument.dtype.startswith("float") else np.int32)
            inputs[argument.name] = generator.generate(spec["seed"], shape, dtype, spec["low"], spec["high"])
        assert set(case["inputs"]) == set(inputs)
        outputs = model.run(inputs)
        assert set(outputs) == set(case["outputs"])
        for name, record in case["outputs"].items():
            result, stored = outputs[name], tensors[record["tensor"]]
            assert list(result.shape) == record["shape"]
            if "samples" in record:
                wide = result.astype(np.float64)
                finite = wide[np.isfinite(wide)]
                result = result.reshape(-1)[[k * result.size // record["samples"] for k in range(record["samples"])]]
                assert record["minimum"] == pytest.approx(finite.min(), rel=1e-3)  # a float16 output is rounded by `run`
                assert record["maximum"] == pytest.approx(finite.max(), rel=1e-3)
                assert record["l2"] == pytest.approx(math.sqrt((finite**2).sum()), rel=1e-3)
            else:
                assert list(stored.shape) == record["shape"]
            np.testing.assert_allclose(stored.astype(np.float64), result.astype(np.float64), rtol=1e-3)
            if result.dtype.kind in "biu":
                assert stored.dtype.kind in "biu"
                np.testing.assert_array_equal(stored, result)


def wide_bundle(outputs: int, size: int, weights: int, name: str = "y") -> Bundle:
    b = GraphBuilder()
    x = b.input("x", "f32", [size])
    b.constant(np.random.default_rng(0).standard_normal(weights).astype(np.float32), "w")
    arguments = []
    for i in range(outputs):
        value = b.node("mul", [x, b.scalar(i + 1)], output=f"{name}{i}")
        b.output(value)
        arguments.append(Argument(value, value, "float32", (size,)))
    kept = b.node("reduce_sum", ["w"], {"axes": [0]}, output="kept")
    arguments.append(Argument("kept", kept, "float32", ()))
    return Bundle(b.graph, [Signature("s", [Argument("x", "x", "float32", (size,))], arguments)])


@pytest.mark.parametrize(("outputs", "size", "weights", "name"), [
    (1, 10, 10, "y"), (1, 100_000, 10, "y"), (9, 100_000, 10, "y"), (30, 5000, 10, "y"), (200, 300, 10, "y"), (60, 4000, 3_000_000, "y"),
    (150, 100, 10, "a long name, \"quoted\" é " * 8), (900, 3, 10, "y"), (40, 4096, 10, "y"),
])  # fmt: skip
def test_the_size_is_limited(outputs, size, weights, name) -> None:
    entry, tensors, contents = golden(wide_bundle(outputs, size, weights, name))
    budget = max(64 * 1024, 0.03 * len(contents["weights-00000.safetensors"]))
    assert len(contents.get("golden.safetensors", b"")) <= budget
    for case in entry.get("cases", []):
        for record in case["outputs"].values():
            kept = tensors[record["tensor"]].size
            assert kept == record.get("samples", math.prod(record["shape"]))
            assert kept <= 4096
            assert kept >= 1
    if outputs <= 200 and name == "y":
        assert entry["cases"], "there is room for something"


def test_large_outputs_are_sampled_evenly() -> None:
    assert sample_indices(10, 4).tolist() == [0, 2, 5, 7]
    assert sample_indices(4096, 4096).tolist() == list(range(4096))
    big = sample_indices(2**31 - 1, 4096)
    assert big[-1] == 4095 * (2**31 - 1) // 4096
    entry, tensors, _ = golden(wide_bundle(1, 5000, 10))
    record = entry["cases"][0]["outputs"]["y0"]
    assert record["samples"] == 4096
    assert tensors["0/y0"].shape == (4096,)


def test_the_range_of_pictures_comes_from_their_processing() -> None:
    bundle = everything()
    image, ids = bundle.signatures[0].inputs
    assert input_range(bundle, image) == (-1, 1)
    assert input_range(bundle, ids) == (0, 2)
    bundle.processing["inputs"]["image"] = {"type": "picture", "width": 8, "height": 8, "mean": [0, 10, 20], "scale": [1, 5, 10]}
    assert input_range(bundle, image) == (-2, 255)


def test_the_width_of_a_picture_from_onnx_is_no_number_of_quantities() -> None:
    bundle = wide_bundle(1, 1, 1)
    assert channels_of(bundle, "y", (1, 1, 160, 320)) == 320
    bundle.provenance["source_format"] = "onnx"
    assert channels_of(bundle, "y", (1, 1, 160, 320)) == 0
    assert channels_of(bundle, "y", (1, 3549, 85)) == 85


def test_symbols_respect_their_rules() -> None:
    tries = golden_symbols(everything(), everything().signatures[0])
    assert tries[0] == {"H": 4}
    assert all(one["H"] % 4 == 0 and 4 <= one["H"] <= 64 for one in tries)
    assert golden_symbols(wide_bundle(1, 1, 1), wide_bundle(1, 1, 1).signatures[0]) == [{}]


def folding(sizes: list) -> Bundle:
    """A reshape that only some sizes pass."""
    b = GraphBuilder()
    x = b.input("x", "f32", [symbol("N"), 2 * symbol("M")])
    b.output(b.node("reshape", [x], {"shape": sizes}, output="y"))
    return Bundle(b.graph, [Signature("s", [Argument("x", "x", "float32", (symbol("N"), 2 * symbol("M")))], [Argument("y", "y", "float32", tuple(sizes))])])


def test_sizes_are_tried_until_the_model_runs() -> None:
    entry, _, _ = golden(folding([16, 16, 2]))
    assert entry["cases"][0]["symbols"] == {"N": 2, "M": 128}
    entry, tensors, contents = golden(folding([7, 11, 13, 17]))
    assert (entry, tensors) == ({}, {})
    assert "golden.safetensors" not in contents


def test_a_constant_of_another_shape_than_the_graph_says_is_an_error() -> None:
    bundle = tiny()
    bundle.graph.constants["w"] = Constant(np.zeros((5, 3), np.float32))
    with pytest.raises(GraphError, match=r"the constant 'w' is f32 \[5, 3\], and the graph says f32 \[2, 3\]"):
        files(bundle)
