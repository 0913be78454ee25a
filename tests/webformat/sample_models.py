"""Small models that use every feature of the format."""

from __future__ import annotations

import numpy as np
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Constant
from webkiln.graph.quantization import Affine, Masked
from webkiln.graph.signature import Argument, Signature

STORED_INTEGERS = {"u8": 255, "i8": -128, "u16": 256, "i16": -129, "i32": 65536}
"""Storages, with an element that no smaller one holds."""


def argument(builder: GraphBuilder, name: str, value: str, dtype: str) -> Argument:
    return Argument(name, value, dtype, tuple(builder.shape(value)))


def tiny() -> Bundle:
    """y = relu(x · w + bias), for any number of rows."""
    b = GraphBuilder()
    x = b.input("x", "f32", [symbol("N"), 2])
    w = b.constant(np.float16([[1, -1, 0.5], [2, 0, -0.5]]), "w")
    bias = b.constant(np.float32([0, 0.25, 1]), "bias")
    b.output(b.node("relu", [b.node("matmul", [x, w, bias], name="dense")], output="result"))
    signature = Signature("serving_default", [argument(b, "features", "x", "float32")], [argument(b, "scores", "result", "float32")])
    return Bundle(b.graph, [signature], name="tiny", symbols={"N": {"minimum": 1, "maximum": 64}}, provenance={"licence": "Apache-2.0"})


def stored(builder: GraphBuilder, name: str, form: Affine | Masked) -> str:
    constant = Constant(form)
    builder.graph.constants[name] = constant
    builder.graph.values[name] = constant.value
    return name


def everything() -> Bundle:
    """Every dtype and storage, state, symbols, two signatures, processing, attributes of every type, names that are odd."""
    rng = np.random.default_rng(30)
    b = GraphBuilder()
    x = b.input("x", "f32", [1, symbol("H"), symbol("H"), 4])
    ids = b.input("ids", "i32", [3])
    h = b.input("h", "f32", [1, 4])
    b.constant(np.ones((1, 4), np.float32), "h0")
    parts = [
        b.constant(rng.standard_normal((3, 4)).astype(np.float32), "plain"),
        b.constant(rng.standard_normal((3, 4)).astype(np.float16), "half"),
        stored(b, "nibbles", Affine(rng.integers(0, 256, 6).astype(np.uint8), (3, 4), 4, True, 0, np.float32([1, 0.5, 2]))),
        stored(b, "bytes", Affine(rng.integers(0, 256, 12).astype(np.uint8), (3, 4), 8, False, None, np.float32(0.1), np.int32(128))),
        stored(b, "words", Affine(rng.integers(0, 256, 24).astype(np.uint8), (3, 4), 16, True, 1, np.float32([1, 2, 3, 4]) / 1e4)),
        stored(b, "blocks", Affine(rng.integers(0, 256, 12).astype(np.uint8), (3, 4), 8, True, 1, np.ones((3, 2), np.float32), np.ones((3, 2), np.int32), 3)),
        stored(b, "sparse", Masked(np.float16([1, 2]), np.uint8([0b100, 0b1000]), (3, 4))),
        b.constant(np.ones((3, 4), np.float32), "nibbles::scale"),
        b.constant(np.ones((3, 4), np.float32), "__metadata__"),
        b.constant(np.ones((3, 4), np.float32), "__proto__"),
        b.constant(np.ones((3, 4), np.float32), "</script> \"é\" \\ \n 🔥"),
    ]
    total = parts[0]
    for part in parts[1:]:
        total = b.node("add", [total, part])
    rows = b.node("gather", [total, ids], {"axis": 0})
    scaled = b.node("mul", [rows, b.scalar(0.5)])
    mean = b.node("reduce_mean", [x], {"axes": [1, 2], "keep_dims": False})
    following = b.node("tanh", [b.node("add", [mean, h])], output="following")
    b.state("h", following, "h0")
    picture = b.node("resize", [x], {"size": [symbol("H") * 2, symbol("H") // 2 + 1], "mode": "nearest", "rounding": "round"})
    clipped = b.node("clip", [picture], {"minimum": -0.25}, name="up/clip")
    padded = b.node("pad", [clipped], {"low": [0, 1, 0, 0], "high": [0] * 4, "interior": [0] * 4, "value": float("-inf")}, output="padded")
    flags = b.node("greater", [scaled, following], output="flags")
    widths = b.node("concat", [b.constant(np.int32([0, edge, 1] * 8), f"as {storage}") for storage, edge in STORED_INTEGERS.items()], {"axis": 0}, output="widths")
    numbers = b.node("add", [ids, b.constant(np.int32([1, 2, 3]), "i32")], output="numbers")
    b.node("concat", [b.constant(np.uint8([1, 255]), "u8"), b.constant(np.zeros(0, np.uint8), "none")], {"axis": 0}, output="u8s")
    b.node("logical_not", [b.constant(np.array([True, False, True]), "bool")], output="bools")
    b.node("transpose", [b.constant(np.int8([[1, -2]]), "i8")], {"permutation": [1, 0]}, output="i8s")
    outputs = [
        argument(b, name, value, dtype)
        for name, value, dtype in (
            ("picture", padded, "float16"), ("flags", flags, "bool"), ("numbers", numbers, "int64"), ("u8s", "u8s", "uint8"), ("bools", "bools", "bool"),
            ("widths", widths, "int32"), ("i8s", "i8s", "int8"), ("given", "plain", "float64"), ("__proto__", following, "float32"),
        )
    ]  # fmt: skip
    inputs = [argument(b, "image", x, "float32"), argument(b, "token_ids", ids, "int64")]
    b.graph.outputs = [one.value for one in outputs]
    second = Signature("state only", inputs[:1], [argument(b, "h", following, "float32")])
    return Bundle(
        b.graph,
        [Signature("serving_default", inputs, outputs), second],
        name="everything <b>é</b>",
        symbols={"H": {"minimum": 4, "maximum": 64, "multiple": 4}},
        processing={
            "inputs": {"image": {"type": "picture", "width": "H", "height": "H", "mean": [127.5], "scale": [127.5, 127.5, 127.5], "layout": "NHWC"}},
            "outputs": {"flags": {"type": "labels", "labels": ["a", "b"]}},
        },
        provenance={"source": "a.tflite", "licence": "MIT"},
    )
