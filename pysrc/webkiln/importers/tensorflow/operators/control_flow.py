"""Branches, loops and calls: functions that are lowered in place of the node, or become bodies that a run chooses from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from webkiln.graph.dims import symbols_of
from webkiln.graph.graph import Value
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.control_flow import Made, branch, loop, make_body
from webkiln.importers.tensorflow.driver import lower_all
from webkiln.importers.tensorflow.functions import Function, within
from webkiln.importers.tensorflow.lists import is_list, zeros
from webkiln.importers.tensorflow.lowering import Call, NotMade, Typed
from webkiln.importers.tensorflow.nodes import node_of
from webkiln.importers.tensorflow.registry import lowers
from webkiln.ops.rules import product

CALLED_LIMIT = 2**18  # nodes of functions in all
NESTING_LIMIT = 32
BODIES_LIMIT = 2**11  # that are lowered, some of them more than once: each one more takes longer


def function(call: Call, attribute: str) -> Function:
    """The function that an attribute names."""
    return named(call, call.text(attribute))


def named(call: Call, name: str) -> Function:
    if name not in call.lowering.functions:
        call.fail(f"it names the function {name!r}, which the file does not have")
    return call.lowering.functions[name]


def results(call: Call, of: Function, arguments: Sequence[Typed]) -> list[Typed]:
    """What a function gives, lowered in place under names of its own."""
    values = call.lowering
    if len(arguments) != len(of.inputs):
        call.fail(f"the function {of.name!r} takes {len(of.inputs)} inputs, but is given {len(arguments)}")
    values.called += len(of.nodes)
    if values.called > CALLED_LIMIT or len(values.running) >= NESTING_LIMIT or of.name in values.running:
        raise Refused(f"functions that run each other {'without end' if of.name in values.running else 'more often than is converted'}")
    prefix = f"{call.label}/{of.name}/{len(values.dtypes)}/"
    for formal, argument in zip(of.inputs, arguments, strict=True):
        values.hold(prefix + formal, argument)
    for name, (array, dtype) in of.constants.items():
        values.constant(prefix + name, array, dtype)
    values.running.append(of.name)
    problems = lower_all(values, [within(node, prefix) for node in of.nodes])
    values.running.pop()
    values.problems += problems
    names = [prefix + output for output in of.outputs]
    for name in names:
        if node_of(name) in values.missing:
            raise NotMade
        if name not in values.dtypes:
            call.fail(f"the function {of.name!r} gives {name.removeprefix(prefix)!r}, which its node does not make")
    return [values.held(name) for name in names]


def in_body(call: Call, of: Function, arguments: Sequence[Typed]) -> list[Typed]:
    """The same, as a body or a part of one."""
    call.lowering.bodies += 1
    if call.lowering.bodies > BODIES_LIMIT:
        raise Refused(f"more than {BODIES_LIMIT} bodies of branches and loops in each other")
    return results(call, of, arguments)


def as_value(call: Call, result: Typed) -> str:
    """A result as a value of the graph."""
    name = f"{call.label}/result{len(call.lowering.dtypes)}"
    call.lowering.hold(name, result)
    return call.lowering.value(name)


def truth(call: Call, result: Typed) -> str:
    """A condition (bool []): of numbers, whether it is not 0; of more than one element, whether there are any."""
    value = as_value(call, result)
    shape = call.builder.shape(value)
    if shape and product(shape) != 1:
        if not isinstance(product(shape), int):
            raise Refused("a condition of as many elements as a run tells", FIX_SIZES)
        return call.constant(np.array(product(shape) > 0))
    if call.builder.dtype(value) != "bool":
        value = call.node("not_equal", [call.wide(value), call.like(0, call.wide(value))])
    return call.reshape(value, [])


def known_truth(call: Call, i: int) -> bool | None:
    """The condition that is input `i`, where it is known at conversion."""
    array = call.array(i)
    return None if array is None else bool(array.reshape(-1)[0]) if array.size == 1 else array.size > 0


@lowers("PartitionedCall", "StatefulPartitionedCall")
def called(call: Call) -> list[Typed]:
    return results(call, function(call, "f"), [call.same(i) for i in range(len(call))])


@lowers("If", "StatelessIf")
def if_(call: Call) -> list[Typed]:
    taken = known_truth(call, 0)
    branches = [function(call, "then_branch"), function(call, "else_branch")]
    if taken is not None:
        return results(call, branches[0 if taken else 1], _given(call))
    return _chosen(call, [truth(call, call.same(0))], branches)


@lowers("Case", "StatelessCase")
def case(call: Call) -> list[Typed]:
    """The branch with the number that is input 0; the last one for a number that none has."""
    branches = [named(call, name) for name in call.texts("branches")]
    if not branches:
        call.fail("it has no branches")
    number = call.array(0)
    if number is not None and number.size == 1:
        index = int(number.reshape(-1)[0])
        return results(call, branches[index if 0 <= index < len(branches) else -1], _given(call))
    index_value = call.reshape(call.wide(call.value(0)), [])
    return _chosen(call, [call.node("equal", [index_value, call.like(i, index_value)]) for i in range(len(branches) - 1)], branches)


def _given(call: Call) -> list[Typed]:
    return [call.same(i) for i in range(1, len(call))]


def _chosen(call: Call, conditions: Sequence[str], branches: Sequence[Function]) -> list[Typed]:
    """What the first branch gives whose condition (bool []) is true; there is one branch more. All but one that is alone become bodies."""
    if not conditions:
        return in_body(call, branches[0], _given(call))
    dtypes: list[list[str]] = []

    def made(lower: Callable[[], list[Typed]]) -> Made:
        def values(_: list[str]) -> list[str]:
            found = lower()
            dtypes.append([result.dtype for result in found])
            return [as_value(call, result) for result in found]

        return make_body(call, [], values)

    then = made(lambda: in_body(call, branches[0], _given(call)))
    otherwise = made(lambda: _chosen(call, conditions[1:], branches[1:]))
    if dtypes[0] != dtypes[-1]:
        call.fail(f"its branches give {', '.join(dtypes[0]) or 'nothing'} and {', '.join(dtypes[-1]) or 'nothing'}")
    return [Typed(value, dtype) for value, dtype in zip(branch(call, conditions[0], then, otherwise), dtypes[0], strict=True)]


@lowers("While", "StatelessWhile")
def while_(call: Call) -> list[Typed]:
    """What its body gives back as it is stays the same, and is as well known in it as outside."""
    test, body = function(call, "cond"), function(call, "body")
    if not len(call) == len(body.inputs) == len(body.outputs) == len(test.inputs) or len(test.outputs) != 1:
        call.fail(f"it takes {len(call)} values, its body {len(body.inputs)} and its condition {len(test.inputs)}; they give {len(body.outputs)} and {len(test.outputs)}")
    given = [call.same(i) for i in range(len(call))]
    kept = body.kept()
    carried = [i for i in range(len(call)) if i not in kept]
    dtypes = [given[i].dtype for i in carried]

    def arguments(values: list[str]) -> list[Typed]:
        passed = list(given)
        for i, value, dtype in zip(carried, values, dtypes, strict=True):
            passed[i] = Typed(value, dtype)
        return passed

    def step(values: list[str]) -> list[str]:
        found = in_body(call, body, arguments(values))
        following = [found[i] for i in carried]
        if [result.dtype for result in following] != dtypes:
            call.fail(f"it carries {', '.join(dtypes)}, but its body gives {', '.join(result.dtype for result in following)}")
        return [as_value(call, result) for result in following]

    start = [call.value(i) for i in carried]
    if any(is_list(dtype) and 0 in call.builder.shape(value)[1:] for dtype, value in zip(dtypes, start, strict=True)):
        start = _with_elements(call, start, dtypes, make_body(call, [call.builder.graph.values[value] for value in start], step))
    made = loop(call, start, len(start), lambda values: truth(call, in_body(call, test, arguments(values))[0]), step)
    found = list(given)
    for i, value, dtype in zip(carried, made, dtypes, strict=True):
        found[i] = Typed(value, dtype)
    return found


def _with_elements(call: Call, start: Sequence[str], dtypes: Sequence[str], trial: Made) -> list[str]:
    """What a loop starts with, where the elements of lists are of the shape that a round gives them."""
    found = []
    for value, dtype, given in zip(start, dtypes, trial.results(), strict=True):
        shape = call.builder.shape(value)
        if is_list(dtype) and 0 in shape[1:] and list(given.shape[1:]) != shape[1:]:
            if any(not trial.symbols.isdisjoint(symbols_of(size)) for size in given.shape[1:]):
                raise Refused("a list of elements whose sizes only its loop tells", FIX_SIZES)
            value = zeros(call, Value(given.dtype, (shape[0], *given.shape[1:])))
        found.append(value)
    return found
