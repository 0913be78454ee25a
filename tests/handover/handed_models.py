"""Small models of each kind of input, made by hand, with names that would be markup if a page took them for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Value
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

ATTACK = "</script><script>window.injected=1</script><img src=x onerror=window.injected=1>"
PROVENANCE = {"licence": "CC0-1.0", "description": f"what is seen {ATTACK}", "source": "tiny.tflite", "attribution": "*No* one | `at all`"}


def weights(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def picture_model() -> Model:
    """[1, 16, 24, 3] → scores of three labels, two points in pixels, a mask; the two products are named first and second."""
    builder = GraphBuilder()
    x = builder.input("pixels", "f32", [1, 16, 24, 3])
    kernel = builder.constant(weights(3, 3, 3, 4) / 4, "kernel")
    features = builder.node("conv2d", [x, kernel], {"stride": [1, 1], "padding": [1, 1, 1, 1], "dilation": [1, 1], "groups": 1}, name="stem")
    mean = builder.node("reduce_mean", [features], {"axes": [1, 2], "keep_dims": False}, name="pool")
    first = builder.node("matmul", [mean, builder.constant(weights(4, 8, seed=2), "w1")], name="first")
    hidden = builder.node("tanh", [first], name="squash")
    scores = builder.node("matmul", [hidden, builder.constant(weights(8, 3, seed=3), "w2")], name="second", output="scores")
    points = builder.node("matmul", [hidden, builder.constant(weights(8, 4, seed=4), "w3"), builder.constant(np.full(4, 8, np.float32), "b3")], name="third", output="points")
    mask = builder.node("matmul", [features, builder.constant(weights(4, 1, seed=5), "w4")], name="fourth", output="mask")
    shapes = {scores: (1, 3), points: (1, 4), mask: (1, 16, 24, 1)}
    for name in shapes:
        builder.output(name)
    signature = Signature("main", [Argument("image", x, "float32", (1, 16, 24, 3))], [Argument(name, name, "float32", shape) for name, shape in shapes.items()])
    processing = {
        "inputs": {"image": {"type": "picture", "width": 24, "height": 16, "resize": "letterbox", "scale": [255, 255, 255]}},
        "outputs": {
            "scores": {"type": "labels", "labels": ["cat", "dog", ATTACK], "activation": "softmax", "top": 3},
            "points": {"type": "keypoints", "count": 2, "fields": ["x", "y"], "names": ["left eye", ATTACK], "skeleton": [[0, 1]], "units": "pixels"},
            "mask": {"type": "mask", "activation": "sigmoid"},
        },
    }
    return Model(Bundle(builder.graph, [signature], name=f"tiny {ATTACK}", processing=processing, provenance=PROVENANCE))


def numbers_model() -> Model:
    """features [N, 4] → result [N, 2], for 1 to 64 rows."""
    builder = GraphBuilder()
    x = builder.input("x", "f32", [symbol("N"), 4])
    y = builder.node("matmul", [x, builder.constant(weights(4, 2), "w")], name="product", output="result")
    builder.output(y)
    signature = Signature("main", [Argument("features", x, "float32", builder.graph.values[x].shape)], [Argument("result", y, "float32", builder.graph.values[y].shape)])
    return Model(Bundle(builder.graph, [signature], name="rows", symbols={"N": {"minimum": 1, "maximum": 64}}))


def audio_model() -> Model:
    """The mean magnitude of 400 samples, of which the last 320 are new."""
    builder = GraphBuilder()
    x = builder.input("x", "f32", [1, 400])
    y = builder.node("reduce_mean", [builder.node("abs", [x])], {"axes": [1], "keep_dims": True}, output="loudness")
    builder.output(y)
    signature = Signature("main", [Argument("sound", x, "float32", (1, 400))], [Argument("loudness", y, "float32", (1, 1))])
    spec: dict[str, Any] = {"type": "audio", "sample_rate": 8000, "channels": 1, "frame_length": 400, "frame_step": 320}
    return Model(Bundle(builder.graph, [signature], name="meter", processing={"inputs": {"sound": spec}, "outputs": {}}))


def tokens_model() -> Model:
    """The sum of the numbers of a table that tokens [1, S] choose, where the mask is 1, and of their kinds."""
    builder = GraphBuilder()
    tokens = builder.input("tokens", "i32", [1, symbol("S")])
    mask = builder.input("mask", "i32", [1, symbol("S")])
    kinds = builder.input("kinds", "i32", [1, symbol("S")])
    rows = builder.node("gather", [builder.constant(np.arange(30, dtype=np.float32), "table"), tokens], {"axis": 0})
    chosen = builder.node("mul", [rows, builder.node("cast", [mask], {"to": "f32"})])
    chosen = builder.node("add", [chosen, builder.node("cast", [kinds], {"to": "f32"})])
    y = builder.node("reduce_sum", [chosen], {"axes": [1], "keep_dims": False}, output="total")
    builder.output(y)
    shape = builder.graph.values[tokens].shape
    arguments = [Argument("attention_mask", mask, "int64", shape), Argument("input_ids", tokens, "int64", shape), Argument("token_type_ids", kinds, "int64", shape)]
    signature = Signature("main", arguments, [Argument("total", y, "float32", (1,))])
    spec = {"type": "tokens", "tokenizer": "tokenizer.json", "maximum_length": 12}
    return Model(Bundle(builder.graph, [signature], name="reader", symbols={"S": {"maximum": 16}}, processing={"inputs": {"attention_mask": spec, "input_ids": spec, "token_type_ids": spec}, "outputs": {}}))


def branching_model() -> Model:
    """Two signatures of one graph. `halves`: numbers [1, 4] → those halved as often as it takes until all lie within 1, by a loop; `sums`: numbers [1, 4], weights [4] → a sum."""
    builder = GraphBuilder()
    x = builder.input("x", "f32", [1, 4])
    w = builder.input("w", "f32", [4])
    scaled = builder.node("mul", [x, builder.constant(np.float32(10), "ten")], name="scale")
    condition, body = GraphBuilder(), GraphBuilder()
    carried = condition.input("now", "f32", [1, 4])
    condition.input("factor", "f32", [])
    largest = condition.node("reduce_max", [condition.node("abs", [carried])], {"axes": [0, 1], "keep_dims": False})
    condition.output(condition.node("greater", [largest, condition.constant(np.float32(1), "one")]))
    now = body.input("now", "f32", [1, 4])
    body.output(body.node("mul", [now, body.input("factor", "f32", [])]))
    halved = builder.control("while", [scaled, builder.constant(np.float32(0.5), "half")], [condition.graph, body.graph], [Value("f32", (1, 4))], carried=1, name="loop")[0]
    result = builder.node("tanh", [halved], name="squash", output="result")
    total = builder.node("reduce_sum", [builder.node("mul", [scaled, w], name="weigh")], {"axes": [1], "keep_dims": False}, name="add up", output="total")
    for name in (result, total):
        builder.output(name)
    numbers = Argument("numbers", x, "float32", (1, 4))
    signatures = [
        Signature("halves", [numbers], [Argument("result", result, "float32", (1, 4))]),
        Signature("sums", [numbers, Argument("weights", w, "float32", (4,))], [Argument("total", total, "float32", (1,))]),
    ]
    return Model(Bundle(builder.graph, signatures, name="branching"))
