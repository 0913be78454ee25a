"""Softmax and its kin, and normalization by neighbouring channels."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter
from webkiln.ops.rules import product


def softmax_of(emitter: Emitter, x: str, axis: int) -> str:
    powers = emitter.node("exp", [emitter.node("sub", [x, emitter.node("reduce_max", [x], axes=[axis], keep_dims=True)])])
    return emitter.node("div", [powers, emitter.node("reduce_sum", [powers], axes=[axis], keep_dims=True)])


def log_softmax_of(emitter: Emitter, x: str, axis: int) -> str:
    shifted = emitter.node("sub", [x, emitter.node("reduce_max", [x], axes=[axis], keep_dims=True)])
    total = emitter.node("reduce_sum", [emitter.node("exp", [shifted])], axes=[axis], keep_dims=True)
    return emitter.node("sub", [shifted, emitter.node("log", [total])])


def local_response(
    emitter: Emitter, x: str, axis: int, before: int, after: int, alpha: float, beta: float, bias: float
) -> str:
    """`x / (bias + alpha · Σ x²)^beta`, the sum over the elements around along `axis`, with zeros beyond the ends."""
    shape = emitter.builder.shape(x)
    rows: list[Dim] = [product(shape[:axis]), shape[axis], product(shape[axis + 1 :]), 1]
    window = before + 1 + after
    mean = emitter.node(
        "average_pool2d",
        [emitter.reshape(emitter.node("mul", [x, x]), rows)],
        window=[window, 1],
        stride=[1, 1],
        padding=[before, 0, after, 0],
        count_padding=True,
    )
    scaled = emitter.node("mul", [emitter.reshape(mean, shape), emitter.like(alpha * window, x)])
    base = emitter.node("add", [scaled, emitter.like(bias, x)])
    return emitter.node("div", [x, emitter.node("pow", [base, emitter.like(beta, x)])])
