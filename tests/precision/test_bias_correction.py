"""Corrected biases: the mean of each layer's output is that of float32, on inputs that were not seen too; and nothing else changes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from precision_models import two_layers
from webkiln import reference
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant, Graph
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.precision.bias_correction import BiasCorrection
from webkiln.precision.samples import Sample, generated_samples
from webkiln.precision.weights import kind_of, quantize_weights

RNG = np.random.default_rng(12)


def bundle_of(b: GraphBuilder, *shape: int) -> Bundle:
    graph = b.graph
    signature = Signature("main", [Argument("x", "x", "float32", shape)], [Argument(name, name, "float32", tuple(graph.values[name].shape)) for name in graph.outputs])
    return Bundle(graph, [signature])


def corrected_by_noise(bundle: Bundle) -> Graph:
    return BiasCorrection(bundle, generated_samples(bundle)).apply(quantize_weights(bundle.graph, "int8"))


def one_layer(op: str, shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], *, bias: bool) -> Bundle:
    b = GraphBuilder()
    inputs = [b.input("x", "f32", list(shape)), b.constant(RNG.normal(0, 1, weights).astype(np.float32), "weights")]
    if bias:
        inputs.append(b.constant(RNG.normal(0, 1, weights[-1:]).astype(np.float32), "bias"))
    b.output(b.node(op, inputs, attributes, output="y"))
    return bundle_of(b, *shape)


LAYERS = {
    "padded, with strides": ("conv2d", (2, 12, 11, 5), (3, 3, 5, 8), {"stride": [2, 1], "padding": [0, 1, 2, 1]}),
    "dilated": ("conv2d", (1, 12, 13, 4), (3, 2, 4, 9), {"dilation": [2, 3]}),
    "depthwise": ("conv2d", (1, 9, 9, 32), (3, 3, 1, 32), {"groups": 32, "padding": [1, 1, 1, 1]}),
    "depthwise, two for each": ("conv2d", (1, 9, 9, 16), (3, 3, 1, 32), {"groups": 16}),
    "groups": ("conv2d", (1, 9, 9, 12), (2, 2, 4, 9), {"groups": 3}),
    "product": ("matmul", (7, 40), (40, 6), {}),
    "product of many": ("matmul", (2, 3, 7, 40), (40, 6), {}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_the_mean_of_each_channel_is_that_of_float32(name: str, bias: bool) -> None:
    bundle = one_layer(*LAYERS[name], bias=bias)
    feeds = [{"x": RNG.uniform(0, 2, bundle.signatures[0].inputs[0].shape).astype(np.float32)} for _ in range(3)]
    stored = quantize_weights(bundle.graph, "int4")
    corrected = BiasCorrection(bundle, [Sample(bundle.signatures[0], one) for one in feeds]).apply(stored)
    corrected.check()

    def means(graph: Graph) -> np.ndarray:
        runs = [reference.run(graph, one)["y"] for one in feeds]
        return np.mean(runs, axis=tuple(range(runs[0].ndim)), dtype=np.float64)

    exact = means(bundle.graph)
    before, after = np.abs(means(stored) - exact).max(), np.abs(means(corrected) - exact).max()
    # Biases are stored in float16, which is off by up to 2^-11.
    assert after <= 2**-11 * np.abs(corrected.constants[corrected.nodes[0].inputs[2]].array).max() + 1e-5
    assert before > 100 * after
    np.testing.assert_array_equal(corrected.constants["weights"].array, stored.constants["weights"].array)


def test_a_bias_that_others_read_stays() -> None:
    b = GraphBuilder()
    b.input("x", "f32", [40, 40])
    bias = b.constant(np.ones(40, np.float32), "bias")
    first = b.node("matmul", ["x", b.constant(RNG.normal(0, 1, (40, 40)).astype(np.float32), "one"), bias], output="y")
    b.output(first)
    b.output(b.node("add", ["x", bias], output="z"))
    bundle = bundle_of(b, 40, 40)
    model = Model(bundle)
    x = RNG.uniform(0, 1, (40, 40)).astype(np.float32)
    changed = Model(dataclasses.replace(bundle, graph=corrected_by_noise(bundle)))
    np.testing.assert_array_equal(changed.run({"x": x})["z"], model.run({"x": x})["z"])
    assert {"bias", "y bias"} <= set(changed.graph.constants)
    np.testing.assert_array_equal(bundle.graph.constants["bias"].array, 1)


def test_a_bias_that_two_layers_read_becomes_two() -> None:
    b = GraphBuilder()
    b.input("x", "f32", [40, 40])
    bias = b.constant(np.ones(40, np.float16).astype(np.float32), "bias")
    for name in ("y", "z"):
        b.output(b.node("matmul", ["x", b.constant(RNG.normal(0, 1, (40, 40)).astype(np.float32), f"weights of {name}"), bias], output=name))
    bundle = bundle_of(b, 40, 40)
    bundle.graph.constants["bias"] = Constant(np.ones(40, np.float16))
    corrected = corrected_by_noise(bundle)
    assert set(corrected.constants) == {"weights of y", "weights of z", "y bias", "z bias"}
    assert kind_of(corrected.constants["y bias"]) == "f16"
    assert np.any(corrected.constants["y bias"].array != corrected.constants["z bias"].array)


def test_what_is_not_corrected() -> None:
    """A bias that a run gives, weights on the left, and those that stay as they are."""
    b = GraphBuilder()
    b.input("x", "f32", [40, 40])
    b.input("given", "f32", [40])
    weights = b.constant(RNG.normal(0, 1, (40, 40)).astype(np.float32), "weights")
    b.output(b.node("matmul", ["x", weights, "given"], output="y"))
    b.output(b.node("matmul", [weights, "x"], output="z"))
    few = b.constant(RNG.normal(0, 1, (40, 1)).astype(np.float32), "few")
    b.output(b.node("matmul", ["x", few, b.constant(np.ones(1, np.float32), "bias")], output="w"))
    graph = b.graph
    signature = Signature("main", [Argument("x", "x", "float32", (40, 40)), Argument("given", "given", "float32", (40,))], [Argument(name, name, "float32", tuple(graph.values[name].shape)) for name in graph.outputs])
    bundle = Bundle(graph, [signature])
    stored = quantize_weights(graph, "int8")
    corrected = corrected_by_noise(bundle)
    assert corrected.nodes == stored.nodes
    for name, constant in stored.constants.items():
        np.testing.assert_array_equal(corrected.constants[name].array, constant.array)


def test_models_of_other_things_than_pictures_are_left_alone() -> None:
    model = two_layers()
    changed, plain = model.quantized("int8").graph, quantize_weights(model.graph, "int8")
    assert changed.nodes == plain.nodes
    assert set(changed.constants) == set(plain.constants)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_errors_get_smaller_on_new_inputs(kind: str) -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 32, 32, 3])
    depth = 3
    for number in range(6):
        kernel = b.constant(RNG.normal(0, np.sqrt(2 / depth / 9), (3, 3, depth, 24)).astype(np.float32), f"kernel {number}")
        x = b.node("relu", [b.node("conv2d", [x, kernel, b.constant(RNG.normal(0, 0.1, 24).astype(np.float32), f"bias {number}")])])
        depth = 24
    b.output(b.node("neg", [x], output="y"))
    model = Model(bundle_of(b, 1, 32, 32, 3))
    plain = Model(dataclasses.replace(model.bundle, graph=quantize_weights(model.graph, kind)))
    corrected = model.quantized(kind)
    errors = {"plain": 0.0, "corrected": 0.0}
    for sample in generated_samples(model.bundle, 3, first=20):
        wanted = model.run(sample.inputs)["y"]
        for name, one in (("plain", plain), ("corrected", corrected)):
            errors[name] += float(np.square(one.run(sample.inputs)["y"] - wanted).sum())
    assert errors["corrected"] < 0.7 * errors["plain"]
