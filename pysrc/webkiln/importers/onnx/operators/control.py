"""Control flow: decided at conversion where it can be (branches whose condition is known, short loops of known length), else by the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings.control_flow import Made, branch, cut, loop, make_body
from webkiln.importers.lowerings.movement import part, reversed_axis
from webkiln.importers.measured import measured
from webkiln.importers.onnx.driver import lower_all, read_constants
from webkiln.importers.onnx.lowering import Call, NotMade, Typed
from webkiln.importers.onnx.nodes import operations
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import differ

UNROLLED_NODES = 512  # of the source, in all rounds of a loop that is unrolled


def body(call: Call, graph: Any, prefix: str, arguments: Mapping[str, Typed]) -> list[Typed]:
    """The outputs of a subgraph, lowered in place under names with a prefix of their own."""
    lowering, scope = call.lowering, call.scope().inner(f"{call.label}/{prefix}/{len(call.lowering.dtypes)}/")
    for formal, value in arguments.items():
        lowering.hold(scope.define(formal), value)
    read_constants(lowering, graph, scope)
    problems = lower_all(lowering, operations(graph.node, scope))
    lowering.problems += problems
    names = [scope.name(output.name) for output in graph.output]
    for name in names:
        if not lowering.defined(name):
            call.fail(f"the output {name!r} of its subgraph is made by nothing")
        if name in lowering.missing:
            raise NotMade
        if name in lowering.lists:
            raise Refused("a sequence that control flow gives", "Let it give the tensors, or one tensor of all of them")
    return [lowering.held(name) for name in names]


def as_value(call: Call, result: Typed) -> str:
    """A result as a value of the graph."""
    return call.lowering.as_value(call.label, result)


@lowers("If")
def if_(call: Call) -> list[Typed]:
    """The branch that is taken, where that is known; else both become bodies."""
    known = call.known(0)
    if known is not None and known.size == 1 and isinstance(known.reshape(-1)[0], (bool, int)):
        taken = "then_branch" if known.reshape(-1)[0] else "else_branch"
        return body(call, call.graph(taken), taken, {})
    condition = call.reshape(call.value(0), [])
    dtypes: list[list[str]] = []

    def lower(name: str) -> Made:
        def values(_: list[str]) -> list[str]:
            results = body(call, call.graph(name), name, {})
            dtypes.append([result.dtype for result in results])
            return [as_value(call, result) for result in results]

        return make_body(call, [], values)

    then, otherwise = (lower(name) for name in ("then_branch", "else_branch"))
    if dtypes[0] != dtypes[1]:
        raise Refused(f"branches that give {', '.join(dtypes[0])} and {', '.join(dtypes[1])}")
    return [Typed(value, dtype) for value, dtype in zip(branch(call, condition, then, otherwise), dtypes[0], strict=True)]


@lowers("Loop")
def loop_(call: Call) -> list[Typed]:
    """Unrolled where it is short and its length is known; else a loop."""
    graph = call.graph("body")
    states = len(call) - 2
    if len(graph.input) != 2 + states:
        call.fail(f"its body takes {len(graph.input)} inputs, expected {2 + states}")
    count = call.array(0) if call.has(0) else None
    rounds = int(count.reshape(-1)[0]) if count is not None and count.size == 1 else None
    if rounds is not None and rounds * len(graph.node) <= UNROLLED_NODES:
        first_node = len(call.builder.graph.nodes)
        try:
            return _unrolled(call, graph, rounds)
        except Refused:
            cut(call, first_node, [], [])
    return _looped(call, graph, rounds)


def _unrolled(call: Call, graph: Any, count: int) -> list[Typed]:
    going = _truth(call, call.same(1)) if call.has(1) else True
    state = [call.same(i) for i in range(2, len(call))]
    formal = [one.name for one in graph.input]
    kept: list[list[Typed]] = [[] for _ in range(len(graph.output) - 1 - len(state))]
    step = 0
    while going and step < count:
        number = Typed(np.array(step, np.int64), "int64")
        outputs = body(call, graph, str(step), dict(zip(formal, [number, Typed(np.array(True), "bool"), *state], strict=True)))
        going = _truth(call, outputs[0])
        state = outputs[1 : 1 + len(state)]
        for results, result in zip(kept, outputs[1 + len(state) :], strict=True):
            results.append(result)
        step += 1
    return [*state, *(_stacked(call, results, 0) for results in kept)]


def _looped(call: Call, graph: Any, rounds: int | None) -> list[Typed]:
    """Carried are the number of the round, whether to go on, and the loop's own values."""
    formal = [one.name for one in graph.input]
    dtypes = ["int64", "bool", *(call.dtype(i) for i in range(2, len(call)))]
    going = call.reshape(call.value(1), []) if call.has(1) else call.constant(np.array(True))
    start = [call.constant(np.array(0, np.int32)), going, *(call.value(i) for i in range(2, len(call)))]
    limit = call.reshape(call.value(0), []) if call.has(0) else None
    stacked: list[str] = []

    def test(values: list[str]) -> str:
        return values[1] if limit is None else call.node("logical_and", [values[1], call.node("less", [values[0], limit])])

    def step(values: list[str]) -> list[str]:
        arguments = [Typed(value, dtype) for value, dtype in zip(values, dtypes, strict=True)]
        results = body(call, graph, "body", dict(zip(formal, arguments, strict=True)))
        found = [result.dtype for result in results]
        if found[: len(dtypes) - 1] != dtypes[1:]:
            call.fail(f"its body gives {', '.join(found)}, expected {', '.join(dtypes[1:])} and what is stacked")
        stacked[:] = found[len(dtypes) - 1 :]
        following = [as_value(call, result) for result in results]
        return [call.node("add", [values[0], call.constant(np.array(1, np.int32))]), call.reshape(following[0], []), *following[1:]]

    made = loop(call, start, len(start), test, step)
    return [Typed(value, dtype) for value, dtype in zip(made[2:], [*dtypes[2:], *stacked], strict=True)]


