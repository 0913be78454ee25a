"""Operators of ai.onnx.ml: trees, linear models, support vector machines, features, against plain loops and stored results."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
import webkiln
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from webkiln.errors import UnsupportedOperatorError

ML = "ai.onnx.ml"
KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


def model_of(tmp_path, operator, inputs, outputs, version=3, **attributes):
    """A model of one operator. `inputs`: arrays; `outputs`: element types."""
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(operator, names, [f"y{i}" for i in range(len(outputs))], domain=ML, **attributes)
    graph = helper.make_graph(
        [node],
        "model",
        [helper.make_tensor_value_info(name, KINDS[array.dtype], [f"n{array.shape[0]}", *array.shape[1:]]) for name, array in zip(names, inputs, strict=True)],
        [helper.make_tensor_value_info(f"y{i}", kind, None) for i, kind in enumerate(outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, version)], ir_version=8)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return webkiln.convert(path)


def run(tmp_path, operator, *inputs, outputs=(TensorProto.FLOAT,), **attributes):
    model = model_of(tmp_path, operator, inputs, outputs, **attributes)
    results = model.run({f"x{i}": array for i, array in enumerate(inputs)})
    return [results[f"y{i}"] for i in range(len(outputs))]


def random_trees(rng, trees, levels, features, modes):
    """Nodes as lists of (tree, id, mode, feature, threshold, true, false); ids are shuffled, so that the root is not the first."""
    nodes = []
    for tree in range(trees):
        numbers = rng.permutation(4 ** (levels + 1)).tolist()

        def grow(level, tree=tree, numbers=numbers):
            number = numbers.pop()
            if level == levels or (level and rng.random() < 0.2):
                nodes.append((tree, number, "LEAF", 0, 0.0, 0, 0))
            else:
                children = grow(level + 1), grow(level + 1)
                nodes.append((tree, number, str(rng.choice(modes)), int(rng.integers(features)), float(np.float32(rng.integers(-2, 3))), *children))
            return number

        grow(0)
    return nodes


def attributes_of(nodes):
    columns = list(zip(*nodes, strict=True))
    names = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    return {f"nodes_{name}": list(column) for name, column in zip(names, columns, strict=True)}


COMPARE = {
    "BRANCH_LEQ": lambda a, b: a <= b, "BRANCH_LT": lambda a, b: a < b, "BRANCH_GTE": lambda a, b: a >= b,
    "BRANCH_GT": lambda a, b: a > b, "BRANCH_EQ": lambda a, b: a == b, "BRANCH_NEQ": lambda a, b: a != b,
}  # fmt: skip


def leaf_of(nodes, tree, row, missing=()):
    table = {node[1]: node for node in nodes if node[0] == tree}
    children = {child for node in table.values() if node[2] != "LEAF" for child in node[5:]}
    node = next(node for number, node in table.items() if number not in children)
    while node[2] != "LEAF":
        is_true = COMPARE[node[2]](row[node[3]], node[4]) or (math.isnan(row[node[3]]) and (tree, node[1]) in missing)
        node = table[node[5] if is_true else node[6]]
    return node[1]


@pytest.mark.parametrize("modes", [["BRANCH_LEQ"], ["BRANCH_GT"], list(COMPARE)], ids=["leq", "gt", "all"])
@pytest.mark.parametrize("levels", [0, 1, 5])
def test_trees_of_regressors(tmp_path, levels, modes):
    rng = np.random.default_rng(levels)
    nodes = random_trees(rng, 7, levels, 4, modes)
    leaves = [(tree, number) for tree, number, mode, *_ in nodes if mode == "LEAF"]
    weights = {(leaf, target): float(np.float32(rng.standard_normal())) for leaf in leaves for target in range(2) if rng.random() < 0.8}
    missing = {(tree, number) for tree, number, mode, *_ in nodes if mode != "LEAF" and rng.random() < 0.5}
    x = rng.integers(-3, 4, (9, 4)).astype(np.float32)
    x[2:5, 1:3] = np.nan
    attributes = attributes_of(nodes) | {
        "nodes_missing_value_tracks_true": [int(node[:2] in missing) for node in nodes],
        "target_treeids": [leaf[0] for leaf, _ in weights], "target_nodeids": [leaf[1] for leaf, _ in weights],
        "target_ids": [target for _, target in weights], "target_weights": list(weights.values()),
        "n_targets": 2, "base_values": [0.5, -0.25],
    }  # fmt: skip
    (y,) = run(tmp_path, "TreeEnsembleRegressor", x, **attributes)
    for i, row in enumerate(x):
        found = [(tree, leaf_of(nodes, tree, row, missing)) for tree in range(7)]
        for target in range(2):
            expected = sum(weights.get((leaf, target), 0.0) for leaf in found) + (0.5, -0.25)[target]
            assert y[i, target] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("classes", "used", "post", "sign"), [
    (3, [0, 1, 2], "NONE", 0), (3, [0, 1, 2], "SOFTMAX", 0), (2, [1], "LOGISTIC", 0), (2, [1], "NONE", 1), (2, [0], "NONE", 0),
    (2, [0], "NONE", 1), (2, [0], "LOGISTIC", 0), (2, [0], "LOGISTIC", 1),
])  # fmt: skip
def test_trees_of_classifiers(tmp_path, classes, used, post, sign):
    rng = np.random.default_rng(classes)
    nodes = random_trees(rng, 5, 3, 3, ["BRANCH_LEQ"])
    leaves = [(tree, number) for tree, number, mode, *_ in nodes if mode == "LEAF"]
    weights = {(leaf, c): float(np.float32(rng.random() / 5 if sign else rng.standard_normal())) for leaf in leaves for c in used}
    labels = [7, -2, 40][:classes]
    x = rng.standard_normal((20, 3)).astype(np.float32)
    attributes = attributes_of(nodes) | {
        "class_treeids": [leaf[0] for leaf, _ in weights], "class_nodeids": [leaf[1] for leaf, _ in weights],
        "class_ids": [c for _, c in weights], "class_weights": list(weights.values()),
        "classlabels_int64s": labels, "post_transform": post,
    }  # fmt: skip
    label, scores = run(tmp_path, "TreeEnsembleClassifier", x, outputs=(TensorProto.INT64, TensorProto.FLOAT), **attributes)
    for i, row in enumerate(x):
        found = [(tree, leaf_of(nodes, tree, row)) for tree in range(5)]
        sums = np.array([sum(weights[leaf, c] for leaf in found) for c in used])
        if classes == 3:
            assert label[i] == labels[int(sums.argmax())]
            expected = np.exp(sums) / np.exp(sums).sum() if post == "SOFTMAX" else sums
        else:  # what ONNX Runtime gives
            assert label[i] == labels[int(sums[0] > (0.5 if sign else 0))]
            other = 0.0 if used == [1] else -sums[0] if post == "LOGISTIC" or not sign else 1 - sums[0]
            expected = np.array([other, sums[0]])
            expected = 1 / (1 + np.exp(-expected)) if post == "LOGISTIC" else expected
        np.testing.assert_allclose(scores[i], expected, atol=1e-5)


def test_linear_models(tmp_path):
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 4), (3, 4), (3,)))
    lists = {"coefficients": w.ravel().tolist(), "intercepts": b.tolist()}
    (y,) = run(tmp_path, "LinearRegressor", x, targets=3, **lists)
    np.testing.assert_allclose(y, x @ w.T + b, atol=1e-5)
    label, scores = run(
        tmp_path, "LinearClassifier", x, outputs=(TensorProto.INT64, TensorProto.FLOAT), classlabels_ints=[5, 6, 9], post_transform="SOFTMAX", **lists
    )
    np.testing.assert_array_equal(label, np.array([5, 6, 9])[(x @ w.T + b).argmax(1)])
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_support_vectors(tmp_path, kernel):
    rng = np.random.default_rng(1)
    x, vectors, alpha = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 3), (4, 3), (4,)))
    gamma, shift, degree = 0.5, 0.25, 3.0
    (y,) = run(
        tmp_path, "SVMRegressor", x, kernel_type=kernel, kernel_params=[gamma, shift, degree], n_supports=4, rho=[0.75],
        coefficients=alpha.tolist(), support_vectors=vectors.ravel().tolist(),
    )  # fmt: skip
    products = x.astype(np.float64) @ vectors.T
    distances = ((x[:, None] - vectors[None]) ** 2).sum(-1)
    values = {
        "LINEAR": products, "POLY": (gamma * products + shift) ** degree, "RBF": np.exp(-gamma * distances), "SIGMOID": np.tanh(gamma * products + shift),
    }  # fmt: skip
    np.testing.assert_allclose(y[:, 0], values[kernel] @ alpha + 0.75, rtol=1e-5, atol=1e-5)


def test_support_vector_classifiers(tmp_path):
    """The reference evaluator votes as ONNX Runtime does."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((12, 3)).astype(np.float32)
    for classes, kernel, post in ((2, "RBF", "NONE"), (2, "LINEAR", "LOGISTIC"), (4, "POLY", "NONE"), (3, "SIGMOID", "SOFTMAX")):
        counts = [2, 3, 1, 4][:classes]
        attributes = {
            "classlabels_ints": [10, -5, 30, 7][:classes], "vectors_per_class": counts, "coefficients": rng.standard_normal(sum(counts) * (classes - 1)).tolist(),
            "support_vectors": rng.standard_normal(sum(counts) * 3).tolist(), "rho": rng.standard_normal(classes * (classes - 1) // 2).tolist(),
            "kernel_type": kernel, "kernel_params": [0.5, 0.25, 2.0], "post_transform": post,
        }  # fmt: skip
        label, scores = run(tmp_path, "SVMClassifier", x, outputs=(TensorProto.INT64, TensorProto.FLOAT), **attributes)
        wanted_label, wanted_scores = ReferenceEvaluator(onnx.load(tmp_path / "model.onnx")).run(None, {"x0": x})
        np.testing.assert_array_equal(label, wanted_label)
        np.testing.assert_allclose(scores, wanted_scores, atol=1e-5)


@pytest.mark.parametrize(("aggregate", "targets"), [(1, 3), (0, 2), (2, 1), (3, 1)])
def test_trees_with_leaves_of_their_own(tmp_path, aggregate, targets):
    """Two trees: one asks whether a feature is among some numbers, the other compares in every other way."""
    rng = np.random.default_rng(aggregate)
    nan = math.nan
    attributes = {
        "nodes_featureids": [0, 1, 2, 0, 1, 2, 0], "nodes_truenodeids": [1, 0, 1, 4, 2, 3, 4], "nodes_falsenodeids": [2, 1, 2, 5, 6, 4, 5],
        "nodes_trueleafs": [0, 1, 1, 0, 1, 1, 1], "nodes_falseleafs": [0, 1, 1, 0, 0, 1, 1], "tree_roots": [0, 3],
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [7], [6, 0, 6, 3, 4, 1, 2]),
        "nodes_splits": helper.make_tensor("s", TensorProto.FLOAT, [7], [0, 1, 0, 0, -1, 2, 1]),
        "membership_values": helper.make_tensor("v", TensorProto.FLOAT, [6], [-1, 2, 3, nan, 1, nan]),
        "nodes_missing_value_tracks_true": [0, 1, 1, 0, 0, 1, 0], "n_targets": targets, "aggregate_function": aggregate,
        "leaf_targetids": rng.integers(0, targets, 6).tolist(), "leaf_weights": helper.make_tensor("w", TensorProto.FLOAT, [6], rng.standard_normal(6).astype(np.float32)),
    }  # fmt: skip
    x = rng.integers(-2, 4, (40, 3)).astype(np.float32)
    x[::7, 1], x[::5, 2] = nan, nan
    (y,) = run(tmp_path, "TreeEnsemble", x, version=5, **attributes)
    (wanted,) = ReferenceEvaluator(onnx.load(tmp_path / "model.onnx")).run(None, {"x0": x})
    np.testing.assert_allclose(y, wanted, atol=1e-6)


