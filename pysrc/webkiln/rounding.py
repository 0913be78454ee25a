"""How far rounding inside a model moves its outputs: the tolerance that a float32 backend can be held to.

A backend rounds its sums to float32 in its own order; the reference accumulates in float64. In most models the difference stays
near 1e-6 of the largest magnitude, but some amplify it. This is measured, not guessed: the reference is run again with every
rounded result off by one unit in the last place (a sum is rounded many times, half a unit each; on the scale of its value and of the
tensor's root mean square, since it is rounded on the scale of its terms), with signs from the specified generator, and the outputs are compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from webkiln import reference
from webkiln.errors import InputError, ShapeError
from webkiln.generator import mix32
from webkiln.graph.graph import Graph
from webkiln.ops import LEAST_TOLERANCES, OPERATORS

LEAST = LEAST_TOLERANCES["wasm"]
TRIALS = 4
_UNIT = 2.0**-23


def tolerances(graph: Graph, inputs: Mapping[str, np.ndarray], channels: Mapping[str, int]) -> dict[str, float]:
    """The relative tolerance of each value in `channels` (value → number of quantities it mixes, or 0).

    It is 1e-5, or what rounding alone can do where that is more: the largest movement of four trials, doubled because other roundings
    than those tried are possible, and up to doubled again for values of few elements, of which four trials see little.
    """
    exact = reference.run(graph, inputs, keep=True)
    names = [name for name in channels if name in exact]  # inputs and constants don't move
    worst = dict.fromkeys(names, 0.0)
    for trial in range(TRIALS):
        try:
            moved = reference.run(graph, inputs, keep=True, disturb=partial(_off_by_a_unit, trial))
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


def _off_by_a_unit(trial: int, op: str, node: int, y: np.ndarray) -> np.ndarray:
    if y.dtype != np.float32 or not y.size or OPERATORS[op].tolerance.relative == 0.0:
        return y
    sign = np.where(mix32(node + 1 + (trial << 16), y.size) & 1, 1.0, -1.0).reshape(y.shape)
    wide: np.ndarray = y.astype(np.float64)
    finite = np.where(np.isfinite(wide), wide, 0.0)
    scale = np.abs(finite) + np.sqrt(np.square(finite).mean())
    with np.errstate(over="ignore", invalid="ignore"):
        moved: np.ndarray = wide + sign * _UNIT * scale
        return moved.astype(np.float32)


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
