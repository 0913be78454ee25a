"""The smallest storage of weights whose error stays below a bound: a precision for each layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from webkiln.errors import WebkilnError
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant, Graph
from webkiln.precision.channels import Weight, weights_of
from webkiln.precision.encode import KINDS, check_kind
from webkiln.precision.judge import Judge
from webkiln.precision.samples import Sample
from webkiln.precision.weights import quantized, replaced, stored_bytes

RUNGS = (("f16", "uint16"), ("int8", "uint8"), ("int4",))
"""From most bytes to fewest; of kinds with the same bytes, the one that moves the tensor least."""

Note = Callable[[str], None]


@dataclass
class _Layer:
    """A weight, as it is and on each rung below, with how far the values are moved (root of the mean square)."""

    weight: Weight
    steps: list[tuple[Constant, float]] = field(default_factory=list)
    sensitivity: float = 0.0
    """How much an output moves when the values move by 1, in the mean."""

    def bytes(self, step: int) -> int:
        return stored_bytes(self.steps[step][0].stored)


@dataclass(frozen=True)
class _Move:
    """A step down: what it saves, and what it adds to the square of the error, as predicted."""

    layer: _Layer
    step: int
    price: float


def smallest_within(
    bundle: Bundle,
    max_error: float,
    samples: Sequence[Sample],
    *,
    exact: Judge | None = None,
    correct: Callable[[Graph], Graph] = lambda graph: graph,
    least: str = "int4",
    seconds: float = 60.0,
    note: Note = lambda text: None,
) -> Graph:
    """The graph with a precision for each weight, so that the error that is measured on the samples is at most `max_error`.

    Every layer is stored alone in the fewest bits that it may take, and the model run: that tells how much it moves the outputs. The errors of
    layers are taken to add up as independent ones do; steps to fewer bits are ordered by what they add for a byte saved, and of that
    order as many are made as the measured error allows, found by bisection; then the same is tried from the smallest single kind that keeps the
    bound, and the smaller result taken. Measuring layers ends after `seconds`, which leaves about 25 runs; layers that are not measured by then
    are taken to be as sensitive as the most sensitive one.

    `least` is the kind of the fewest bits that a layer may take. `exact`: what the error is against, by default the graph itself.
    `correct` is what will be done to the result, and the error is measured with (see `BiasCorrection.apply`).
    Raises `WebkilnError` for a bound that is negative, or that the graph itself does not keep.
    """
    if not max_error >= 0:
        raise WebkilnError(f"a largest error of {max_error} cannot be kept: give a share of the outputs' largest magnitude, as 0.01")
    check_kind(least)
    judge = exact or Judge(bundle, samples)
    mine = Judge(bundle, samples)

    def measure(stored: dict[int, Constant]) -> float:
        return max(judge.errors(list(mine.outputs(stored, correct))).values(), default=0.0)

    began = time.monotonic()
    if exact is not None and (error := measure({})) > max_error:
        raise WebkilnError(f"the model has an error of {error:.2g} before any weight is stored in fewer bits (by pruning), and {max_error:g} is asked for")
    layers = [layer for weight in weights_of(bundle.graph) if len((layer := _layer(weight, least)).steps) > 1]
    _measure(layers, measure, began + seconds, note)
    moves = _ordered(layers)

    def most_of(moves: Sequence[_Move], start: dict[int, Constant]) -> dict[int, Constant]:
        """The start, which keeps the bound, with as many of the steps down as keep it too."""

        def chosen(count: int) -> dict[int, Constant]:
            return start | {move.layer.weight.key: move.layer.steps[move.step][0] for move in moves[:count]}

        kept, failed = 0, len(moves) + 1
        middle = len(moves)
        while failed - kept > 1:
            error = measure(chosen(middle))
            note(f"{middle} of {len(moves)} steps to fewer bits: error {error:.2g}")
            kept, failed = (middle, failed) if error <= max_error else (kept, middle)
            middle = (kept + failed) // 2
        return chosen(kept)

    best = most_of(moves, {})
    # What one kind for all layers gives may be a better start.
    for same in _uniform(layers, least):
        if _total(layers, same) >= _total(layers, best):
            break
        if measure(same) <= max_error:
            below = [move for move in moves if move.layer.bytes(move.step) < stored_bytes(same[move.layer.weight.key].stored)]
            best = min(best, most_of(below, same), key=lambda one: _total(layers, one))
            break
    return replaced(bundle.graph, best)


def _uniform(layers: Sequence[_Layer], least: str) -> list[dict[int, Constant]]:
    """All layers in one kind, for each kind, that of the fewest bytes first."""
    kinds = [kind for kind in KINDS if KINDS[least] <= KINDS[kind] < 32]
    return sorted(({layer.weight.key: quantized(layer.weight, kind) for layer in layers} for kind in kinds), key=lambda one: _total(layers, one))


def _total(layers: Sequence[_Layer], constants: Mapping[int, Constant]) -> int:
    """The bytes of all layers, some of which are replaced."""
    return sum(stored_bytes(constants.get(layer.weight.key, layer.weight.constant).stored) for layer in layers)


def _layer(weight: Weight, least: str) -> _Layer:
    """The weight on the rungs that save bytes, each with a larger error than the one above."""
    layer = _Layer(weight, [(weight.constant, 0.0)])
    exact = Constant(weight.constant.stored).array.astype(np.float64)
    for rung in RUNGS:
        made = []
        for kind in rung:
            if KINDS[kind] >= KINDS[least] and (constant := quantized(weight, kind)) is not weight.constant:
                made.append((constant, float(np.sqrt(np.mean(np.square(exact - Constant(constant.stored).array))))))
        if made:
            best = min(made, key=lambda one: one[1])
            if stored_bytes(best[0].stored) < layer.bytes(-1):
                while len(layer.steps) > 1 and best[1] <= layer.steps[-1][1]:
                    layer.steps.pop()  # more bytes for nothing
                layer.steps.append(best)
    return layer


def _measure(layers: Sequence[_Layer], measure: Callable[[dict[int, Constant]], float], until: float, note: Note) -> None:
    """Find how sensitive the outputs are to each layer, the largest layers first."""
    left = sorted(layers, key=lambda layer: layer.bytes(0), reverse=True)
    most = 0.0
    for number, layer in enumerate(left):
        constant, moved = layer.steps[-1]
        if time.monotonic() < until:
            note(f"measuring layer {number + 1} of {len(left)}")
            layer.sensitivity = measure({layer.weight.key: constant}) / moved if moved else 0.0
            most = max(most, layer.sensitivity)
        else:
            layer.sensitivity = most


def _ordered(layers: Sequence[_Layer]) -> list[_Move]:
    """All steps down, by the square of the error that each adds for a byte that it saves; a layer's own steps in their order."""
    moves = []
    for layer in layers:
        price = 0.0
        for step in range(1, len(layer.steps)):
            squares = [(layer.sensitivity * layer.steps[one][1]) ** 2 for one in (step - 1, step)]
            price = max(price, (squares[1] - squares[0]) / (layer.bytes(step - 1) - layer.bytes(step)))
            moves.append(_Move(layer, step, price))
    return sorted(moves, key=lambda move: move.price)
