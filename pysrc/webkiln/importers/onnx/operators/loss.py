"""Losses by class."""

from __future__ import annotations

from webkiln.importers.lowerings.normalization import log_softmax_of
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers


@lowers("NegativeLogLikelihoodLoss")
def negative_log_likelihood(call: Call) -> str:
    return _loss(call, call.value(0))


@lowers("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(call: Call) -> list[str]:
    logarithms = log_softmax_of(call, call.value(0), 1)
    return [_loss(call, logarithms), logarithms]


def _loss(call: Call, x: str) -> str:
    """`−weight[t] · x[n, t, …]` of each target t, 0 for those to ignore; reduced to their (weighted) mean, their sum, or not."""
    shape, target = call.builder.shape(x), call.wide(call.value(1))
    rank, classes = len(shape), shape[1]
    places = call.reshape(call.places(classes), [1, classes, *[1] * (rank - 2)])
    chosen = call.node("equal", [call.reshape(target, [shape[0], 1, *shape[2:]]), places])
    zero = call.like(0.0, x)
    picked = call.node("reduce_sum", [call.node("where", [chosen, x, zero])], axes=[1], keep_dims=False)
    weights = call.node("gather", [call.value(2), target], axis=0) if call.has(2) else ""
    if call.given("ignore_index"):
        ignored = call.node("equal", [target, call.like(call.integer("ignore_index", 0), target)])
        weights = call.node("where", [ignored, zero, weights or call.like(1.0, x)])
    loss = call.node("neg", [call.node("mul", [picked, weights]) if weights else picked])
    if call.given("ignore_index"):
        loss = call.node("where", [ignored, zero, loss])
    kind = call.choice("reduction", "mean", "sum", "none")
    if kind == "none":
        return loss
    axes = list(range(rank - 1))
    if kind == "mean" and not weights:
        return call.node("reduce_mean", [loss], axes=axes, keep_dims=False)
    total = call.node("reduce_sum", [loss], axes=axes, keep_dims=False)
    return total if kind == "sum" else call.node("div", [total, call.node("reduce_sum", [weights], axes=axes, keep_dims=False)])
