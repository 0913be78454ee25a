"""Recurrent layers: unrolled step by step where the sequence is short and its length is fixed, else a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.control_flow import loop
from webkiln.importers.lowerings.movement import part, reversed_axis
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.activation import hard_sigmoid_of
from webkiln.importers.onnx.registry import lowers

UNROLLED_STEPS = 512  # of more, or of a number that only a run tells, there is a loop
Curve = Callable[[str], str]


@dataclass
class Layer:
    """One direction of a recurrent layer. Shapes: [N, …] for states, [I, gates · H] and [H, gates · H] for weights."""

    call: Call
    hidden: int
    weights: str
    recurrence: str
    bias: str
    recurrent_bias: str
    curves: list[Curve]
    index: int

    def gate(self, value: str, i: int) -> str:
        return part(self.call, value, 1, i * self.hidden, self.hidden)

    def run(self, op: str, *values: str) -> str:
        return self.call.node(op, list(values))


Step = Callable[[Layer, str, Sequence[str]], list[str]]


def _curves(call: Call, names: Sequence[str], direction: int, directions: int) -> list[Curve]:
    """The activation functions of one direction, with their parameters."""
    given = call.texts("activations")
    count = len(names)
    chosen = given[direction * count : (direction + 1) * count] if given else list(names)
    if given and len(given) != count * directions:
        call.fail(f"{len(given)} activations for {directions} directions of {count}")
    alphas, betas = call.floats("activation_alpha"), call.floats("activation_beta")
    limit = call.number("clip", 0.0)

    def curve(name: str, i: int) -> Curve:
        at = direction * count + i
        alpha, beta = alphas[at] if at < len(alphas) else None, betas[at] if at < len(betas) else None

        def apply(x: str) -> str:
            if limit > 0:
                x = call.node("clip", [x], minimum=-limit, maximum=limit)
            return _activate(call, name.lower(), x, alpha, beta)

        return apply

    return [curve(name, i) for i, name in enumerate(chosen)]


def _activate(call: Call, name: str, x: str, alpha: float | None, beta: float | None) -> str:
    if name in ("tanh", "sigmoid", "relu", "softplus"):
        return call.node(name, [x])
    if name == "softsign":
        return call.node("div", [x, call.node("add", [call.node("abs", [x]), call.like(1.0, x)])])
    if name == "leakyrelu":
        return call.node("leaky_relu", [x], alpha=0.01 if alpha is None else alpha)
    if name == "elu":
        return call.node("elu", [x], alpha=1.0 if alpha is None else alpha)
    if name == "hardsigmoid":
        return hard_sigmoid_of(call, x, 0.2 if alpha is None else alpha, 0.5 if beta is None else beta)
    if name == "affine":
        scaled = call.node("mul", [x, call.like(1.0 if alpha is None else alpha, x)])
        return call.node("add", [scaled, call.like(0.0 if beta is None else beta, x)])
    if name == "scaledtanh":
        curve = call.node("tanh", [call.node("mul", [x, call.like(1.0 if beta is None else beta, x)])])
        return call.node("mul", [curve, call.like(1.0 if alpha is None else alpha, x)])
    if name == "thresholdedrelu":
        above = call.node("greater", [x, call.like(1.0 if alpha is None else alpha, x)])
        return call.node("where", [above, x, call.like(0.0, x)])
    raise Refused(f"the activation function {name!r} in a recurrent layer")


def recurrent(call: Call, gates: int, names: Sequence[str], states: int, step: Step) -> list[str]:
    """All outputs: Y [S, D, N, H], then the last of each state [D, N, H]; with `layout` 1 the batch comes first."""
    directions = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[
        call.choice("direction", "forward", "reverse", "bidirectional")
    ]
    x = call.value(0)
    first = bool(call.integer("layout", 0))
    if first:
        x = call.transpose(x, [1, 0, 2])
    steps, batch, depth = call.builder.shape(x)
    hidden = call.sizes(2, "the recurrence weights")[2]
    if not isinstance(depth, int) or call.shape(1) != [len(directions), gates * hidden, depth] or call.sizes(2, "")[1] != gates * hidden:
        call.fail(f"weights {call.shape(1)} and {call.shape(2)} do not fit {len(directions)} directions over {depth} inputs")
    lengths = call.value(4) if call.has(4) else ""
    outputs, finals = [], []
    for direction, backwards in enumerate(directions):
        layer = _layer(call, gates, hidden, depth, _curves(call, names, direction, len(directions)), direction)
        start = [_state(call, 5 + i, direction, first, [batch, hidden]) for i in range(states)]
        if isinstance(steps, int) and steps <= UNROLLED_STEPS:
            every, last = _unrolled(layer, x, steps, lengths, start, backwards, step)
        else:
            every, last = _looped(layer, x, steps, lengths, start, backwards, step)
        outputs.append(call.reshape(every, [steps, 1, batch, hidden]))
        finals.append([call.reshape(one, [1, batch, hidden]) for one in last])
    joined = [_joined(call, outputs, 1), *(_joined(call, [last[i] for last in finals], 0) for i in range(states))]
    if first:
        joined = [call.transpose(joined[0], [2, 0, 1, 3]), *(call.transpose(one, [1, 0, 2]) for one in joined[1:])]
    return joined


def _layer(call: Call, gates: int, hidden: int, depth: int, curves: list[Curve], direction: int) -> Layer:
    def of(i: int, rows: int, columns: int) -> str:
        return call.transpose(call.reshape(part(call, call.value(i), 0, direction, 1), [rows, columns]), [1, 0])

    bias = recurrent_bias = ""
    if call.has(3):
        both = call.reshape(part(call, call.value(3), 0, direction, 1), [2 * gates * hidden])
        bias, recurrent_bias = (part(call, both, 0, i * gates * hidden, gates * hidden) for i in range(2))
    return Layer(call, hidden, of(1, gates * hidden, depth), of(2, gates * hidden, hidden), bias, recurrent_bias, curves, direction)


def _state(call: Call, i: int, direction: int, first: bool, shape: list[Dim]) -> str:
    """The state before the first step: input `i`, or zeros."""
    if not call.has(i):
        return call.node("expand", [call.like(0.0, call.value(0))], shape=shape)
    value = call.transpose(call.value(i), [1, 0, 2]) if first else call.value(i)
    return call.reshape(part(call, value, 0, direction, 1), shape)


def _unrolled(layer: Layer, x: str, steps: int, lengths: str, state: list[str], backwards: bool, step: Step) -> tuple[str, list[str]]:
    """The hidden state after each step [S, N, H], and the last states. Beyond the end of a sequence the state stays and the output is 0."""
    call = layer.call
    batch, depth = call.builder.shape(x)[1:]
    flat = call.reshape(x, [steps * batch, depth])
    projected = layer.run("matmul", flat, layer.weights, *([layer.bias] if layer.bias else []))
    width = call.builder.shape(projected)[1]
    projected = call.reshape(projected, [steps, batch, width])
    limit = call.reshape(lengths, [batch, 1]) if lengths else ""
    found: dict[int, str] = {}
    for t in reversed(range(steps)) if backwards else range(steps):
        inputs = call.reshape(part(call, projected, 0, t, 1), [batch, width])
        fresh = step(layer, inputs, state)
        if not limit:
            state = fresh
            found[t] = fresh[0]
            continue
        inside = call.node("less", [call.like(t, limit), limit])
        state = [call.node("where", [inside, new, old]) for new, old in zip(fresh, state, strict=True)]
        found[t] = call.node("where", [inside, fresh[0], call.like(0.0, fresh[0])])
    rows = [call.reshape(found[t], [1, batch, layer.hidden]) for t in range(steps)]
    if not rows:
        return call.node("expand", [call.like(0.0, x)], shape=[0, batch, layer.hidden]), state
    return _joined(call, rows, 0), state


def _looped(layer: Layer, x: str, steps: Dim, lengths: str, state: list[str], backwards: bool, step: Step) -> tuple[str, list[str]]:
    """The same for any number of steps, as a loop."""
    call = layer.call
    batch = call.builder.shape(x)[1]
    limit = call.reshape(lengths, [batch, 1]) if lengths else ""
    total = call.length(steps)
    one = call.constant(np.array(1, np.int32))

    def body(values: list[str]) -> list[str]:
        number, before = values[0], values[1:]
        t = call.node("sub", [call.node("sub", [total, one]), number]) if backwards else number
        inputs = call.node("gather", [x, t], axis=0)
        projected = layer.run("matmul", inputs, layer.weights, *([layer.bias] if layer.bias else []))
        fresh = step(layer, projected, before)
        row = fresh[0]
        if limit:
            inside = call.node("less", [t, limit])
            fresh = [call.node("where", [inside, new, old]) for new, old in zip(fresh, before, strict=True)]
            row = call.node("where", [inside, row, call.like(0.0, row)])
        return [call.node("add", [number, one]), *fresh, row]

    start = [call.constant(np.array(0, np.int32)), *state]
    made = loop(call, start, len(start), lambda values: call.node("less", [values[0], total]), body, steps)
    every = made[-1]
    return (reversed_axis(call, every, 0) if backwards else every), made[1:-1]


def _joined(call: Call, parts: Sequence[str], axis: int) -> str:
    return call.node("concat", parts, axis=axis) if len(parts) > 1 else parts[0]


def _recurred(layer: Layer, hidden: str) -> str:
    return layer.run("matmul", hidden, layer.recurrence, *([layer.recurrent_bias] if layer.recurrent_bias else []))


@lowers("RNN")
def rnn(call: Call) -> list[str]:
    def step(layer: Layer, x: str, state: Sequence[str]) -> list[str]:
        return [layer.curves[0](layer.run("add", x, _recurred(layer, state[0])))]

    return recurrent(call, 1, ["Tanh"], 1, step)


@lowers("GRU")
def gru(call: Call) -> list[str]:
    """Gates z, r, h. `Ht = (1 − z) · h + z · Ht₋₁`; with `linear_before_reset` the reset gate acts on the product, else on the state."""
    before_reset = bool(call.integer("linear_before_reset", 0))

    def step(layer: Layer, x: str, state: Sequence[str]) -> list[str]:
        hidden, run, size = state[0], layer.run, layer.hidden
        f, g = layer.curves
        recurred = _recurred(layer, hidden)
        z, r = (f(run("add", layer.gate(x, i), layer.gate(recurred, i))) for i in range(2))
        if before_reset:
            candidate = run("mul", r, layer.gate(recurred, 2))
        else:
            weights = part(layer.call, layer.recurrence, 1, 2 * size, size)
            bias = [part(layer.call, layer.recurrent_bias, 0, 2 * size, size)] if layer.recurrent_bias else []
            candidate = run("matmul", run("mul", r, hidden), weights, *bias)
        h = g(run("add", layer.gate(x, 2), candidate))
        return [run("add", run("mul", run("sub", layer.call.like(1.0, z), z), h), run("mul", z, hidden))]

    return recurrent(call, 3, ["Sigmoid", "Tanh"], 1, step)


@lowers("LSTM")
def lstm(call: Call) -> list[str]:
    """Gates i, o, f, c. `Ct = f · Ct₋₁ + i · c`, `Ht = o · h(Ct)`; peepholes let the gates see the cell."""
    coupled = bool(call.integer("input_forget", 0))

    def step(layer: Layer, x: str, state: Sequence[str]) -> list[str]:
        hidden, cell = state
        run = layer.run
        f, g, h = layer.curves
        total = run("add", x, _recurred(layer, hidden))
        parts = [layer.gate(total, i) for i in range(4)]

        def peep(value: str, i: int, seen: str) -> str:
            if not call.has(7):
                return value
            whole = call.reshape(part(call, call.value(7), 0, layer.index, 1), [3 * layer.hidden])
            return run("add", value, run("mul", part(call, whole, 0, i * layer.hidden, layer.hidden), seen))

        entry = f(peep(parts[0], 0, cell))
        keep = run("sub", call.like(1.0, entry), entry) if coupled else f(peep(parts[2], 2, cell))
        fresh = run("add", run("mul", keep, cell), run("mul", entry, g(parts[3])))
        gate = f(peep(parts[1], 1, fresh))
        return [run("mul", gate, h(fresh)), fresh]

    return recurrent(call, 4, ["Sigmoid", "Tanh", "Tanh"], 2, step)
