"""How far rounding inside a model moves its outputs: the tolerance that a float32 backend can be held to.

A backend rounds its sums to float32 in its own order; the reference accumulates in float64. In most models the difference stays
near 1e-6 of the largest magnitude, but some amplify it. This is measured, not guessed: the reference is run again with every
rounded result off by one unit in the last place of its value, and of the sums that it was rounded from at every step, with signs from the
specified generator, and the outputs are compared. Like sums are rounded alike: in every other trial the values of one channel are
off in the same direction, which a mean over them keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from webkiln import reference
from webkiln.errors import InputError, ShapeError
from webkiln.generator import mix32
from webkiln.graph.graph import Graph
from webkiln.ops import LEAST_TOLERANCES, OPERATORS

LEAST = LEAST_TOLERANCES["wasm"]
TRIALS = 4
_UNIT = 2.0**-23
Sizes = dict[tuple[str, int, tuple[int, ...]], np.ndarray]
# How many terms the sums of an operator have.
_TERMS: dict[str, Callable[[list[np.ndarray], np.ndarray], int]] = {
    "conv2d": lambda inputs, y: math.prod(inputs[1].shape[:-1]),
    "matmul": lambda inputs, y: inputs[0].shape[-1],
    "reduce_sum": lambda inputs, y: inputs[0].size // y.size,
    "cumulative_sum": lambda inputs, y: inputs[0].size,
    "average_pool2d": lambda inputs, y: 1,
    "resize": lambda inputs, y: 1,
}


def tolerances(graph: Graph, inputs: Mapping[str, np.ndarray], channels: Mapping[str, int]) -> dict[str, float]:
    """The relative tolerance of each value in `channels` (value → number of quantities it mixes, or 0).

    It is 1e-5, or what rounding alone can do where that is more: the largest movement of four trials, doubled because other roundings
    than those tried are possible, and up to doubled again for values of few elements, of which four trials see little.
    """
    exact = reference.run(graph, inputs, keep=True)
    names = [name for name in channels if name in exact]  # inputs and constants don't move
    worst = dict.fromkeys(names, 0.0)
    sizes: Sizes = {}
    for trial in range(TRIALS):
        try:
            moved = reference.run(graph, inputs, keep=True, disturb=partial(_off_by_a_unit, trial, sizes))
        except (ShapeError, InputError):  # sizes that the model computes came out otherwise, and fit nothing
            continue
        for name in names:
            if moved[name].shape == exact[name].shape:
                worst[name] = max(worst[name], _movement(exact[name], moved[name], channels[name]))
    allowed = dict.fromkeys(channels, LEAST)
    for name, movement in worst.items():
        margin = 2.0 + 2.0 / math.sqrt(max(1, exact[name].size))
        allowed[name] = max(LEAST, float(f"{margin * movement:.1e}"))
    return allowed


def _off_by_a_unit(
    trial: int, sizes: Sizes, op: str, node: int, inputs: list[np.ndarray], attributes: dict[str, Any], y: np.ndarray
) -> np.ndarray:
    if y.dtype != np.float32 or not y.size or OPERATORS[op].tolerance.relative == 0.0:
        return y
    shape = y.shape[-1:] if trial % 2 else y.shape
    sign = np.where(mix32(node + 1 + (trial << 16), math.prod(shape)) & 1, 1.0, -1.0).reshape(shape)
    wide: np.ndarray = y.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.abs(wide)
        if op in _TERMS:
            key = (op, node, y.shape)
            if key not in sizes:  # every trial has much the same
                sizes[key] = _size_of_terms(op, inputs, attributes, y)
            scale += sizes[key]
        moved = wide + sign * _UNIT * np.where(np.isfinite(scale), scale, 0.0)
        return moved.astype(np.float32)


def _size_of_terms(op: str, inputs: list[np.ndarray], attributes: dict[str, Any], y: np.ndarray) -> np.ndarray:
    """On what scale the roundings of partial sums add up.

    Sums of n terms wander like the root of their number, up to S, the root of the sum of the terms' squares, and every step is
    rounded by about a third of half a unit: S · √n / 7 in the end. It is taken as S at least.
    """
    squares = [np.square(array, dtype=np.float32) for array in inputs]
    size = np.sqrt(OPERATORS[op].reference(squares, attributes), dtype=np.float64)
    scale: np.ndarray = size * max(1.0, math.sqrt(_TERMS[op](inputs, y)) / 7)
    return scale


def _movement(exact: np.ndarray, moved: np.ndarray, channels: int) -> float:
    """The largest difference, relative to the largest finite magnitude of its quantity."""
    if exact.dtype != np.float32 or not exact.size:
        return 0.0
    a, b = (array.astype(np.float64).reshape(-1, channels or array.size) for array in (exact, moved))
    finite = np.isfinite(a) & np.isfinite(b)
    scale = np.where(finite, np.abs(a), 0.0)
    scale = scale.max(axis=0, keepdims=True) if channels else np.full((1, 1), scale.max())
    difference = np.abs(np.where(finite, a, 0.0) - np.where(finite, b, 0.0))
    return float((difference / np.where(scale > 0, scale, 1.0)).max())
