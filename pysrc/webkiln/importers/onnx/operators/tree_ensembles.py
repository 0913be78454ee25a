"""Ensembles of decision trees (ai.onnx.ml): all trees are walked at once, a level a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.indexing import picked_along
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.scores import class_labels, labelled, transformed
from webkiln.importers.onnx.registry import lowers

MOST_LEVELS = 256

# The mode of a node → the comparison that leads to its true branch.
_MODES = {
    "BRANCH_LEQ": "less_equal",
    "BRANCH_LT": "less",
    "BRANCH_GTE": "greater_equal",
    "BRANCH_GT": "greater",
    "BRANCH_EQ": "equal",
    "BRANCH_NEQ": "not_equal",
}


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees in one list; a leaf leads to itself. `roots`: the first node of each tree. `levels`: steps from a root to the deepest leaf."""

    features: np.ndarray
    thresholds: np.ndarray
    modes: list[str]
    on_true: np.ndarray
    on_false: np.ndarray
    missing_is_true: np.ndarray
    roots: np.ndarray
    levels: int
    places: dict[tuple[int, int], int]


def _read(call: Call) -> Trees:
    if call.given("nodes_values_as_tensor"):
        raise Refused("thresholds in float64")
    trees, ids = call.integers("nodes_treeids"), call.integers("nodes_nodeids")
    modes, thresholds = call.texts("nodes_modes"), call.floats("nodes_values")
    columns = {name: call.integers(f"nodes_{name}") for name in ("featureids", "truenodeids", "falsenodeids")}
    count = len(ids)
    lengths = {len(trees), len(modes), len(thresholds), *(len(column) for column in columns.values())}
    if lengths != {count} or not count:
        call.fail(f"its lists of nodes have the lengths {sorted(lengths | {count})}; expected one length, above 0")
    places = {key: i for i, key in enumerate(zip(trees, ids, strict=True))}
    if len(places) != count:
        call.fail("two of its nodes have the same number in the same tree")
    leaves = [mode == "LEAF" for mode in modes]

    def child(column: str, i: int) -> int:
        key = (trees[i], columns[column][i])
        if leaves[i]:
            return i
        if key not in places:
            call.fail(f"node {ids[i]} of tree {trees[i]} leads to node {key[1]}, which does not exist")
        return places[key]

    on_true, on_false = ([child(column, i) for i in range(count)] for column in ("truenodeids", "falsenodeids"))
    reached = {target for i in range(count) if not leaves[i] for target in (on_true[i], on_false[i])}
    roots = [next((places[key] for key in places if key[0] == tree and places[key] not in reached), -1) for tree in dict.fromkeys(trees)]
    if -1 in roots:
        call.fail("one of its trees has no root: its nodes lead to each other in a circle")
    missing = call.integers("nodes_missing_value_tracks_true") or [0] * count
    if len(missing) != count:
        call.fail(f"nodes_missing_value_tracks_true has {len(missing)} entries for {count} nodes")
    features = np.where(leaves, 0, columns["featureids"])
    return Trees(
        features, np.where(leaves, 0, thresholds), modes, np.array(on_true), np.array(on_false), np.array(missing), np.array(roots),
        _levels(call, roots, on_true, on_false), places,
    )  # fmt: skip


def _levels(call: Call, roots: list[int], on_true: list[int], on_false: list[int]) -> int:
    level, front = 0, set(roots)
    while front := {target for i in front for target in (on_true[i], on_false[i]) if target != i}:
        level += 1
        if level > MOST_LEVELS:
            raise Refused(f"trees of more than {MOST_LEVELS} levels, or with a circle")
    return level


def _walk(call: Call, x: str, trees: Trees) -> str:
    """The leaf that each row of x [N, F] reaches in each tree: numbers of nodes [N, trees] (i32)."""
    rows, columns = call.builder.shape(x)
    if isinstance(columns, int) and (trees.features.min() < 0 or trees.features.max() >= columns):
        call.fail(f"it reads feature {trees.features.max()} of {columns}")

    def of_nodes(array: np.ndarray, at: str) -> str:
        return call.node("gather", [call.constant(array), at], axis=0)

    at = call.node("expand", [call.constant(trees.roots.astype(np.int32))], shape=[rows, len(trees.roots)])
    kinds = [mode for mode in dict.fromkeys(trees.modes) if mode != "LEAF"]
    for mode in kinds:
        if mode not in _MODES:
            raise Refused(f"nodes of the mode {mode}")
    for _ in range(trees.levels):
        values = picked_along(call, x, of_nodes(trees.features.astype(np.int32), at), 1)
        limits = of_nodes(trees.thresholds.astype(np.float32), at)
        is_true = call.node(_MODES[kinds[0]], [values, limits])
        for mode in kinds[1:]:
            chosen = of_nodes(np.array([one == mode for one in trees.modes]), at)
            is_true = call.node("where", [chosen, call.node(_MODES[mode], [values, limits]), is_true])
        if trees.missing_is_true.any():
            is_missing = call.node("logical_and", [call.node("is_nan", [values]), of_nodes(trees.missing_is_true != 0, at)])
            is_true = call.node("logical_or", [is_missing, is_true])
        at = call.node("where", [is_true, of_nodes(trees.on_true.astype(np.int32), at), of_nodes(trees.on_false.astype(np.int32), at)])
    return at