def two_classes(**attributes):
    stump = {
        "nodes_treeids": [0] * 3, "nodes_nodeids": [0, 1, 2], "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_featureids": [1, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0], "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0], "class_treeids": [0] * 4,
        "class_nodeids": [1, 1, 2, 2], "class_ids": [0, 1, 0, 1], "class_weights": [0.75, 0.25, -0.5, 1.5], "classlabels_int64s": [3, 4],
    }  # fmt: skip
    return stump | attributes


def test_scores_of_two_classes_which_both_have_weights(tmp_path):
    """ONNX Runtime and the reference evaluator differ in the labels, and so only the scores are given."""
    node = helper.make_node("TreeEnsembleClassifier", ["x"], ["", "scores"], domain=ML, **two_classes())
    graph = helper.make_graph([node], "model", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])], [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)])
    path = tmp_path / "model.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid(ML, 3)], ir_version=8).SerializeToString())
    found = webkiln.convert(path).run({"x": np.array([[9, 0], [0, 9]], np.float32)})
    assert found["scores"].tolist() == [[0.75, 0.25], [-0.5, 1.5]]


def test_features(tmp_path):
    x = np.array([[1, -2, 2], [0, 0, 0], [3, 4, -5]], np.float32)
    (y,) = run(tmp_path, "Scaler", x, offset=[1.0, 2.0, 3.0], scale=[2.0, 0.5, 1.0])
    np.testing.assert_array_equal(y, (x - [1, 2, 3]) * [2, 0.5, 1])
    for norm, size in (("L1", np.abs(x).sum(1)), ("L2", np.sqrt((x * x).sum(1))), ("MAX", x.max(1))):
        (y,) = run(tmp_path, "Normalizer", x, norm=norm)
        np.testing.assert_allclose(y, x / np.where(size == 0, 1, size)[:, None], rtol=1e-6)
    (y,) = run(tmp_path, "Binarizer", x, threshold=1.0)
    np.testing.assert_array_equal(y, x > 1)
    (y,) = run(tmp_path, "Imputer", np.array([[np.nan, 1], [2, np.nan]], np.float32), imputed_value_floats=[8.0, 9.0], replaced_value_float=math.nan)
    assert y.tolist() == [[8, 1], [2, 9]]
    (y,) = run(tmp_path, "ArrayFeatureExtractor", x, np.array([2, 0], np.int64))
    np.testing.assert_array_equal(y, x[:, [2, 0]])
    (y,) = run(tmp_path, "FeatureVectorizer", x, x[:, :1], inputdimensions=[3, 1])
    np.testing.assert_array_equal(y, np.concatenate([x, x[:, :1]], 1))
    (y,) = run(tmp_path, "OneHotEncoder", np.array([4, 1, 9], np.int64), cats_int64s=[1, 4])
    assert y.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_labels(tmp_path):
    (y,) = run(
        tmp_path, "LabelEncoder", np.array([[5, 1], [7, 5]], np.int64), keys_int64s=[1, 5], values_floats=[0.5, 2.0], default_float=-3.0
    )
    assert y.tolist() == [[2.0, 0.5], [-3.0, 2.0]]
    (y,) = run(
        tmp_path, "LabelEncoder", np.array([np.nan, 1, 2], np.float32), outputs=(TensorProto.INT64,), keys_floats=[math.nan, 1.0], values_int64s=[10, 20]
    )
    assert y.tolist() == [10, 20, -1]


