"""Control flow, whose bodies are subgraphs that see nothing but their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from webkiln.errors import FormatError
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.control_flow import Made, branch, loop, make_body
from webkiln.importers.tflite.file import Subgraph
from webkiln.importers.tflite.lowering import Call, NotMade
from webkiln.importers.tflite.operators.recurrence import STATEFUL
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.variables import ASSIGN, READ

Given = str | np.ndarray  # a value of the graph, or what is known at conversion: elements, or sizes (an array of objects)


@lowers("IF", options="IfOptions")
def if_(call: Call) -> list[Given]:
    """The branch that is taken, where that is known; else both become bodies."""
    bodies = _bodies(call)
    given = [_held(call, i) for i in range(1, len(call))]
    for body in bodies:
        if len(body.inputs) != len(given) or len(body.outputs) != call.output_count:
            raise FormatError(f"{call.where}: a branch takes {len(body.inputs)} inputs and gives {len(body.outputs)}, expected {len(given)} and {call.output_count}")
    condition = call.array(0)
    if condition is not None:
        if condition.size != 1:
            call.fail(f"a condition of {condition.size} elements")
        return _lowered(call, bodies[0 if condition.reshape(-1)[0] else 1], given)
    chooses = call.reshape(call.value(0), [])

    def made(body: Subgraph) -> Made:
        return make_body(call, [], lambda _: _values(call, body, given))

    return [*branch(call, chooses, made(bodies[0]), made(bodies[1]))]


@lowers("WHILE", options="WhileOptions")
def while_(call: Call) -> list[Given]:
    """What the body gives back as it got it stays as it is; the rest is carried from round to round."""
    condition, body = _bodies(call)
    count = len(call)
    if not len(condition.inputs) == len(body.inputs) == len(body.outputs) == call.output_count == count or len(condition.outputs) != 1:
        found = f"{len(condition.inputs)} and {len(body.inputs)} inputs and give {len(condition.outputs)} and {len(body.outputs)}"
        raise FormatError(f"{call.where}: its bodies take {found}, expected {count} and 1")
    carried = [i for i in range(count) if body.outputs[i] != body.inputs[i]]
    held = {i: _held(call, i) for i in range(count) if i not in carried}
    read = [*carried, *(i for i, one in held.items() if isinstance(one, str))]

    def arguments(values: Sequence[str]) -> list[Given]:
        found = held | dict(zip(read, values, strict=True))
        return [found[i] for i in range(count)]

    def test(values: list[str]) -> str:
        return call.reshape(_values(call, condition, arguments(values))[0], [])

    def step(values: list[str]) -> list[str]:
        results = _values(call, body, arguments(values))
        return [results[i] for i in carried]

    made = dict(zip(carried, loop(call, [call.value(i) for i in read], len(carried), test, step), strict=False))
    return [made[i] if i in made else held[i] for i in range(count)]


def _bodies(call: Call) -> tuple[Subgraph, ...]:
    if len(call.operator.bodies) != 2:
        raise Refused("control flow without bodies")
    return call.operator.bodies


def _held(call: Call, i: int) -> Given:
    """Input `i`: what is known of it stays known."""
    index, lowering = call.tensor(i).index, call.lowering
    for known in (lowering.known, lowering.arrays):
        if index in known:
            return known[index]
    return call.value(i)


def _values(call: Call, body: Subgraph, given: Sequence[Given]) -> list[str]:
    """The results of a body as values of the graph."""
    _lowered(call, body, given)
    return [call.lowering.value(index) for index in body.outputs]


def _lowered(call: Call, body: Subgraph, given: Sequence[Given]) -> list[Given]:
    """The results of a body, lowered in place."""
    from webkiln.importers.tflite.driver import in_order, lower_all  # it knows all operators, and so this one

    lowering = call.lowering
    for operator in body.operators:
        if operator.name in STATEFUL or operator.name in (READ, ASSIGN):
            raise Refused(f"{operator.name} in a body: what is kept from run to run", "Give the state as inputs and outputs")
    lowering.forget({*body.inputs, *(index for operator in body.operators for index in operator.outputs)})
    for index, one in zip(body.inputs, given, strict=True):
        if isinstance(one, str):
            lowering.names[index] = one
        elif one.dtype == object:
            lowering.known[index] = one
        else:
            lowering.arrays[index] = one
    problems = lower_all(lowering, in_order(replace(body, tensors=lowering.subgraph.tensors), lowering))
    if problems:
        raise NotMade(problems)
    return [lowering.known.get(index, lowering.arrays.get(index, lowering.names.get(index, ""))) for index in body.outputs]
