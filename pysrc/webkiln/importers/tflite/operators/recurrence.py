"""Layers with a state: each step reads what the one before has left, and the first of a run what the last of the run before has left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

STATEFUL = frozenset(("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "SVDF"))
STEPS_LIMIT = 4096
NORMALIZATION_EPSILON = 1e-8

Step = Callable[[str, Sequence[str]], "tuple[str, list[str]]"]  # the output and the next states, from an input [N, …] and the states


def _in_steps(call: Call, x: str, states: list[str], time_axis: int | None, step: Step) -> tuple[str, list[str]]:
    """The outputs of all steps, put together along the axis of time, and the last states. Without such an axis there is one step."""
    if time_axis is None:
        return step(x, states)
    shape = call.builder.shape(x)
    steps = shape[time_axis]
    if not isinstance(steps, int) or not 0 < steps <= STEPS_LIMIT:
        raise Refused(f"a layer over {steps} steps; it is unrolled, for up to {STEPS_LIMIT}", FIX_SIZES)
    rest = [size for axis, size in enumerate(shape) if axis != time_axis]
    outputs = []
    for t in range(steps):
        found, states = step(call.reshape(part(call, x, time_axis, t, 1), rest), states)
        size = call.builder.shape(found)
        outputs.append(call.reshape(found, [*size[:time_axis], 1, *size[time_axis:]]))
    return call.node("concat", outputs, axis=time_axis) if steps > 1 else outputs[0], states


def _rows(call: Call, time_axis: int | None) -> Dim:
    """The number of rows of a step, from the shape of input 0."""
    shape = call.shape(0)
    if len(shape) != (2 if time_axis is None else 3):
        call.fail(f"its input has the shape {shape}, expected rank {2 if time_axis is None else 3}")
    return shape[0] if time_axis is None else shape[1 - time_axis]


@lowers("RNN", options="RNNOptions")
def rnn(call: Call) -> str:
    """`h = f(W x + R h + b)`."""
    return _rnn(call, None)


@lowers("UNIDIRECTIONAL_SEQUENCE_RNN", options="SequenceRNNOptions")
def sequence_rnn(call: Call) -> str:
    return _rnn(call, 0 if call.options.time_major else 1)


def _rnn(call: Call, time_axis: int | None) -> str:
    units = call.sizes(1, "the weights")[0]
    recurrence, bias = call.permuted(2, [1, 0]), call.value(3)
    projected = call.node("matmul", [call.value(0), call.permuted(1, [1, 0]), bias])

    def step(x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        hidden = call.activate(call.node("add", [x, call.node("matmul", [states[0], recurrence])]), call.options.activation)
        return hidden, [hidden]

    found, states = _in_steps(call, projected, [call.variable(4, [_rows(call, time_axis), units])], time_axis, step)
    call.keep(4, states[0])
    return found


@dataclass(frozen=True)
class Gate:
    """Where a gate of an LSTM has its tensors among the inputs; `peephole` −1: it sees no cell."""

    weights: int
    recurrence: int
    peephole: int
    bias: int
    norm: int


ENTRY, FORGET, CELL, OUTPUT = Gate(1, 5, 9, 12, 20), Gate(2, 6, 10, 13, 21), Gate(3, 7, -1, 14, 22), Gate(4, 8, 11, 15, 23)
PROJECTION, PROJECTION_BIAS, HIDDEN_STATE, CELL_STATE = 16, 17, 18, 19


@lowers("LSTM", options="LSTMOptions")
def lstm(call: Call) -> str:
    """`c = f · c + i · g`, `h = o · act(c)`, where the gates may see the cell, be normalized, and h be projected."""
    if call.options.kernel_type != 0:
        raise Refused("the older, basic form of the operator")
    return _lstm(call, None)


@lowers("UNIDIRECTIONAL_SEQUENCE_LSTM", options="UnidirectionalSequenceLSTMOptions")
def sequence_lstm(call: Call) -> str:
    if call.options.diagonal:
        raise Refused("recurrent weights that are diagonals")
    return _lstm(call, 0 if call.options.time_major else 1)


def _lstm(call: Call, time_axis: int | None) -> str:
    if len(call) < 20:
        call.fail(f"it has {len(call)} inputs, expected 20 or 24")
    cells, units, rows = call.sizes(2, "the weights")[0], call.sizes(6, "the recurrent weights")[1], _rows(call, time_axis)
    gates = [gate for gate in (ENTRY, FORGET, CELL, OUTPUT) if call.has(gate.weights)]
    if len(gates) < 3 or (len(gates) == 3 and ENTRY in gates):
        call.fail("weights of a gate are missing")
    normalized = call.has(FORGET.norm)
    # All gates at once, of all steps: one product.
    inputs = [call.value(0), _joined(call, [call.permuted(gate.weights, [1, 0]) for gate in gates], 1)]
    if not normalized:
        inputs.append(_joined(call, [call.value(gate.bias) for gate in gates], 0))
    recurrence = _joined(call, [call.permuted(gate.recurrence, [1, 0]) for gate in gates], 1)

    def step(x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        hidden, cell = states
        total = call.node("add", [x, call.node("matmul", [hidden, recurrence])])
        parts = {gate: part(call, total, 1, i * cells, cells) for i, gate in enumerate(gates)}

        def opened(gate: Gate, seen: str) -> str:
            return call.node("sigmoid", [_gate(call, gate, parts[gate], seen, normalized)])

        forget = opened(FORGET, cell)
        entry = opened(ENTRY, cell) if ENTRY in parts else call.node("sub", [call.like(1.0, forget), forget])
        fresh = call.activate(_gate(call, CELL, parts[CELL], "", normalized), call.options.activation)
        cell = call.node("add", [call.node("mul", [forget, cell]), call.node("mul", [entry, fresh])])
        cell = _clipped(call, cell, call.options.cell_clip)
        hidden = call.node("mul", [opened(OUTPUT, cell), call.activate(cell, call.options.activation)])
        if call.has(PROJECTION):
            bias = [call.value(PROJECTION_BIAS)] if call.has(PROJECTION_BIAS) else []
            hidden = call.node("matmul", [hidden, call.permuted(PROJECTION, [1, 0]), *bias])
            hidden = _clipped(call, hidden, call.options.projection_clip)
        return hidden, [hidden, cell]

    states = [call.variable(HIDDEN_STATE, [rows, units]), call.variable(CELL_STATE, [rows, cells])]
    found, states = _in_steps(call, call.node("matmul", inputs), states, time_axis, step)
    call.keep(HIDDEN_STATE, states[0])
    call.keep(CELL_STATE, states[1])
    return found


def _gate(call: Call, gate: Gate, value: str, cell: str, normalized: bool) -> str:
    """A gate before its function: with what it sees of the cell, normalized over its units, with its bias then."""
    if cell and call.has(gate.peephole):
        value = call.node("add", [value, call.node("mul", [cell, call.value(gate.peephole)])])
    if not normalized:
        return value
    mean = call.node("reduce_mean", [value], axes=[1], keep_dims=True)
    difference = call.node("sub", [value, mean])
    variance = call.node("reduce_mean", [call.node("mul", [difference, difference])], axes=[1], keep_dims=True)
    scale = call.node("rsqrt", [call.node("add", [variance, call.like(NORMALIZATION_EPSILON, variance)])])
    scaled = call.node("mul", [call.node("mul", [difference, scale]), call.value(gate.norm)])
    return call.node("add", [scaled, call.value(gate.bias)])


def _clipped(call: Call, value: str, limit: float) -> str:
    return call.node("clip", [value], minimum=-limit, maximum=limit) if limit > 0 else value


def _joined(call: Call, values: Sequence[str], axis: int) -> str:
    return call.node("concat", list(values), axis=axis)


@lowers("SVDF", options="SVDFOptions")
def svdf(call: Call) -> str:
    """A filter over features, then one over the latest results of that, which are the state; groups of `rank` filters are summed."""
    rank = call.options.rank
    filters, memory = call.sizes(2, "the weights over time")
    rows = _rows(call, None)
    if rank < 1 or filters % rank or memory < 1:
        call.fail(f"{filters} filters over {memory} steps in groups of {rank}")
    latest = call.node("matmul", [call.value(0), call.permuted(1, [1, 0])])
    history = part(call, call.variable(4, [rows, filters, memory]), 2, 1, memory - 1)
    latest = call.reshape(latest, [rows, filters, 1])
    history = call.node("concat", [history, latest], axis=2) if memory > 1 else latest
    call.keep(4, history)
    results = call.node("reduce_sum", [call.node("mul", [history, call.value(2)])], axes=[2], keep_dims=False)
    value = call.node("reduce_sum", [call.reshape(results, [rows, filters // rank, rank])], axes=[2], keep_dims=False)
    if call.has(3):
        value = call.node("add", [value, call.value(3)])
    return call.activate(value, call.options.activation)
