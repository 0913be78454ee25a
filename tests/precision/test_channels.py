"""Which constants are weights, and along which axes."""

from __future__ import annotations

import numpy as np
from control_graphs import powers
from webkiln.graph.build import GraphBuilder
from webkiln.graph.graph import Graph, Value
from webkiln.precision.channels import Axes, weights_of
from webkiln.precision.weights import kind_of, quantize_weights


def axes_of(graph: Graph) -> dict[str, Axes]:
    return {weight.name: weight.axes for weight in weights_of(graph)}


def constant(b: GraphBuilder, name: str, *shape: int) -> str:
    return b.constant(np.random.default_rng(1).standard_normal(shape).astype(np.float32), name)


def test_what_operators_read_as_weights() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 8, 8, 6])
    rows = b.input("rows", "f32", [2, 6])
    ids = b.input("ids", "i32", [3])
    b.node("conv2d", [x, constant(b, "kernel", 3, 3, 6, 8), constant(b, "bias", 8)])
    b.node("conv2d", [x, constant(b, "depthwise", 3, 3, 1, 6)], {"groups": 6})
    b.node("matmul", [rows, constant(b, "right", 6, 4), constant(b, "matmul bias", 4)])
    b.node("matmul", [constant(b, "left", 5, 2), rows])
    b.node("matmul", [b.node("reshape", [rows], {"shape": [2, 1, 6]}), constant(b, "batch", 2, 6, 4)])
    b.node("gather", [constant(b, "table", 100, 7), ids])
    b.node("gather", [constant(b, "columns", 7, 100), ids], {"axis": 1})
    b.node("mul", [rows, constant(b, "factor", 6)])
    assert axes_of(b.graph) == {
        "kernel": Axes(3, 2),
        "depthwise": Axes(3, 2),
        "right": Axes(1, 0),
        "left": Axes(0, 1),
        "batch": Axes(2, 1),
        "table": Axes(0, 1),
        "columns": Axes(1, 0),
    }


def test_through_views() -> None:
    b = GraphBuilder()
    rows = b.input("rows", "f32", [2, 6])
    b.node("matmul", [rows, b.node("transpose", [constant(b, "turned", 4, 6)], {"permutation": [1, 0]})])
    b.node("matmul", [rows, b.node("reshape", [constant(b, "kept", 6, 1, 4)], {"shape": [6, 4]})])
    b.node("matmul", [rows, b.node("reshape", [constant(b, "joined", 3, 2, 4)], {"shape": [6, 4]})])
    b.node("matmul", [rows, b.node("reshape", [constant(b, "mixed", 2, 12)], {"shape": [6, 4]})])
    turned = b.node("transpose", [constant(b, "both", 4, 3, 2)], {"permutation": [1, 2, 0]})
    b.node("matmul", [rows, b.node("reshape", [turned], {"shape": [6, 4]})])
    b.node("neg", [b.node("reshape", [constant(b, "no weight", 6, 4)], {"shape": [24]})])
    assert axes_of(b.graph) == {
        "turned": Axes(0, 1),
        "kept": Axes(2, 0),
        "joined": Axes(2, None),
        "mixed": Axes(None, None),
        "both": Axes(0, None),
    }


def test_weights_of_bodies_inside_and_given() -> None:
    assert axes_of(powers().graph) == {"weights": Axes(1, 0)}
    body = GraphBuilder()
    body.input("v", "f32", [1, 40])
    body.input("w", "f32", [40, 40])
    body.output(body.node("matmul", ["v", "w"]))
    other = GraphBuilder()
    other.input("v", "f32", [1, 40])
    other.input("w", "f32", [40, 40])
    other.output(other.node("neg", ["v"]))
    b = GraphBuilder()
    flag, v = b.input("flag", "bool", []), b.input("v", "f32", [1, 40])
    b.output(b.control("if", [flag, v, constant(b, "given", 40, 40)], [other.graph, body.graph], [Value("f32", (1, 40))])[0])
    assert axes_of(b.graph) == {"given": Axes(1, 0)}
    assert kind_of(quantize_weights(b.graph, "int8").constants["given"]) == "int8"


def test_bodies_get_their_weights_in_fewer_bits() -> None:
    body = GraphBuilder()
    body.input("v", "f32", [1, 40])
    body.output(body.node("matmul", ["v", constant(body, "inside", 40, 40)]))
    other = GraphBuilder()
    other.input("v", "f32", [1, 40])
    other.output("v")
    b = GraphBuilder()
    flag, v = b.input("flag", "bool", []), b.input("v", "f32", [1, 40])
    b.output(b.control("if", [flag, v], [other.graph, body.graph], [Value("f32", (1, 40))])[0])
    changed = quantize_weights(b.graph, "uint8")
    changed.check()
    assert kind_of(changed.nodes[0].bodies[1].constants["inside"]) == "uint8"
    assert kind_of(b.graph.nodes[0].bodies[1].constants["inside"]) == "f32"


def test_channels_of_few_values_keep_8_bits() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 8, 8, 200])
    b.node("conv2d", [x, constant(b, "depthwise", 3, 3, 1, 200)], {"groups": 200})
    b.node("conv2d", [x, constant(b, "whole", 1, 1, 200, 8)])
    assert {name: kind_of(one) for name, one in quantize_weights(b.graph, "int4").constants.items()} == {"depthwise": "int8", "whole": "int4"}
    assert {kind_of(one) for one in quantize_weights(b.graph, "uint8").constants.values()} == {"uint8"}


def test_what_stays_as_it_is() -> None:
    b = GraphBuilder()
    rows = b.input("rows", "f32", [2, 40])
    wide = b.node("matmul", [rows, constant(b, "weights", 40, 5000), constant(b, "bias of many", 5000)])
    wide = b.node("add", [wide, constant(b, "small", 1)])
    b.node("matmul", [rows, constant(b, "some", 40, 25)])
    b.node("matmul", [rows, constant(b, "few", 40, 2), constant(b, "bias", 2)])
    b.constant(np.full((40, 40), 1e30, np.float32) * np.float32([[1, np.inf]] * 40 + [])[:, :1], "unused")
    kinds = {name: kind_of(one) for name, one in quantize_weights(b.graph, "int4").constants.items()}
    assert kinds == {"weights": "int4", "bias of many": "f16", "small": "f32", "some": "f16", "few": "f16", "bias": "f32", "unused": "f32"}
