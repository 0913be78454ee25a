"""What classifiers of ai.onnx.ml end with: labels, and scores made into probabilities."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.normalization import softmax_of
from webkiln.importers.onnx.lowering import Call, Typed


def class_labels(call: Call, integers: str, strings: str) -> np.ndarray:
    """The labels of the classes, int64; words are refused, since tensors hold none."""
    if call.texts(strings):
        raise Refused("labels that are words", "Train the model on numbers of classes, and keep the words beside it")
    labels = call.integers(integers)
    if not labels:
        call.fail(f"it has no labels ({integers})")
    return np.array(labels, np.int64)


def transformed(call: Call, scores: str, kind: str) -> str:
    """Scores [N, C] after a `post_transform`."""
    if kind == "NONE":
        return scores
    if kind == "LOGISTIC":
        return call.node("sigmoid", [scores])
    if kind == "SOFTMAX":
        return softmax_of(call, scores, len(call.builder.shape(scores)) - 1)
    raise Refused(f"post_transform {kind}; known: NONE, LOGISTIC, SOFTMAX")


def labelled(call: Call, scores: str, labels: np.ndarray, results: str) -> list[str | Typed]:
    """The label of the greatest score, the first of equal ones, and the results."""
    best = call.node("arg_max", [scores], axis=1)
    return [Typed(call.node("gather", [call.constant(labels), best], axis=0), "int64"), results]
