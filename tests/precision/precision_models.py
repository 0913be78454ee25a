"""Small models whose weights are worth storing in fewer bits."""

from __future__ import annotations

import numpy as np
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model


def classifier(layers: int = 3, width: int = 48) -> Model:
    """A convolution, layers of different sensitivity, and a softmax over 10 classes, for any number of pictures."""
    rng = np.random.default_rng(8)
    b = GraphBuilder()
    shape = (symbol("N"), 32, 32, 3)
    x = b.input("picture", "f32", list(shape))
    kernel = b.constant(rng.normal(0, 0.3, (3, 3, 3, 16)).astype(np.float32), "kernel")
    h = b.node("relu", [b.node("conv2d", [x, kernel, b.constant(np.zeros(16, np.float32), "bias")], {"stride": [2, 2]})])
    h = b.node("reduce_mean", [h], {"axes": [1, 2], "keep_dims": False})
    depth = 16
    for number in range(layers):
        weights = rng.normal(0, 1 / np.sqrt(depth), (depth, width)).astype(np.float32)
        h = b.node("tanh", [b.node("matmul", [h, b.constant(weights * 3**number, f"dense {number}")])])
        depth = width
    logits = b.node("matmul", [h, b.constant(rng.normal(0, 1, (width, 10)).astype(np.float32), "last")])
    powers = b.node("exp", [b.node("sub", [logits, b.node("reduce_max", [logits], {"axes": [1], "keep_dims": True})])])
    scores = b.node("div", [powers, b.node("reduce_sum", [powers], {"axes": [1], "keep_dims": True})], output="scores")
    b.output(scores)
    b.output(b.node("neg", [logits], output="logits"))
    outputs = [Argument(name, name, "float32", tuple(b.shape(name))) for name in ("scores", "logits")]
    return Model(Bundle(b.graph, [Signature("main", [Argument("picture", "picture", "float32", shape)], outputs)], name="classifier"))


def two_layers() -> Model:
    """`x · matters + 0.001 · (x · hardly)`"""
    rng = np.random.default_rng(9)
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 64])
    first, second = (b.node("matmul", [x, b.constant(rng.standard_normal((64, 32)).astype(np.float32), name)]) for name in ("matters", "hardly"))
    b.output(b.node("add", [first, b.node("mul", [second, b.scalar(0.001)])], output="y"))
    return Model(Bundle(b.graph, [Signature("main", [Argument("x", "x", "float32", (1, 64))], [Argument("y", "y", "float32", (1, 32))])], name="two"))
