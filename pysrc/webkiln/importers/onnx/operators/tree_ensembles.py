"""Ensembles of decision trees (ai.onnx.ml): all trees are walked at once, a level a step.

Features and thresholds in float64 become float32, rounded alike: what is equal stays equal, and what differs only beyond float32 becomes so.
"""

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
_MEMBER = "BRANCH_MEMBER"
# The modes, kinds of sums and what is done after as `TreeEnsemble` numbers them.
_MODE_NUMBERS = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", _MEMBER)
_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees in one list; a leaf leads to itself.

    `roots`: the first node of each tree. `levels`: steps from a root to the deepest leaf. `members`: for each node the numbers that lead to its
    true branch, filled up with NaN, where there are such nodes.
    """

    features: np.ndarray
    thresholds: np.ndarray
    modes: list[str]
    on_true: np.ndarray
    on_false: np.ndarray
    missing_is_true: np.ndarray
    roots: np.ndarray
    levels: int
    members: np.ndarray | None = None


Places = dict[tuple[int, int], int]
"""The node of a number in a tree, in the list of all."""


def _read(call: Call) -> tuple[Trees, Places]:
    trees, ids = call.integers("nodes_treeids"), call.integers("nodes_nodeids")
    modes, thresholds = call.texts("nodes_modes"), call.floats("nodes_values")
    if (given := call.tensor("nodes_values_as_tensor")) is not None:
        thresholds = given[0].reshape(-1).tolist()
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
    trees_read = Trees(
        features, np.where(leaves, 0, thresholds), modes, np.array(on_true), np.array(on_false), np.array(missing), np.array(roots),
        _levels(call, roots, on_true, on_false),
    )  # fmt: skip
    return trees_read, places


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
        if mode not in _MODES and trees.members is None:
            raise Refused(f"nodes of the mode {mode}")
    for _ in range(trees.levels):
        values = picked_along(call, x, of_nodes(trees.features.astype(np.int32), at), 1)
        limits = of_nodes(trees.thresholds.astype(np.float32), at)
        is_true = ""
        for mode in kinds:
            if mode == _MEMBER and trees.members is not None:
                wide = call.reshape(values, [*call.builder.shape(values), 1])
                found = call.cast(call.node("equal", [wide, of_nodes(trees.members, at)]), "i32")
                holds = call.node("greater", [call.node("reduce_sum", [found], axes=[2], keep_dims=False), call.like(0, found)])
            else:
                holds = call.node(_MODES[mode], [values, limits])
            chosen = of_nodes(np.array([one == mode for one in trees.modes]), at) if is_true else ""
            is_true = call.node("where", [chosen, holds, is_true]) if is_true else holds
        if trees.missing_is_true.any():
            is_missing = call.node("logical_and", [call.node("is_nan", [values]), of_nodes(trees.missing_is_true != 0, at)])
            is_true = call.node("logical_or", [is_missing, is_true])
        at = call.node("where", [is_true, of_nodes(trees.on_true.astype(np.int32), at), of_nodes(trees.on_false.astype(np.int32), at)])
    return at


def _base(call: Call) -> list[float]:
    given = call.tensor("base_values_as_tensor")
    return call.floats("base_values") if given is None else [float(number) for number in given[0].reshape(-1)]


def _weights(call: Call, places: Places, prefix: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """What each node gives each of the columns, [nodes, columns], and which of them it gives something to."""
    names = [f"{prefix}_{what}" for what in ("treeids", "nodeids", "ids")]
    tree, node, column = (call.integers(name) for name in names)
    weights = call.floats(f"{prefix}_weights")
    if (given_weights := call.tensor(f"{prefix}_weights_as_tensor")) is not None:
        weights = given_weights[0].reshape(-1).tolist()
    if len({len(tree), len(node), len(column), len(weights)}) != 1 or not weights:
        call.fail(f"{', '.join(names)} and {prefix}_weights have different lengths, or none")
    table, given = np.zeros((len(places), columns), np.float32), np.zeros((len(places), columns), bool)
    for key, target, weight in zip(zip(tree, node, strict=True), column, weights, strict=True):
        if key not in places or not 0 <= target < columns:
            call.fail(f"a weight belongs to node {key[1]} of tree {key[0]} and column {target}, which do not exist")
        table[places[key], target] += np.float32(weight)
        given[places[key], target] = True
    return table, given


def _rows(call: Call) -> str:
    """The features as floats, a row a sample."""
    x = call.cast(call.value(0), "f32")
    shape = call.builder.shape(x)
    if len(shape) == 1:
        return call.reshape(x, [1, shape[0]])
    return x if len(shape) == 2 else call.fail(f"its input has rank {len(shape)}, expected [samples, features]")


def _aggregated(call: Call, trees: Trees, table: np.ndarray, aggregate: str) -> str:
    """What the leaves that the rows reach give to each target, [nodes, targets], together: [N, targets]."""
    if aggregate in ("MIN", "MAX") and table.shape[1] != 1:
        raise Refused(f"{aggregate} over {table.shape[1]} targets: not every leaf need have one")
    leaves = call.node("gather", [call.constant(table), _walk(call, _rows(call), trees)], axis=0)
    kind = {"SUM": "reduce_sum", "AVERAGE": "reduce_mean", "MIN": "reduce_min", "MAX": "reduce_max"}[aggregate]
    return call.node(kind, [leaves], axes=[1], keep_dims=False)


@lowers("TreeEnsemble", domain="ai.onnx.ml")
def tree_ensemble(call: Call) -> str:
    """Lists of inner nodes and of leaves, numbered apart."""
    nodes = [call.integers(f"nodes_{name}") for name in ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs")]
    features, targets, roots = nodes[0], call.integers("leaf_targetids"), call.integers("tree_roots")
    splits, modes, weights = (_numbers(call, name) for name in ("nodes_splits", "nodes_modes", "leaf_weights"))
    count, missing = len(features), call.integers("nodes_missing_value_tracks_true") or [0] * len(features)
    if {*map(len, nodes), splits.size, modes.size, len(missing)} != {count} or weights.size != len(targets) or not roots or not targets:
        call.fail(f"its lists of nodes, or of {len(targets)} leaves, have different lengths, or it has no tree")
    leads = [[target + count * (is_leaf != 0) for target, is_leaf in zip(*ends, strict=True)] for ends in ((nodes[1], nodes[3]), (nodes[2], nodes[4]))]
    ends = [(0, count + len(targets)) if is_leaf is None else (count, count + len(targets)) if is_leaf else (0, count) for is_leaf in [*nodes[3], *nodes[4]]]
    if any(not low <= at < high for at, (low, high) in zip([*leads[0], *leads[1]], ends, strict=True)) or not all(0 <= root < count for root in roots):
        call.fail("one of its nodes leads to a node or leaf that does not exist")
    if not all(0 <= mode < len(_MODE_NUMBERS) for mode in modes.tolist()):
        call.fail(f"its nodes_modes {sorted(set(modes.tolist()))} are not all known")
    leaves, width = range(count, count + len(targets)), call.integer("n_targets", max(targets) + 1)
    names = [_MODE_NUMBERS[mode] for mode in modes.tolist()]
    on_true, on_false = ([*lead, *leaves] for lead in leads)
    none = [0] * len(targets)
    trees = Trees(
        np.array([*features, *none]), np.array([*splits.tolist(), *none]), [*names, *["LEAF"] * len(targets)], np.array(on_true), np.array(on_false),
        np.array([*missing, *none]), np.array(roots), _levels(call, roots, on_true, on_false), _members(call, names, roots, leads, len(leaves)),
    )  # fmt: skip
    if min(targets) < 0 or max(targets) >= width:
        call.fail(f"its leaves belong to targets up to {max(targets)} of {width}")
    table = np.zeros((count + len(targets), width), np.float32)
    table[np.array(leaves), targets] = weights
    aggregate, after = call.integer("aggregate_function", 1), call.integer("post_transform", 0)
    if not 0 <= aggregate < len(_AGGREGATES) or not 0 <= after < len(_TRANSFORMS):
        call.fail(f"its aggregate_function {aggregate} or post_transform {after} is not known")
    return transformed(call, _aggregated(call, trees, table, _AGGREGATES[aggregate]), _TRANSFORMS[after])


def _numbers(call: Call, name: str) -> np.ndarray:
    """An attribute that is a tensor."""
    array, _ = call.tensor(name) or (np.zeros(0, np.float32), "float32")
    return array.reshape(-1)


def _members(call: Call, modes: list[str], roots: list[int], leads: list[list[int]], leaves: int) -> np.ndarray | None:
    """The numbers of each node that asks whether its feature is one of them: runs in the order in which trees are read, each ended by NaN."""
    if _MEMBER not in modes:
        return None
    runs: list[list[float]] = [[]]
    for number in _numbers(call, "membership_values").tolist():
        if np.isnan(number):
            runs.append([])
        else:
            runs[-1].append(number)
    order: list[int] = []
    seen: set[int] = set()

    def read(node: int) -> None:
        if node >= len(modes):
            return
        if node in seen:
            call.fail(f"its node {node} stands in two places")
        seen.add(node)
        order.extend([node] * (modes[node] == _MEMBER))
        read(leads[0][node])
        read(leads[1][node])

    for root in roots:
        read(root)
    if len(order) != len(runs) - 1 or runs[-1]:
        call.fail(f"membership_values has {len(runs) - 1} runs for {len(order)} nodes")
    table = np.full((len(modes) + leaves, max(map(len, runs)) or 1), np.nan, np.float32)
    for node, members in zip(order, runs, strict=False):
        table[node, : len(members)] = members
    return table


@lowers("TreeEnsembleRegressor", domain="ai.onnx.ml")
def tree_ensemble_regressor(call: Call) -> str:
    (trees, places), targets = _read(call), call.integer("n_targets", 1)
    table, _ = _weights(call, places, "target", targets)
    scores = _aggregated(call, trees, table, call.choice("aggregate_function", "SUM", "AVERAGE", "MIN", "MAX"))
    if base := _base(call):
        scores = call.node("add", [scores, call.constant(np.array(base, np.float32))])
    return transformed(call, scores, call.text("post_transform", "NONE"))


@lowers("TreeEnsembleClassifier", domain="ai.onnx.ml")
def tree_ensemble_classifier(call: Call) -> list[str | Typed]:
    """Label and scores. Of two classes only one has weights, as sums that decide between both; what the other's score is, is ONNX Runtime's choice."""
    (trees, places), labels = _read(call), class_labels(call, "classlabels_int64s", "classlabels_strings")
    table, given = _weights(call, places, "class", len(labels))
    base, post = _base(call), call.text("post_transform", "NONE")
    used = [column for column in range(len(labels)) if given[:, column].any()]
    is_binary = len(labels) == 2
    if is_binary and len(used) != 1:
        # Both runtimes give the sums as scores; they differ in the labels, and in what is done with base values.
        if call.wants(0) or base:
            raise Refused("labels or base values of two classes which both have weights: runtimes differ in what they mean", "Use the scores only, or three classes")
        is_binary = False
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
