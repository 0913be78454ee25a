"""Control flow: operators that run other graphs. A run decides which, and how often.

| operator | inputs | bodies | outputs |
|---|---|---|---|
| `if` | `condition` (one element, bool), then operands | `then`, `otherwise`: the operands to the outputs | those of the one that runs |
| `while` | `carried` values (as many as the attribute says), then invariants | `condition`: all inputs to one bool; `body`: all inputs to the next carried values, then values that are stacked | the last carried values, then what was stacked, along a new first axis |

The sizes of an output that the bodies do not determine are symbols, which take their values when the operator has run.
"""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.errors import ShapeError
from webkiln.graph.dims import Dim
from webkiln.graph.graph import Graph, Value

CONTROL = {"if": ("then", "otherwise"), "while": ("condition", "body")}
"""The names of the bodies, by operator."""

MAXIMUM_ITERATIONS = 1_000_000
"""A loop that runs longer is taken for one that never ends."""


def check_control(op: str, inputs: Sequence[Value], carried: int, bodies: Sequence[Graph], results: Sequence[Value]) -> None:
    """Raise `ShapeError` unless bodies take these inputs and give these results, as far as that is known before a run."""
    if len(bodies) != len(CONTROL[op]):
        raise ShapeError(f"{op} has {len(bodies)} bodies, wanted {len(CONTROL[op])}: {', '.join(CONTROL[op])}")
    if op == "if":
        if not inputs or inputs[0].dtype != "bool" or not may_be(inputs[0].shape, (1,) * len(inputs[0].shape)):
            raise ShapeError(f"if takes a condition of one bool first, not {inputs[0] if inputs else 'nothing'}")
        for name, body in zip(CONTROL[op], bodies, strict=True):
            check_values(f"if: the inputs of {name}", [body.values[one] for one in body.inputs], inputs[1:])
            check_values(f"if: the outputs of {name}", [body.values[one] for one in body.outputs], results)
        return
    condition, body = bodies
    if not 0 <= carried <= len(inputs):
        raise ShapeError(f"while carries {carried} of {len(inputs)} inputs")
    for name, one in zip(CONTROL[op], bodies, strict=True):
        check_values(f"while: the inputs of {name}", [one.values[value] for value in one.inputs], inputs)
    tests = [condition.values[value] for value in condition.outputs]
    if len(tests) != 1 or tests[0].dtype != "bool" or not may_be(tests[0].shape, (1,) * len(tests[0].shape)):
        raise ShapeError(f"while takes a condition that gives one bool, not {', '.join(map(str, tests)) or 'nothing'}")
    given = [body.values[value] for value in body.outputs]
    check_values("while: the carried outputs of body", given[:carried], results[:carried])
    check_values("while: what is carried on", given[:carried], [body.values[value] for value in body.inputs[:carried]])
    stacked = [Value(value.dtype, value.shape[1:]) for value in results[carried:] if value.shape]
    check_values("while: what is stacked", given[carried:], stacked)


def check_values(what: str, given: Sequence[Value], wanted: Sequence[Value]) -> None:
    """Raise `ShapeError` unless each value may be of the dtype and shape that is wanted in its place."""
    if len(given) != len(wanted):
        raise ShapeError(f"{what} are {len(given)}, wanted {len(wanted)}")
    for number, (one, other) in enumerate(zip(given, wanted, strict=True)):
        if one.dtype != other.dtype or not may_be(one.shape, other.shape):
            raise ShapeError(f"{what}: number {number} is {one}, wanted {other}")


def may_be(shape: Sequence[Dim], other: Sequence[Dim]) -> bool:
    """Whether two shapes may be the same in some run."""
    pairs = zip(shape, other, strict=False)
    return len(shape) == len(other) and all(a == b for a, b in pairs if isinstance(a, int) and isinstance(b, int))
