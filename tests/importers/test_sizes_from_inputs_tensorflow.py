"""Sizes, axes, steps and blocks that TFLite and TensorFlow.js models read from their inputs: one conversion, any values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tfjs_writer
import tflite_writer
import webkiln
from webkiln.errors import InputError

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
PICTURE = np.arange(48, dtype=np.float32).reshape(1, 4, 6, 2)
BATCHES = np.arange(96, dtype=np.float32).reshape(12, 2, 2, 2)
WHOLE = np.arange(48, dtype=np.int32).reshape(2, 4, 6) - 20
TIMES = np.array([[3, 0], [1, 2], [9, -1]], np.int32)
PLACES = np.array([[0, 1], [1, 0], [0, 1]], np.int32)
UPDATES = np.arange(12, dtype=np.float32).reshape(3, 4)
ON, OFF = np.array(5, np.float32), np.array(-1, np.float32)
Array = Any


class Case(NamedTuple):
    """An operator by its names in both formats, its options in each, the inputs that come first, the integers that follow (of several
    runs), constants that come last, and what results from all of them. `bad`: integers that a run refuses."""

    tflite: str
    tensorflow: str
    options: dict[str, Any] | None
    attributes: dict[str, Any]
    before: list[Array]
    runs: list[list[Array]]
    after: list[Array]
    expected: Callable[..., Array | list[Array]]
    bad: Sequence[list[Array]] = ()


def i32(*numbers: int) -> Array:
    return np.array(numbers, np.int32)


def whole(number: int) -> Array:
    return np.array(number, np.int32)


def cut(x: Array, begin: Array, end: Array, step: Array) -> Array:
    return x[tuple(slice(*one) for one in zip(begin, end, step, strict=True))]


def blocked(x: Array, blocks: Array, paddings: Array) -> Array:
    x = np.pad(x, [(0, 0), *map(tuple, paddings), (0, 0)])
    (b, c), (n, h, w, d) = blocks, x.shape
    return x.reshape(n, h // b, b, w // c, c, d).transpose(2, 4, 0, 1, 3, 5).reshape(n * b * c, h // b, w // c, d)


def unblocked(x: Array, blocks: Array, crops: Array) -> Array:
    (b, c), (n, h, w, d) = blocks, x.shape
    y = x.reshape(b, c, n // (b * c), h, w, d).transpose(2, 3, 0, 4, 1, 5).reshape(n // (b * c), h * b, w * c, d)
    return y[:, crops[0][0] : h * b - crops[0][1], crops[1][0] : w * c - crops[1][1]]


def scattered(places: Array, updates: Array, shape: Array) -> Array:
    y = np.zeros(shape, np.float32)
    np.add.at(y, tuple(places.T), updates)
    return y


def hot(indices: Array, depth: Array, on: Array, off: Array) -> Array:
    return np.where(indices[..., None] == np.arange(depth), on, off)


def divided(x: Array, sizes: Array, axis: Array) -> list[Array]:
    rest = x.shape[axis] - sizes[sizes >= 0].sum()
    return np.split(x, np.cumsum(np.where(sizes < 0, rest, sizes))[:-1], axis)


def mean(x: Array, axes: Array) -> Array:
    total = x.sum(tuple(axes))
    return np.trunc(total / (x.size / total.size)).astype(np.int32)


def strided(begin: int = 0, end: int = 0, shrink: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    tflite = {"table": "StridedSliceOptions", "begin_mask": begin, "end_mask": end, "shrink_axis_mask": shrink}
    return tflite, {"begin_mask": begin, "end_mask": end, "shrink_axis_mask": shrink}


STEPS = [
    [i32(*begin), i32(*end), i32(*step)]
    for begin, end, step in (
        ((0, 0, 0), (2, 3, 4), (1, 1, 1)),
        ((-1, 9, 3), (-9, -9, 0), (-1, -2, -3)),
        ((1, 0, -1), (9, 9, -9), (7, 2, -1)),
        ((1, 2, 2), (1, 0, 4), (1, 1, 9)),
    )
]
CASES: dict[str, Case] = {
    "expand_dims": Case("EXPAND_DIMS", "ExpandDims", None, {}, [X], [[whole(at)] for at in range(-4, 4)], [], lambda x, at: np.expand_dims(x, at), [[whole(4)], [whole(-5)]]),
    "transpose": Case(
        "TRANSPOSE", "Transpose", None, {}, [X], [[i32(*order)] for order in itertools.permutations(range(3))] + [[i32(-1, 0, -2)]], [],
        lambda x, order: x.transpose(order), [[i32(0, 0, 1)], [i32(0, 1, -2)], [i32(0, 1, 3)]],
    ),
    "strided_slice": Case("STRIDED_SLICE", "StridedSlice", *strided(), [X], STEPS, [], cut, [[i32(0, 0, 0), i32(2, 3, 4), i32(1, 0, 1)]]),
    "strided_slice, open": Case(
        "STRIDED_SLICE", "StridedSlice", *strided(begin=1, end=2), [X], STEPS, [],
        lambda x, b, e, s: x[slice(None, e[0], s[0]), slice(b[1], None, s[1]), slice(b[2], e[2], s[2])],
    ),
    "strided_slice, one position": Case(
        "STRIDED_SLICE", "StridedSlice", *strided(shrink=4), [X], STEPS, [], lambda x, b, e, s: x[slice(b[0], e[0], s[0]), slice(b[1], e[1], s[1]), b[2]],
    ),
    "space_to_batch": Case(
        "SPACE_TO_BATCH_ND", "SpaceToBatchND", None, {}, [PICTURE],
        [[i32(b, c), np.array(p, np.int32)] for b, c, p in ((1, 1, [[0, 0], [0, 0]]), (2, 3, [[0, 0], [0, 0]]), (3, 4, [[1, 1], [2, 0]]))],
        [], blocked, [[i32(2, 4), np.zeros((2, 2), np.int32)], [i32(0, 1), np.zeros((2, 2), np.int32)], [i32(-1, 1), np.zeros((2, 2), np.int32)]],
    ),
    "batch_to_space": Case(
        "BATCH_TO_SPACE_ND", "BatchToSpaceND", None, {}, [BATCHES],
        [[i32(b, c), np.array(p, np.int32)] for b, c, p in ((1, 1, [[0, 0], [0, 0]]), (2, 3, [[1, 0], [0, 2]]), (1, 4, [[0, 0], [3, 1]]))],
        [], unblocked, [[i32(5, 1), np.zeros((2, 2), np.int32)], [i32(2, 2), np.array([[3, 3], [0, 0]], np.int32)]],
    ),
    "scatter": Case(
        "SCATTER_ND", "ScatterNd", None, {}, [PLACES, UPDATES], [[i32(2, 2, 4)], [i32(5, 3, 4)]], [], scattered, [[i32(2, 2, 3)], [i32(2, -2, 4)]],
    ),
    "one_hot": Case(
        "ONE_HOT", "OneHot", {"table": "OneHotOptions", "axis": -1}, {"axis": -1}, [TIMES], [[whole(depth)] for depth in (4, 10, 1, 0)], [ON, OFF], hot, [[whole(-1)]],
    ),
    "range": Case(
        "RANGE", "Range", None, {}, [], [[whole(a), whole(b), whole(c)] for a, b, c in ((0, 5, 1), (-3, 9, 4), (7, -2, -3), (2, 2, 1), (1, 9, -1))],
        [], lambda *ends: np.arange(*ends, dtype=np.int32), [[whole(0), whole(5), whole(0)]],
    ),
    "split": Case(
        "SPLIT_V", "SplitV", {"table": "SplitVOptions", "count": 3}, {}, [WHOLE], [[i32(1, 2, 1)], [i32(4, 0, 0)], [i32(-1, 1, 1)], [i32(0, -1, 1)]], [whole(1)],
        divided, [[i32(1, 1, 1)], [i32(-1, -1, 2)], [i32(3, -2, 3)], [i32(5, -1, 0)]],
    ),
    "mean": Case(
        "MEAN", "Mean", {"table": "ReducerOptions", "keep_dims": False}, {}, [WHOLE], [[i32(0, 1)], [i32(2, 0)], [i32(-2, -1)]], [], mean, [[i32(0, 0)], [i32(0, 3)]],
    ),
}  # fmt: skip


def results(case: Case, given: list[Array]) -> list[Array]:
    found = case.expected(*case.before, *given, *case.after)
    return found if isinstance(found, list) else [found]


def tflite_model(case: Case, folder: Path) -> webkiln.Model:
    arrays = [*case.before, *case.runs[0], *case.after]
    given = len(arrays) - len(case.after)
    outputs = results(case, case.runs[0])
    tensors = [tflite_writer.Tensor(f"i{i}", array.shape, array.dtype.name, array if i >= given else None) for i, array in enumerate(arrays)]
    tensors += [tflite_writer.Tensor(f"o{i}", array.shape, array.dtype.name) for i, array in enumerate(outputs)]
    made = list(range(len(arrays), len(tensors)))
    operator = tflite_writer.Operator(case.tflite, list(range(len(arrays))), made, case.options)
    path = folder / "model.tflite"
    path.write_bytes(tflite_writer.Model(tensors, [operator], list(range(given)), made).encode())
    return webkiln.convert(path)


def tensorflow_model(case: Case, folder: Path) -> webkiln.Model:
    given = [*case.before, *case.runs[0]]
    nodes = [tfjs_writer.placeholder(f"i{i}", array.dtype.name, array.shape) for i, array in enumerate(given)]
    weights = [tfjs_writer.weight(f"i{len(given) + i}", array) for i, array in enumerate(case.after)]
    nodes.append(tfjs_writer.node("o", case.tensorflow, [f"i{i}" for i in range(len(given) + len(case.after))], **case.attributes))
    outputs = results(case, case.runs[0])
    ports = {f"o{i}": tfjs_writer.port(f"o:{i}", array.dtype.name, array.shape) for i, array in enumerate(outputs)}
    inputs = {f"i{i}": tfjs_writer.port(f"i{i}:0", array.dtype.name, array.shape) for i, array in enumerate(given)}
    return webkiln.convert(tfjs_writer.write(folder / "source", nodes, weights, inputs=inputs, outputs=ports))


MODELS = {"tflite": tflite_model, "tfjs": tensorflow_model}


@pytest.mark.parametrize("source", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_one_conversion_serves_all_values(name: str, source: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    case = CASES[name]
    model = MODELS[source](case, tmp_path)
    for given in case.runs:
        feeds = {f"i{i}": array for i, array in enumerate([*case.before, *given])}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            for one, expected in zip(found.values(), results(case, given), strict=True):
                np.testing.assert_array_equal(one, expected, strict=True)
    for given in case.bad:
        feeds = {f"i{i}": array for i, array in enumerate([*case.before, *given])}
        for run in (model.run, lambda feeds: node_session.run(model, feeds)):
            with pytest.raises(InputError):
                run(feeds)


def test_sizes_are_computed_from_the_elements_of_inputs(tmp_path: Path, node_session: webkiln.Session) -> None:
    """A unit matrix of as many rows and columns as two inputs say, as TensorFlow writes it."""
    Tensor, Operator = tflite_writer.Tensor, tflite_writer.Operator
    tensors = [
        Tensor("rows", (), "int32"),
        Tensor("columns", (), "int32"),
        Tensor("one", (1,), "int32", i32(1)),
        Tensor("ones", (), "float32", np.array(1, np.float32)),
        Tensor("zeros", (), "float32", np.array(0, np.float32)),
        Tensor("least", (), "int32"),
        Tensor("length", (1,), "int32"),
        Tensor("diagonal", (1,), signature=(-1,)),
        Tensor("sizes", (2,), "int32"),
        Tensor("matrix", (1, 1), signature=(-1, -1)),
        Tensor("eye", (1, 1), signature=(-1, -1)),
    ]
    operators = [
        Operator("MINIMUM", [0, 1], [5]),
        Operator("RESHAPE", [5, 2], [6]),
        Operator("FILL", [6, 3], [7]),
        Operator("PACK", [0, 1], [8], {"table": "PackOptions", "count": 2, "axis": 0}),
        Operator("FILL", [8, 4], [9]),
        Operator("MATRIX_SET_DIAG", [9, 7], [10]),
    ]
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite_writer.Model(tensors, operators, [0, 1], [10]).encode())
    model = webkiln.convert(path)
    for rows, columns in ((3, 5), (5, 3), (1, 1), (4, 4), (0, 2)):
        feeds = {"rows": whole(rows), "columns": whole(columns)}
        for found in (model.run(feeds), node_session.run(model, feeds)):
            np.testing.assert_array_equal(found["eye"], np.eye(rows, columns, dtype=np.float32), strict=True)
    with pytest.raises(InputError):
        model.run({"rows": whole(-1), "columns": whole(2)})
