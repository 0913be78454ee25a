"""Counting n-grams of tokens that are numbers."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers

COMPARISONS_LIMIT = 2**24
DISTANCES_LIMIT = 256  # each is computed by nodes of its own


@lowers("TfIdfVectorizer")
def tf_idf_vectorizer(call: Call) -> Typed:
    """How often each n-gram of a pool is found in rows of tokens [C] or [N, C], whose tokens may stand 1 to `max_skip_count` + 1 apart: [columns] or [N, columns].

    `IDF`: the weight of the n-gram where there is any; `TFIDF`: the weight times the count. Weights are in the order of the pool, as the specification and
    ONNX Runtime have it, and not in that of the columns.
    """
    if call.texts("pool_strings"):
        raise Refused("tokens that are words")
    mode = call.choice("mode", "TF", "IDF", "TFIDF")
    columns, weights = call.integers("ngram_indexes"), call.floats("weights")
    width = max(columns, default=-1) + 1
    if width < 1 or min(columns) < 0 or len(weights) not in (0, len(columns)):
        call.fail(f"its ngram_indexes {columns} and {len(weights)} weights do not fit together")
    if weights and mode != "TF" and len(set(columns)) < len(columns):
        raise Refused("n-grams that share a column and have weights")
    if width * len(columns) > COMPARISONS_LIMIT:
        raise Refused(f"{len(columns)} n-grams counted in {width} columns")
    flat = call.rank(0, 1, 2) == 1
    tokens = call.wide(call.value(0))
    tokens = call.reshape(tokens, [1, *call.shape(0)]) if flat else tokens
    total = call.node("expand", [call.constant(np.zeros((1, 1), np.float32))], shape=[call.builder.shape(tokens)[0], width])
    for size, grams in _pool(call, columns).items():
        distances = range(1, call.integer("max_skip_count", 0) + 2) if size > 1 else [1]
        table = np.zeros((len(grams), width), np.float32)
        table[np.arange(len(grams)), list(grams.values())] = 1
        for distance in distances:
            found = _matches(call, tokens, np.array(list(grams), np.int64), distance)
            if not found:
                break
            if distance > DISTANCES_LIMIT:
                raise Refused(f"tokens that stand up to {distances[-1]} apart")
            total = call.node("add", [total, call.node("matmul", [found, call.constant(table)])])
    if mode == "IDF":
        total = call.cast(call.node("greater", [total, call.like(0.0, total)]), "f32")
    if weights and mode != "TF":
        spread = np.zeros(width, np.float32)
        spread[columns] = weights
        total = call.node("mul", [total, call.constant(spread)])
    return Typed(call.reshape(total, [width]) if flat else total, "float32")


def _pool(call: Call, columns: list[int]) -> dict[int, dict[tuple[int, ...], int]]:
    """By size, the n-grams that are asked for and their columns; the last of equal ones counts."""
    pool, starts = call.integers("pool_int64s"), call.integers("ngram_counts")
    least, most = call.integer("min_gram_length", 0), call.integer("max_gram_length", 0)
    found: dict[int, dict[tuple[int, ...], int]] = {}
    number = 0
    for size, (start, end) in enumerate(zip(starts, [*starts[1:], len(pool)], strict=True), 1):
        if not 0 <= start <= end <= len(pool) or (end - start) % size:
            call.fail(f"its ngram_counts {starts} do not divide a pool of {len(pool)} numbers")
        grams = [tuple(pool[at : at + size]) for at in range(start, end, size)]
        if number + len(grams) > len(columns):
            call.fail(f"its pool has more n-grams than the {len(columns)} ngram_indexes")
        if least <= size <= most and grams:
            found[size] = dict(zip(grams, columns[number:], strict=False))
        number += len(grams)
    return found


def _matches(call: Call, tokens: str, grams: np.ndarray, distance: int) -> str:
    """How often each of [P, n] stands in each row, its tokens so far apart: [N, P] (f32); "" where rows are too short."""
    batch, length = call.builder.shape(tokens)
    count = length - distance * (grams.shape[1] - 1)
    if count < 1:
        return ""
    if not isinstance(count, int) or count * len(grams) > COMPARISONS_LIMIT:
        raise Refused(f"{len(grams)} n-grams sought at {count} places")
    all_equal = ""
    for i in range(grams.shape[1]):
        token = call.reshape(part(call, tokens, 1, i * distance, count), [batch, count, 1])
        equal = call.node("equal", [token, call.constant(grams[:, i])])
        all_equal = call.node("logical_and", [all_equal, equal]) if all_equal else equal
    return call.node("reduce_sum", [call.cast(all_equal, "f32")], axes=[1], keep_dims=False)
