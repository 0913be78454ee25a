"""Control flow that is decided at conversion: branches whose condition is known, loops whose length is. Else both branches are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.driver import lower_all, read_constants
from webkiln.importers.onnx.lowering import Call, NotMade, Typed
from webkiln.importers.onnx.nodes import operations
from webkiln.importers.onnx.registry import lowers

ITERATIONS_LIMIT = 4096


def body(call: Call, graph: Any, prefix: str, arguments: Mapping[str, Typed]) -> list[Typed]:
    """The outputs of a subgraph, lowered in place under names with a prefix of their own."""
    lowering, scope = call.lowering, call.scope().inner(f"{call.label}/{prefix}/")
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
    return [lowering.held(name) for name in names]


def as_value(call: Call, result: Typed) -> str:
    """A result as a value of the graph."""
    name = f"{call.label}/{len(call.builder.graph.values)}"
    call.lowering.hold(name, result)
    return call.lowering.value(name)


@lowers("If")
def if_(call: Call) -> list[Typed]:
    """The branch that is taken; when only a run can tell, both, and a choice between results of equal shapes."""
    known = call.known(0)
    if known is not None and known.size == 1 and isinstance(known.reshape(-1)[0], (bool, int)):
        taken = "then_branch" if known.reshape(-1)[0] else "else_branch"
        return body(call, call.graph(taken), taken, {})
    condition = call.reshape(call.value(0), [])
    branches = [body(call, call.graph(name), name, {}) for name in ("then_branch", "else_branch")]
    results = []
    for a, b in zip(*branches, strict=True):
        left, right = as_value(call, a), as_value(call, b)
        if a.dtype != b.dtype or call.builder.shape(left) != call.builder.shape(right):
            raise Refused("branches that differ in shape or dtype, where only a run can tell which is taken", FIX_SIZES)
        narrow = call.builder.dtype(left) in ("u8", "i8")
        pair = [call.wide(left), call.wide(right)] if narrow else [left, right]
        value = call.node("where", [condition, *pair])
        results.append(Typed(call.narrow(value, a.dtype) if narrow else value, a.dtype))
    return results


@lowers("Loop")
def loop(call: Call) -> list[Typed]:
    """Unrolled: as many times as is known, or until the condition is known to fail."""
    graph = call.graph("body")
    count = call.ints(0, "the number of iterations")[0] if call.has(0) else None
    going = _truth(call, call.same(1)) if call.has(1) else True
    state = [call.same(i) for i in range(2, len(call))]
    formal = [one.name for one in graph.input]
    if len(formal) != 2 + len(state):
        call.fail(f"its body takes {len(formal)} inputs, expected {2 + len(state)}")
    kept: list[list[Typed]] = [[] for _ in range(len(graph.output) - 1 - len(state))]
    step = 0
    while going and (count is None or step < count):
        if step >= ITERATIONS_LIMIT:
            raise Refused(f"a loop of more than {ITERATIONS_LIMIT} iterations")
        number = Typed(np.array(step, np.int64), "int64")
        values = [number, Typed(np.array(True), "bool"), *state]
        outputs = body(call, graph, str(step), dict(zip(formal, values, strict=True)))
        going = _truth(call, outputs[0])
        state = outputs[1 : 1 + len(state)]
        for results, result in zip(kept, outputs[1 + len(state) :], strict=True):
            results.append(result)
        step += 1
    return [*state, *(_stacked(call, results, 0) for results in kept)]


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
    lengths = {call.shape(states + i)[axis] for i, axis in enumerate(axes)}
    length = lengths.pop()
    if lengths or not isinstance(length, int) or not 0 < length <= ITERATIONS_LIMIT:
        raise Refused(f"a scan over {length} elements", FIX_SIZES)
    state = [call.same(i) for i in range(states)]
    kept: list[list[Typed]] = [[] for _ in range(results)]
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
    stacked = [_stacked(call, found[::-1] if out_directions[i] else found, out_axes[i]) for i, found in enumerate(kept)]
    return [*state, *stacked]