def _weights(call: Call, trees: Trees, prefix: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """What each node gives each of the columns, [nodes, columns], and which of them it gives something to."""
    names = [f"{prefix}_{what}" for what in ("treeids", "nodeids", "ids")]
    tree, node, column = (call.integers(name) for name in names)
    weights = call.floats(f"{prefix}_weights")
    if len({len(tree), len(node), len(column), len(weights)}) != 1 or not weights:
        call.fail(f"{', '.join(names)} and {prefix}_weights have different lengths, or none")
    table, given = np.zeros((len(trees.places), columns), np.float32), np.zeros((len(trees.places), columns), bool)
    for key, target, weight in zip(zip(tree, node, strict=True), column, weights, strict=True):
        if key not in trees.places or not 0 <= target < columns:
            call.fail(f"a weight belongs to node {key[1]} of tree {key[0]} and column {target}, which do not exist")
        table[trees.places[key], target] += np.float32(weight)
        given[trees.places[key], target] = True
    return table, given


def _rows(call: Call) -> str:
    """The features as floats, a row a sample."""
    x = call.cast(call.value(0), "f32")
    shape = call.builder.shape(x)
    if len(shape) == 1:
        return call.reshape(x, [1, shape[0]])
    return x if len(shape) == 2 else call.fail(f"its input has rank {len(shape)}, expected [samples, features]")


@lowers("TreeEnsembleRegressor", domain="ai.onnx.ml")
def tree_ensemble_regressor(call: Call) -> str:
    trees, targets = _read(call), call.integer("n_targets", 1)
    table, _ = _weights(call, trees, "target", targets)
    aggregate = call.choice("aggregate_function", "SUM", "AVERAGE", "MIN", "MAX")
    if aggregate in ("MIN", "MAX") and targets != 1:
        raise Refused(f"{aggregate} over {targets} targets: not every leaf need have one")
    leaves = call.node("gather", [call.constant(table), _walk(call, _rows(call), trees)], axis=0)
    kind = {"SUM": "reduce_sum", "AVERAGE": "reduce_mean", "MIN": "reduce_min", "MAX": "reduce_max"}[aggregate]
    scores = call.node(kind, [leaves], axes=[1], keep_dims=False)
    if base := call.floats("base_values"):
        scores = call.node("add", [scores, call.constant(np.array(base, np.float32))])
    return transformed(call, scores, call.text("post_transform", "NONE"))


@lowers("TreeEnsembleClassifier", domain="ai.onnx.ml")
def tree_ensemble_classifier(call: Call) -> list[str | Typed]:
    """Label and scores. Of two classes only one has weights, as sums that decide between both; what the other's score is, is ONNX Runtime's choice."""
    trees, labels = _read(call), class_labels(call, "classlabels_int64s", "classlabels_strings")
    table, given = _weights(call, trees, "class", len(labels))
    base, post = call.floats("base_values"), call.text("post_transform", "NONE")
    used = [column for column in range(len(labels)) if given[:, column].any()]
    is_binary = len(labels) == 2
    if is_binary and len(used) != 1:
        raise Refused("two classes which both have weights: runtimes differ in what they mean")
    at = _walk(call, _rows(call), trees)
    leaves = call.node("gather", [call.constant(table[:, used] if is_binary else table), at], axis=0)
    scores = call.node("reduce_sum", [leaves], axes=[1], keep_dims=False)
    if base:
        if len(base) != (1 if is_binary else len(labels)):
            raise Refused(f"{len(base)} base values for {len(labels)} classes")
        scores = call.node("add", [scores, call.constant(np.array(base, np.float32))])
    if not is_binary:
        return labelled(call, scores, labels, transformed(call, scores, post))
    # All weights positive: the score is a probability; else it is signed, and the other class has its negative.
    is_probability = bool((table >= 0).all())
    is_second = call.node("greater", [scores, call.like(0.5 if is_probability else 0.0, scores)])
    positions = call.reshape(call.cast(is_second, "i32"), call.builder.shape(scores)[:1])
    label = Typed(call.node("gather", [call.constant(labels), positions], axis=0), "int64")
    if used == [1]:
        zero = call.node("expand", [call.like(0.0, scores)], shape=call.builder.shape(scores))
        return [label, transformed(call, call.node("concat", [zero, scores], axis=1), post)]
    opposite = call.node("neg", [scores])
    if post == "LOGISTIC":
        return [label, transformed(call, call.node("concat", [opposite, scores], axis=1), post)]
    other = call.node("add", [opposite, call.like(1.0, scores)]) if is_probability else opposite
    return [label, call.node("concat", [other, scores], axis=1)]