def _truth(call: Call, condition: Typed) -> bool:
    name = f"{call.label}/condition{len(call.builder.graph.values)}"
    call.lowering.hold(name, condition)
    array = call.lowering.array(name)
    if array is None or array.size != 1:
        raise Refused("a loop that goes on for as long as a run tells", "Export with loops unrolled and conditions fixed")
    return bool(array.reshape(-1)[0])


def _stacked(call: Call, results: Sequence[Typed], axis: int) -> Typed:
    """Results of equal shapes along a new axis."""
    if not results:
        raise Refused("a loop without iterations, whose results have a shape that is not known")
    values = [as_value(call, result) for result in results]
    shape = call.builder.shape(values[0])
    at = call.axis(axis, len(shape) + 1)
    rows = [call.reshape(value, [*shape[:at], 1, *shape[at:]]) for value in values]
    return Typed(call.node("concat", rows, axis=at) if len(rows) > 1 else rows[0], results[0].dtype)


@lowers("Scan")
def scan(call: Call) -> list[Typed]:
    """Unrolled over the elements along an axis of each scanned input."""
    if call.version < 9:
        raise Refused(f"the form of operator set {call.version}")
    graph, scanned = call.graph("body"), call.integer("num_scan_inputs", 0)
    states = len(call) - scanned
    formal = [one.name for one in graph.input]
    if states < 0 or len(formal) != len(call) or scanned < 1:
        call.fail(f"its body takes {len(formal)} inputs, expected {len(call)}")
    results = len(graph.output) - states
    axes, directions = call.integers("scan_input_axes", [0] * scanned), call.integers("scan_input_directions", [0] * scanned)
    out_axes, out_directions = call.integers("scan_output_axes", [0] * results), call.integers("scan_output_directions", [0] * results)
    axes = [call.axis(axis, call.rank(states + i)) for i, axis in enumerate(axes)]
    lengths = [call.shape(states + i)[axis] for i, axis in enumerate(axes)]
    if any(differ(length, lengths[0]) for length in lengths):
        call.fail(f"it scans {', '.join(map(str, lengths))} elements at once")
    length = lengths[0]
    if isinstance(length, int) and length > 0 and length * len(graph.node) <= UNROLLED_NODES:
        made = _scan_unrolled(call, graph, states, axes, directions, length)
        return [*made[:states], *(_stacked(call, rows[::-1] if out_directions[i] else rows, out_axes[i]) for i, rows in enumerate(made[states:]))]
    return _scan_looped(call, graph, states, list(zip(axes, directions, strict=True)), list(zip(out_axes, out_directions, strict=True)), length)



def _scan_unrolled(call: Call, graph: Any, states: int, axes: Sequence[int], directions: Sequence[int], length: int) -> list[Any]:
    """The last states, and for each other result those of all rounds."""
    formal = [one.name for one in graph.input]
    state = [call.same(i) for i in range(states)]
    kept: list[list[Typed]] = [[] for _ in graph.output[states:]]
    for step in range(length):
        elements = []
        for i, axis in enumerate(axes):
            shape = call.shape(states + i)
            at = length - 1 - step if directions[i] else step
            one = call.reshape(part(call, call.value(states + i), axis, at, 1), [*shape[:axis], *shape[axis + 1 :]])
            elements.append(Typed(one, call.dtype(states + i)))
        outputs = body(call, graph, str(step), dict(zip(formal, [*state, *elements], strict=True)))
        state = outputs[:states]
        for found, result in zip(kept, outputs[states:], strict=True):
            found.append(result)
    return [*state, *kept]


def _scan_looped(
    call: Call, graph: Any, states: int, scanned: Sequence[tuple[int, int]], given: Sequence[tuple[int, int]], length: Dim
) -> list[Typed]:
    """`scanned`, `given`: axis and direction of each input that is scanned, and of each result that is stacked."""
    formal = [one.name for one in graph.input]
    dtypes = [call.dtype(i) for i in range(len(call))]
    stacked: list[str] = []
    total = call.reshape(measured(call.builder, objects([length]), f"{call.label}/length"), [])
    last = call.node("sub", [total, call.constant(np.array(1, np.int32))])
    start = [call.constant(np.array(0, np.int32)), *(call.value(i) for i in range(states))]

    def step(values: list[str]) -> list[str]:
        elements = []
        for i, (axis, direction) in enumerate(scanned):
            at = call.node("sub", [last, values[0]]) if direction else values[0]
            elements.append(call.node("gather", [call.value(states + i), at], axis=axis))
        arguments = [Typed(value, dtype) for value, dtype in zip([*values[1:], *elements], dtypes, strict=True)]
        results = body(call, graph, "body", dict(zip(formal, arguments, strict=True)))
        stacked[:] = [result.dtype for result in results[states:]]
        return [call.node("add", [values[0], call.constant(np.array(1, np.int32))]), *(as_value(call, result) for result in results)]

    made = loop(call, start, len(start), lambda values: call.node("less", [values[0], total]), step, length)
    results = [Typed(value, dtype) for value, dtype in zip(made[1 : 1 + states], dtypes, strict=False)]
    for value, dtype, (axis, direction) in zip(made[1 + states :], stacked, given, strict=True):
        rank = len(call.builder.shape(value))
        value = reversed_axis(call, value, 0) if direction else value
        at = call.axis(axis, rank)
        results.append(Typed(call.transpose(value, [*range(1, at + 1), 0, *range(at + 1, rank)]), dtype))
    return results