@pytest.mark.parametrize(("operator", "attributes", "reason"), [
    ("OneHotEncoder", {"cats_strings": ["a"]}, "words"),
    ("LabelEncoder", {"keys_strings": ["a"], "values_int64s": [1]}, "words"),
    ("Normalizer", {"norm": "L7"}, "L7"),
    ("TreeEnsembleClassifier", two_classes(), "runtimes differ"),
    ("SVMClassifier", {"classlabels_ints": [1, 2], "vectors_per_class": [1, 1], "coefficients": [1.0, -1.0], "support_vectors": [0.0] * 6, "rho": [0.5],
                       "prob_a": [1.0], "prob_b": [0.5]}, "probabilities"),
])  # fmt: skip
def test_what_is_refused_is_told(tmp_path, operator, attributes, reason):
    with pytest.raises(UnsupportedOperatorError, match=reason):
        model_of(tmp_path, operator, [np.zeros((2, 3), np.float32)], (TensorProto.FLOAT,), **attributes)


@pytest.mark.parametrize("name", ["cancer_gbdt", "digits_mlp", "iris_logreg", "wine_rf"])
def test_models_of_scikit_learn(name):
    folder = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared")) / "models" / "tabular_sklearn"
    if not folder.is_dir():
        pytest.skip("no models of scikit-learn; set WEBKILN_SHARED to the folder that has models/tabular_sklearn")
    stored = np.load(folder / f"{name}_ref.npz")
    results = webkiln.convert(folder / f"{name}.onnx").run({"X": stored["X"]})
    np.testing.assert_array_equal(results["label"].ravel(), stored["pred"])
    np.testing.assert_allclose(results["probabilities"], stored["proba"], atol=1e-6)
