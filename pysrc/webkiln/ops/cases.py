"""Test inputs of the structured operators: odd sizes, 0 and 1, ragged channels, NaN and infinities, other dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from webkiln.graph.dtypes import CANONICAL
from webkiln.ops.table import Case

Rng = np.random.Generator
Pair = tuple[int, int]
Cases = Callable[[Rng], Iterator[Case]]


def normal(rng: Rng, shape: Any, special: bool = False) -> np.ndarray:
    values = np.asarray(rng.standard_normal(shape), np.float32)
    if special and values.size:
        flat = values.reshape(-1)
        flat[rng.integers(0, flat.size, max(1, flat.size // 16))] = rng.choice(
            np.array([math.nan, math.inf, -math.inf], np.float32), max(1, flat.size // 16)
        )
    return values


def any_dtype(rng: Rng, shape: Any, dtype: str) -> np.ndarray:
    if dtype == "f32":
        return normal(rng, shape)
    low = -100 if dtype in ("i8", "i32") else 0
    return np.asarray(rng.integers(low, 2 if dtype == "bool" else 100, shape)).astype(CANONICAL[dtype])


def large_integers(rng: Rng, shape: Any) -> np.ndarray:
    """i32, beyond what a float holds exactly; their products wrap."""
    return np.asarray(rng.integers(-(2**31), 2**31, shape)).astype(np.int32)


def conv2d(rng: Rng) -> Iterator[Case]:
    # batch, height, width, channels, kernel, stride, padding, dilation, groups, out channels
    rows: list[tuple[int, int, int, int, Pair, Pair, tuple[int, ...], Pair, int, int]] = [
        (1, 7, 7, 8, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, 16),
        (1, 5, 9, 3, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, 5),
        (2, 6, 5, 7, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1, 9),
        (1, 1, 1, 33, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, 70),
        (1, 16, 16, 3, (3, 3), (2, 2), (0, 0, 1, 1), (1, 1), 1, 16),
        (1, 17, 13, 3, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 1, 24),
        (2, 9, 8, 5, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, 6),
        (1, 12, 11, 4, (5, 5), (2, 2), (1, 2, 2, 1), (1, 1), 1, 12),
        (1, 10, 10, 4, (3, 2), (1, 2), (0, 1, 2, 0), (2, 3), 1, 3),
        (1, 3, 3, 2, (5, 5), (1, 1), (0, 0, 0, 0), (1, 1), 1, 4),  # the window is larger than the picture
        (0, 8, 8, 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, 4),
        (1, 30, 31, 64, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, 40),
        (1, 10, 9, 6, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 2, 8),
        (1, 9, 9, 6, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 6, 12),  # channel multiplier 2
        (1, 1, 100, 3, (1, 7), (1, 3), (0, 3, 0, 3), (1, 1), 1, 5),
    ]
    for channels in (1, 3, 4, 5, 8, 15, 32):
        for kernel in (3, 5):
            for stride in (1, 2):
                size = (2, 6, 7, 11)[channels % 4]
                low, high = (kernel - 1) // 2, kernel // 2
                rows.append((1, size, size + 2, channels, (kernel, kernel), (stride, stride), (low, low, high, high), (1, 1), channels, channels))
    rows += [
        (2, 12, 9, 6, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 6, 6),
        (1, 8, 8, 4, (2, 4), (1, 1), (0, 1, 1, 2), (1, 1), 4, 4),
        (1, 14, 14, 16, (3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 16, 16),
        (1, 1, 1, 8, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 8, 8),
        (1, 15, 15, 7, (7, 7), (3, 3), (3, 3, 3, 3), (1, 1), 7, 7),
    ]
    for number, row in enumerate(rows):
        batch, height, width, channels, window, strides, padding, dilation, groups, out = row
        inputs = [
            normal(rng, (batch, height, width, channels), special=number % 5 == 4),
            normal(rng, (*window, channels // groups, out)),
        ]
        if number % 3 != 2:
            inputs.append(normal(rng, (out,)))
        attributes = {"stride": list(strides), "padding": list(padding), "dilation": list(dilation), "groups": groups}
        yield Case(inputs, attributes)
        if number % 3 == 0:
            yield Case([large_integers(rng, array.shape) for array in inputs], attributes)


def matmul(rng: Rng) -> Iterator[Case]:
    for number, (a, b) in enumerate(
        [
            ((1, 1), (1, 1)), ((1, 7), (7, 5)), ((1, 130), (130, 70)), ((5, 33), (33, 8)), ((49, 64), (64, 33)), ((128, 100), (100, 96)),
            ((0, 4), (4, 3)), ((3, 0), (0, 4)), ((3, 4), (4, 0)),
            ((2, 5, 6), (6, 7)), ((2, 5, 6), (2, 6, 7)), ((4, 1, 5, 6), (3, 6, 2)), ((1, 5, 6), (3, 6, 2)), ((5, 6), (3, 6, 2)),
        ]
    ):  # fmt: skip
        inputs = [normal(rng, a, special=number in (3, 10)), normal(rng, b)]
        yield Case([*inputs, normal(rng, b[-1:])] if number % 2 else inputs)
        integers = [large_integers(rng, shape) for shape in (a, b, b[-1:])]
        yield Case(integers if number % 2 else integers[:2])


def _pool(rng: Rng, special: bool, extra: list[dict[str, Any]]) -> Iterator[Case]:
    for number, (shape, window, stride, padding) in enumerate(
        [
            ((1, 4, 4, 1), (2, 2), (2, 2), (0, 0, 0, 0)),
            ((1, 7, 5, 3), (2, 2), (2, 2), (0, 0, 1, 1)),
            ((2, 9, 9, 5), (3, 3), (2, 2), (1, 1, 1, 1)),
            ((1, 6, 8, 16), (3, 2), (1, 3), (2, 0, 1, 1)),
            ((1, 1, 1, 4), (1, 1), (1, 1), (0, 0, 0, 0)),
            ((1, 1, 1, 1), (2, 3), (2, 2), (1, 1, 0, 1)),
            ((1, 3, 3, 2), (5, 5), (1, 1), (0, 0, 0, 0)),
            ((0, 4, 4, 3), (2, 2), (2, 2), (0, 0, 0, 0)),
            ((1, 14, 14, 9), (14, 14), (1, 1), (0, 0, 0, 0)),
        ]
    ):
        for attributes in extra:
            x = normal(rng, shape, special and number % 3 == 1)
            yield Case([x], {"window": list(window), "stride": list(stride), "padding": list(padding), **attributes})


def max_pool2d(rng: Rng) -> Iterator[Case]:
    yield from _pool(rng, True, [{}])


def average_pool2d(rng: Rng) -> Iterator[Case]:
    yield from _pool(rng, True, [{}, {"count_padding": True}])


def reduce(name: str, integers: bool) -> Cases:
    def cases(rng: Rng) -> Iterator[Case]:
        for dtype in ("f32", "i32") if integers else ("f32",):
            for number, (shape, axes) in enumerate(
                [
                    ((5,), [0]), ((3, 4), [0]), ((3, 4), [1]), ((3, 4), [0, 1]), ((2, 3, 4), []), ((2, 7, 5, 3), [1, 2]),
                    ((2, 3, 4, 5), [0, 2]), ((1, 1, 1), [1]), ((2, 33, 1001), [2]), ((0, 3), [1]), ((3, 4, 9), [2, 0]), ((1, 1000, 17), [1]),
                    ((2, 3, 2, 3, 2), [1, 3]),
                ]
            ):  # fmt: skip
                if dtype == "f32":
                    x = normal(rng, shape, special=number % 4 == 3)
                    x = x * 0.1 + 1 if name == "reduce_prod" else x
                else:
                    x = any_dtype(rng, shape, "i32")
                yield Case([x.astype(CANONICAL[dtype])], {"axes": axes, "keep_dims": number % 2 == 0})
        if name in ("reduce_sum", "reduce_prod"):
            yield Case([np.zeros((3, 0), np.float32)], {"axes": [1], "keep_dims": False})

    return cases


def resize(rng: Rng) -> Iterator[Case]:
    for number, (shape, size) in enumerate(
        [((1, 4, 4, 3), [8, 8]), ((1, 7, 5, 4), [14, 10]), ((2, 5, 9, 1), [3, 4]), ((1, 1, 1, 5), [4, 3]), ((1, 6, 6, 16), [6, 6]), ((1, 3, 2, 8), [1, 1]), ((1, 3, 3, 2), [0, 4]), ((1, 8, 8, 5), [13, 17]),
            ((1, 1, 1, 1), [2, 3]), ((0, 2, 2, 1), [3, 3])]
    ):  # fmt: skip
        for mode in ("linear", "nearest"):
            for coordinates in ("half_pixel", "align_corners", "asymmetric"):
                yield Case(
                    [normal(rng, shape, special=number == 1)],
                    {"size": size, "mode": mode, "coordinates": coordinates, "rounding": ("floor", "round")[number % 2]},
                )


def pad(rng: Rng) -> Iterator[Case]:
    rows: list[tuple[tuple[int, ...], list[int], list[int], list[int]]] = [
        ((3,), [1], [2], [0]),
        ((2, 3), [0, 1], [2, 0], [1, 0]),
        ((1, 5, 5, 3), [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]),
        ((1, 4, 4, 8), [0, 0, 0, 0], [0, 0, 0, 8], [0, 0, 0, 0]),
        ((2, 0, 3), [1, 1, 0], [0, 1, 2], [0, 3, 1]),
        ((), [], [], []),
        ((2, 3, 2, 2, 3), [1, 0, 0, 2, 0], [0, 1, 1, 0, 1], [0, 2, 0, 0, 1]),
    ]
    for dtype in CANONICAL:
        for number, (shape, low, high, interior) in enumerate(rows):
            value = (0.0, 1.0, -math.inf, math.nan)[number % 4] if dtype == "f32" else (0.0, 1.0, -300.7, 3e9, math.nan)[number % 5]
            yield Case([any_dtype(rng, shape, dtype)], {"low": low, "high": high, "interior": interior, "value": value})


def concat(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        rows: list[tuple[list[tuple[int, ...]], int]] = [
            ([(3,), (4,), (1,)], 0),
            ([(1, 5, 4), (1, 7, 4)], 1),
            ([(2, 5, 4), (2, 0, 4), (2, 3, 4)], 1),
            ([(2, 3, 6), (2, 3, 1), (2, 3, 5)], 2),
            ([(1, 4, 4, 3)], 3),
        ]
        for shapes, axis in rows:
            yield Case([any_dtype(rng, shape, dtype) for shape in shapes], {"axis": axis})


def reshape(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        for before, after in [((6,), [2, 3]), ((2, 3, 4), [4, 6]), ((1,), []), ((), [1, 1]), ((0, 3), [3, 0, 2]), ((1, 1, 1, 9), [9])]:
            yield Case([any_dtype(rng, before, dtype)], {"shape": after})


def transpose(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        for shape, permutation in [
            ((3, 5), [1, 0]), ((2, 3, 4), [2, 0, 1]), ((1, 6, 7, 3), [0, 3, 1, 2]), ((2, 3, 4, 2, 3), [4, 2, 0, 3, 1]),
            ((2, 1, 2, 3, 1, 2), [5, 3, 1, 0, 2, 4]), ((4,), [0]), ((), []), ((0, 3), [1, 0]), ((33, 65), [1, 0]), ((1, 4, 4, 2, 2, 3), [0, 1, 3, 2, 4, 5]),
        ]:  # fmt: skip
            yield Case([any_dtype(rng, shape, dtype)], {"permutation": permutation})


def slice_(rng: Rng) -> Iterator[Case]:
    rows: list[tuple[tuple[int, ...], list[int], list[int], list[int]]] = [
        ((9,), [2], [5], [1]),
        ((9,), [8], [9], [-1]),
        ((9,), [1], [3], [3]),
        ((4, 6), [1, 0], [2, 6], [1, 1]),
        ((4, 6), [3, 5], [2, 3], [-2, -2]),
        ((2, 5, 5, 3), [0, 0, 1, 1], [2, 3, 2, 2], [1, 2, 2, 1]),
        ((3, 4), [0, 0], [0, 4], [1, 1]),
        ((0, 3), [0, 2], [0, 2], [1, -1]),
        ((1, 1), [0, 0], [1, 1], [1, -1]),
        ((), [], [], []),
    ]
    for dtype in CANONICAL:
        for shape, start, size, step in rows:
            yield Case([any_dtype(rng, shape, dtype)], {"start": start, "size": size, "step": step})


def expand(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        for shape, after in [((1,), [5]), ((3, 1), [3, 4]), ((4,), [2, 3, 4]), ((), [2, 2]), ((2, 1, 3, 1), [2, 5, 3, 2]), ((1, 3), [0, 3]), ((0, 1), [2, 0, 4])]:
            yield Case([any_dtype(rng, shape, dtype)], {"shape": after})


def gather(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        rows: list[tuple[tuple[int, ...], int, tuple[int, ...]]] = [
            ((7,), 0, (3,)), ((5, 4), 0, (2, 3)), ((5, 4), 1, (6,)), ((2, 3, 5), 1, ()), ((2, 6, 1), 1, (4, 1)), ((3, 4), 0, (0,)),
            ((2, 0), 1, (0, 2)),
        ]  # fmt: skip
        for shape, axis, indices in rows:
            at = rng.integers(-2, shape[axis] + 2, indices).astype(np.int32)
            yield Case([any_dtype(rng, shape, dtype), np.asarray(at)], {"axis": axis})


def _along(rng: Rng) -> Iterator[tuple[np.ndarray, int, int]]:
    """Arrays with an axis, with ties and, in floats, NaN and infinities; and a number to vary attributes by."""
    number = 0
    for dtype in ("f32", "i32"):
        for shape, axis in [((7,), 0), ((1,), 0), ((5, 4), 0), ((5, 4), 1), ((2, 33, 3), 1), ((2, 3, 129), 2), ((3, 1, 2), 1), ((0, 4), 1), ((1, 1000, 2), 1)]:
            x = np.asarray(rng.integers(-6, 7, shape)).astype(CANONICAL[dtype])
            if dtype == "f32" and number % 2:
                x = x + normal(rng, shape, special=True)
            yield x.astype(CANONICAL[dtype]), axis, number
            number += 1


def arg_extreme(rng: Rng) -> Iterator[Case]:
    for x, axis, number in _along(rng):
        for last in (False, True):
            yield Case([x], {"axis": axis, "keep_dims": number % 3 == 0, "last": last})


def cumulative(rng: Rng) -> Iterator[Case]:
    for x, axis, number in _along(rng):
        for exclusive in (False, True):
            yield Case([x], {"axis": axis, "exclusive": exclusive, "reverse": number % 3 == 0})
    yield Case([np.zeros((2, 0, 3), np.float32)], {"axis": 1, "exclusive": True, "reverse": False})


def argsort(rng: Rng) -> Iterator[Case]:
    for x, axis, _ in _along(rng):
        for descending in (False, True):
            yield Case([x], {"axis": axis, "descending": descending})
    yield Case([np.zeros((2, 0, 3), np.float32)], {"axis": 1, "descending": False})


def non_max_suppression(rng: Rng) -> Iterator[Case]:
    for number, (batch, classes, count, limit) in enumerate([(1, 1, 7, 7), (2, 3, 40, 5), (1, 2, 130, 200), (1, 1, 1, 3), (1, 1, 0, 2), (2, 0, 3, 2), (1, 1, 9, 0)]):
        at, size = rng.uniform(-2, 2, (batch, count, 2)), rng.uniform(0, 2, (batch, count, 2))
        boxes = np.concatenate([at, at + size], axis=2).astype(np.float32)
        if number % 2:
            boxes = boxes[..., [2, 3, 0, 1]]  # corners in the other order
        scores = rng.integers(0, 9, (batch, classes, count)).astype(np.float32)  # some are equal
        if count > 5:
            boxes[0, 1] = boxes[0, 3]
            boxes[0, 2, 2:] = boxes[0, 2, :2]
            scores[0, 0, [0, 4]] = np.nan, np.inf
        for threshold in (0.0, 0.3, 1.0):
            yield Case([np.asarray(boxes), scores, np.float32(threshold).reshape(())], {"limit": [limit]})


def requantize(rng: Rng) -> Iterator[Case]:
    extremes = np.array([-(2**31), -(2**31) + 1, -1, 0, 1, 2**30, 2**31 - 1], np.int32)
    for number, (shape, channels) in enumerate([((7,), 1), ((3, 5), 5), ((2, 3, 33), 33), ((4, 129), 1), ((), 1), ((0, 4), 4), ((2, 1), 1)]):
        for rounding in ("double", "single", "reduced", "float"):
            x = rng.integers(-(2**31), 2**31, shape).astype(np.int32) >> np.int32(rng.integers(0, 20))
            if shape == (7,):
                x = extremes
            multiplier = rng.integers(2**30, 2**31, channels).astype(np.int32)
            if number % 3 == 2:
                multiplier[0] = 0
            shift = rng.integers(-31, 8, channels).astype(np.int32)
            yield Case([np.asarray(x, np.int32), multiplier, shift], {"rounding": rounding})


def scatter(rng: Rng) -> Iterator[Case]:
    for dtype in CANONICAL:
        for reduction in ("none", "add", "mul", "max", "min") if dtype in ("f32", "i32") else ("none",):
            for shape, count in [((7,), 5), ((5, 4), 9), ((3, 2, 5), 1), ((4, 3), 0), ((2, 0), 3), ((1,), 6)]:
                indices = rng.integers(-1, shape[0] + 1, count).astype(np.int32)
                arrays = [any_dtype(rng, shape, dtype), indices, any_dtype(rng, (count, *shape[1:]), dtype)]
                yield Case([np.asarray(array) for array in arrays], {"reduction": reduction})
