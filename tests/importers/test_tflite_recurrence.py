"""Layers with a state, over several steps and several runs, against loops over their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from imported_models import Read, run
from tflite_writer import Model, Operator, Tensor
from webkiln.errors import FormatError, UnsupportedOperatorError

RNG = np.random.default_rng(12)
BATCH, STEPS, FEATURES, CELLS, UNITS = 2, 3, 4, 5, 3
Array = Any


def f32(*shape: int) -> Array:
    return RNG.normal(0, 0.7, shape).astype(np.float32)


def layer(operator: str, x: Array, constants: Mapping[int, Array], states: Mapping[int, tuple[int, ...]], out: Array, options: dict[str, Any], count: int) -> Model:
    """An operator of `count` inputs: x, constants and variables by their places; what is neither is left out."""
    tensors, places = [Tensor("x", x.shape)], [0] + [-1] * (count - 1)
    for i, array in constants.items():
        places[i] = len(tensors)
        tensors.append(Tensor(f"c{i}", array.shape, data=array))
    for i, shape in states.items():
        places[i] = len(tensors)
        tensors.append(Tensor(f"s{i}", shape, variable=True))
    tensors.append(Tensor("y", out.shape))
    return Model(tensors, [Operator(operator, places, [len(tensors) - 1], options)], [0], [len(tensors) - 1])


def check_runs(model: Model, xs: list[Array], wanted: list[Array], folder: Path, session: webkiln.Session) -> None:
    """Runs one after the other, in NumPy and in JavaScript; after a reset the first one again."""
    path = folder / "model.tflite"
    path.write_bytes(model.encode())
    converted = webkiln.convert(path)
    for runtime in ("numpy", "node"):
        for x, y in [*zip(xs, wanted, strict=True), (None, None), (xs[0], wanted[0])]:
            if x is None:
                converted.reset() if runtime == "numpy" else session.reset(converted)
                continue
            found = converted.run({"x": x}) if runtime == "numpy" else session.run(converted, {"x": x})
            np.testing.assert_allclose(found["y"], y, rtol=1e-5, atol=1e-5)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def normalized(x: Array) -> Array:
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-8)


def lstm_step(c: Mapping[int, Array], x: Array, h: Array, cell: Array, activation: Any, cell_clip: float, projection_clip: float) -> tuple[Array, Array]:
    def gate(i: int, seen: Array | None) -> Array:
        """Gate i of input, forget, cell, output."""
        value = x @ c[1 + i].T + h @ c[5 + i].T
        peephole = {0: 9, 1: 10, 3: 11}.get(i, -1)
        if seen is not None and peephole in c:
            value = value + seen * c[peephole]
        return (normalized(value) * c[20 + i] if 20 + i in c else value) + c[12 + i]

    forget = sigmoid(gate(1, cell))
    entry = sigmoid(gate(0, cell)) if 1 in c else 1 - forget
    cell = forget * cell + entry * activation(gate(2, None))
    if cell_clip:
        cell = np.clip(cell, -cell_clip, cell_clip)
    h = sigmoid(gate(3, cell)) * activation(cell)
    if 16 in c:
        h = h @ c[16].T + c.get(17, 0)
        h = np.clip(h, -projection_clip, projection_clip) if projection_clip else h
    return h, cell


def lstm_constants(units: int, *, coupled: bool = False, peephole: bool = False, norm: bool = False, projection: bool = False) -> dict[int, Array]:
    c = {i: f32(CELLS, FEATURES) for i in range(1, 5)} | {i: f32(CELLS, units) for i in range(5, 9)} | {i: f32(CELLS) for i in range(12, 16)}
    if peephole:
        c |= {i: f32(CELLS) for i in (9, 10, 11)}
    if norm:
        c |= {i: f32(CELLS) for i in range(20, 24)}
    if projection:
        c |= {16: f32(units, CELLS), 17: f32(units)}
    return {i: array for i, array in c.items() if not (coupled and i in (1, 5, 9, 12, 20))}


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "coupled": {"coupled": True},
    "seeing the cell": {"peephole": True},
    "normalized": {"norm": True},
    "projected": {"projection": True},
    "all": {"peephole": True, "norm": True, "projection": True, "coupled": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("time_axis", [None, 0, 1])
def test_lstm(variant: str, time_axis: int | None, tmp_path: Path, node_session: webkiln.Session) -> None:
    units = UNITS if VARIANTS[variant].get("projection") else CELLS
    c = lstm_constants(units, **VARIANTS[variant])
    clips = {"cell_clip": 0.6, "projection_clip": 0.5} if variant in ("all", "projected") else {"cell_clip": 0.0, "projection_clip": 0.0}
    shape = (BATCH, FEATURES) if time_axis is None else (STEPS, BATCH, FEATURES) if time_axis == 0 else (BATCH, STEPS, FEATURES)
    xs, wanted = [f32(*shape) for _ in range(3)], []
    h, cell = np.zeros((BATCH, units)), np.zeros((BATCH, CELLS))
    for x in xs:
        rows = []
        for step in [x] if time_axis is None else np.moveaxis(x, time_axis, 0):
            h, cell = lstm_step(c, step.astype(np.float64), h, cell, np.tanh, clips["cell_clip"], clips["projection_clip"])
            rows.append(h)
        wanted.append(rows[0] if time_axis is None else np.stack(rows, time_axis))
    options = {"table": "LSTMOptions" if time_axis is None else "UnidirectionalSequenceLSTMOptions", "activation": 4, **clips}
    if time_axis is not None:
        options["time_major"] = time_axis == 0
    name = "LSTM" if time_axis is None else "UNIDIRECTIONAL_SEQUENCE_LSTM"
    states = {18: (BATCH, units), 19: (BATCH, CELLS)}
    check_runs(layer(name, xs[0], c, states, wanted[0], options, 24 if 21 in c else 20), xs, wanted, tmp_path, node_session)


@pytest.mark.parametrize("time_axis", [None, 0, 1])
def test_rnn(time_axis: int | None, tmp_path: Path, node_session: webkiln.Session) -> None:
    c = {1: f32(UNITS, FEATURES), 2: f32(UNITS, UNITS), 3: f32(UNITS)}
    shape = (BATCH, FEATURES) if time_axis is None else (STEPS, BATCH, FEATURES) if time_axis == 0 else (BATCH, STEPS, FEATURES)
    xs, wanted, h = [f32(*shape) for _ in range(3)], [], np.zeros((BATCH, UNITS))
    for x in xs:
        rows = []
        for step in [x] if time_axis is None else np.moveaxis(x, time_axis, 0):
            h = np.maximum(step.astype(np.float64) @ c[1].T + h @ c[2].T + c[3], 0)
            rows.append(h)
        wanted.append(rows[0] if time_axis is None else np.stack(rows, time_axis))
    options: dict[str, Any] = {"table": "RNNOptions", "activation": 1}
    if time_axis is not None:
        options = {"table": "SequenceRNNOptions", "activation": 1, "time_major": time_axis == 0}
    name = "RNN" if time_axis is None else "UNIDIRECTIONAL_SEQUENCE_RNN"
    check_runs(layer(name, xs[0], c, {4: (BATCH, UNITS)}, wanted[0], options, 5), xs, wanted, tmp_path, node_session)


@pytest.mark.parametrize(("rank", "memory", "biased"), [(1, 4, True), (2, 3, False), (2, 1, True)])
def test_svdf(rank: int, memory: int, biased: bool, tmp_path: Path, node_session: webkiln.Session) -> None:
    filters = 6
    c = {1: f32(filters, FEATURES), 2: f32(filters, memory)} | ({3: f32(filters // rank)} if biased else {})
    xs, wanted, history = [f32(BATCH, FEATURES) for _ in range(5)], [], np.zeros((BATCH, filters, memory))
    for x in xs:
        history = np.concatenate([history[..., 1:], (x @ c[1].T)[..., None]], 2)
        total = (history * c[2]).sum(2).reshape(BATCH, filters // rank, rank).sum(2)
        wanted.append(np.maximum(total + c.get(3, 0), 0))
    options = {"table": "SVDFOptions", "rank": rank, "activation": 1}
    check_runs(layer("SVDF", xs[0], c, {4: (BATCH, filters * memory)}, wanted[0], options, 5), xs, wanted, tmp_path, node_session)


def test_states_may_be_inputs(read: Read) -> None:
    """Variables that are inputs of the model are given with each run."""
    c = lstm_constants(CELLS)
    x, h, cell = f32(BATCH, FEATURES), f32(BATCH, CELLS), f32(BATCH, CELLS)
    model = layer("LSTM", x, c, {18: h.shape, 19: cell.shape}, h, {"table": "LSTMOptions", "activation": 4}, 20)
    variables = [i for i, tensor in enumerate(model.tensors) if tensor.variable]
    model.inputs = [0, *variables]
    found = run(read(model), {"x": x, "s18": h, "s19": cell})
    np.testing.assert_allclose(found["y"], lstm_step(c, x, h, cell, np.tanh, 0, 0)[0], rtol=1e-5, atol=1e-6)


def test_what_does_not_fit_is_told(read: Read) -> None:
    x, out = f32(BATCH, FEATURES), f32(BATCH, CELLS)
    options = {"table": "LSTMOptions", "activation": 4}
    c = lstm_constants(CELLS)
    states = {18: out.shape, 19: out.shape}
    with pytest.raises(FormatError, match="weights of a gate are missing"):
        read(layer("LSTM", x, {i: a for i, a in c.items() if i not in (1, 3)}, states, out, options, 20))
    with pytest.raises(FormatError, match="its state"):
        read(layer("LSTM", x, c, {18: out.shape, 19: (BATCH, CELLS + 1)}, out, options, 20))
    with pytest.raises(FormatError, match="expected 20 or 24"):
        read(layer("LSTM", x, {i: a for i, a in c.items() if i < 10}, {}, out, options, 10))
    with pytest.raises(UnsupportedOperatorError, match="basic form"):
        read(layer("LSTM", x, c, states, out, {**options, "kernel_type": 1}, 20))
    with pytest.raises(UnsupportedOperatorError, match="not fixed"):
        read(layer("LSTM", x, c, {18: (-1, CELLS), 19: out.shape}, out, options, 20))
