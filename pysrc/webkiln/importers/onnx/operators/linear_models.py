"""Linear models and support vector machines (ai.onnx.ml)."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.scores import class_labels, labelled, transformed
from webkiln.importers.onnx.registry import lowers


def _product(call: Call, rows: int) -> str:
    """x · coefficientsᵀ + intercepts, [N, rows]."""
    coefficients, intercepts = np.array(call.floats("coefficients"), np.float32), call.floats("intercepts")
    if rows < 1 or coefficients.size % rows or len(intercepts) not in (0, rows):
        call.fail(f"{coefficients.size} coefficients and {len(intercepts)} intercepts do not fit {rows} results")
    inputs = [call.cast(call.value(0), "f32"), call.constant(np.ascontiguousarray(coefficients.reshape(rows, -1).T))]
    call.rank(0, 2)
    return call.node("matmul", [*inputs, *([call.constant(np.array(intercepts, np.float32))] if intercepts else [])])


@lowers("LinearRegressor", domain="ai.onnx.ml")
def linear_regressor(call: Call) -> str:
    return transformed(call, _product(call, call.integer("targets", 1)), call.text("post_transform", "NONE"))


@lowers("LinearClassifier", domain="ai.onnx.ml")
def linear_classifier(call: Call) -> list[str | Typed]:
    labels = class_labels(call, "classlabels_ints", "classlabels_strings")
    rows = len(call.floats("intercepts")) or len(labels)
    if rows != len(labels):
        raise Refused(f"{rows} rows of coefficients for {len(labels)} classes: runtimes differ in what they mean")
    scores = _product(call, rows)
    return labelled(call, scores, labels, transformed(call, scores, call.text("post_transform", "NONE")))


@lowers("SVMRegressor", domain="ai.onnx.ml")
def svm_regressor(call: Call) -> str:
    """Σ coefficientᵢ · kernel(x, vectorᵢ) + rho; with no vectors, a linear model."""
    coefficients, rho = np.array(call.floats("coefficients"), np.float32), call.floats("rho")
    count = call.integer("n_supports", 0)
    if len(rho) != 1:
        call.fail(f"rho has {len(rho)} entries, expected 1")
    call.rank(0, 2)
    x = call.cast(call.value(0), "f32")
    if count:
        vectors = np.array(call.floats("support_vectors"), np.float32)
        if vectors.size % count or coefficients.size != count:
            call.fail(f"{vectors.size} numbers of support vectors and {coefficients.size} coefficients do not fit {count} vectors")
        x = _kernel(call, x, vectors.reshape(count, -1))
    scores = call.node("matmul", [x, call.constant(coefficients.reshape(-1, 1)), call.constant(np.array(rho, np.float32))])
    if call.integer("one_class", 0):
        positive = call.node("greater", [scores, call.like(0.0, scores)])
        scores = call.node("where", [positive, call.like(1.0, scores), call.like(-1.0, scores)])
    return transformed(call, scores, call.text("post_transform", "NONE"))


@lowers("SVMClassifier", domain="ai.onnx.ml")
def svm_classifier(call: Call) -> list[str | Typed]:
    """One machine for each pair of classes: the class with the most votes, the first of equal ones; and the pairs' scores, for two classes −s and s.

    The vectors are those of the first class, of the second, and so on; `coefficients` has a row less than there are classes.
    """
    labels = class_labels(call, "classlabels_ints", "classlabels_strings")
    counts, rho = call.integers("vectors_per_class"), np.array(call.floats("rho"), np.float32)
    classes, total = len(labels), sum(counts)
    if call.floats("prob_a"):
        raise Refused("probabilities, which an iteration finds whose length depends on the data", "Export the model without probabilities")
    if not total:
        raise Refused("a linear model without support vectors: runtimes differ in what its scores mean", "Export it as LinearClassifier")
    coefficients, vectors = np.array(call.floats("coefficients"), np.float32), np.array(call.floats("support_vectors"), np.float32)
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    if classes < 2 or len(counts) != classes or coefficients.size != total * (classes - 1) or vectors.size % total or len(rho) != len(pairs):
        call.fail(f"{coefficients.size} coefficients, {vectors.size} numbers of {counts} vectors and {len(rho)} offsets do not fit {classes} classes")
    if classes == 2 and (coefficients >= 0).all():
        raise Refused("two classes whose coefficients are all positive: runtimes differ in what they mean")
    post = call.text("post_transform", "NONE")
    if classes == 2 and post == "SOFTMAX":
        raise Refused("the post_transform SOFTMAX of two classes: runtimes differ in what it means")
    rows, ends = coefficients.reshape(classes - 1, total), np.cumsum([0, *counts])
    table, votes = np.zeros((total, len(pairs)), np.float32), np.zeros((2, len(pairs), classes), np.float32)
    for pair, (i, j) in enumerate(pairs):
        for own, row, outcome in ((i, j - 1, 1), (j, i, 0)):
            table[ends[own] : ends[own + 1], pair] = rows[row, ends[own] : ends[own + 1]]
            votes[outcome, pair, own] = 1
    call.rank(0, 2)
    kernels = _kernel(call, call.cast(call.value(0), "f32"), vectors.reshape(total, -1))
    scores = call.node("matmul", [kernels, call.constant(table), call.constant(rho)])
    won = call.cast(call.node("greater", [scores, call.like(0.0, scores)]), "f32")
    lost = call.node("sub", [call.like(1.0, won), won])
    counted = call.node("add", [call.node("matmul", [value, call.constant(votes[outcome])]) for outcome, value in ((1, won), (0, lost))])
    results = scores if classes > 2 else call.node("concat", [call.node("neg", [scores]), scores], axis=1)
    return labelled(call, counted, labels, transformed(call, results, post))


def _kernel(call: Call, x: str, vectors: np.ndarray) -> str:
    """The kernel of each row of x [N, F] with each vector [S, F]: [N, S]. `kernel_params`: gamma, coef0, degree."""
    kind = call.choice("kernel_type", "LINEAR", "POLY", "RBF", "SIGMOID")
    gamma, shift, degree = (call.floats("kernel_params") or [0.0, 0.0, 0.0])[:3]
    products = call.node("matmul", [x, call.constant(np.ascontiguousarray(vectors.T))])
    if kind == "LINEAR":
        return products
    if kind == "RBF":
        # |x − v|² as a sum over the features: less rounding than x² − 2xv + v².
        rows, features = call.builder.shape(x)
        difference = call.node("sub", [call.reshape(x, [rows, 1, features]), call.constant(vectors[None])])
        distance = call.node("reduce_sum", [call.node("mul", [difference, difference])], axes=[2], keep_dims=False)
        return call.node("exp", [call.node("mul", [distance, call.like(-gamma, distance)])])
    shifted = call.node("add", [call.node("mul", [products, call.like(gamma, products)]), call.like(shift, products)])
    return call.node("tanh", [shifted]) if kind == "SIGMOID" else call.node("pow", [shifted, call.like(degree, shifted)])
