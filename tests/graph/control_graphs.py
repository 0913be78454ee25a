"""Small graphs with control flow and with sizes that a run computes, the inputs to try them on, and what they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from webkiln import Model
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.graph import Graph, Value
from webkiln.graph.signature import Argument, Signature

Array = np.ndarray


@dataclass(frozen=True)
class ControlCase:
    """A graph, one or more sets of inputs, and the meaning of the graph: inputs in order to outputs in order."""

    name: str
    graph: Graph
    meaning: Callable[..., tuple[Array, ...]]
    inputs: list[tuple[Array, ...]] = field(default_factory=list)


def positives() -> ControlCase:
    """The positive elements, in order: their number is known when the run has counted them."""
    b, n, count = GraphBuilder(), symbol("N"), symbol("count", 0)
    b.input("x", "f32", [n])
    flags = b.node("cast", [b.node("greater", ["x", b.scalar(0.0)])], {"to": "i32"})
    b.node("reduce_sum", [flags], {"axes": [0], "keep_dims": False}, output="how_many")
    b.graph.elements["how_many"] = ("count",)
    order = b.node("argsort", [flags], {"axis": 0, "descending": True})
    chosen = b.node("slice", [order], {"start": [0], "size": [count], "step": [1]})
    b.node("gather", ["x", chosen], {"axis": 0}, output="y")
    b.output("y")
    inputs = [(np.float32([1, -2, 3, 0, 5]),), (np.float32([-1]),), (np.float32([4, 4]),)]
    return ControlCase("positives", b.graph, lambda x: (x[x > 0],), inputs)


def halves() -> ControlCase:
    """An `if` whose branches give different sizes, one of them a constant; what follows reads the size only."""
    then = GraphBuilder()
    then.input("x", "f32", [symbol("N")])
    then.output(then.node("mul", ["x", then.scalar(2.0)]))
    otherwise = GraphBuilder()
    otherwise.input("x", "f32", [symbol("N")])
    otherwise.output(otherwise.constant(np.float32([7, 8]), "x2"))
    b = GraphBuilder()
    b.input("x", "f32", [symbol("N")])
    b.input("flag", "bool", [])
    (y,) = b.control("if", ["flag", "x"], [then.graph, otherwise.graph], [Value("f32", (symbol("M", 0),))], ["y"])
    b.output(y)
    b.output(b.node("expand", [b.scalar(3.0)], {"shape": [symbol("M", 0)]}, output="threes"))

    def meaning(x: Array, flag: Array) -> tuple[Array, ...]:
        y = x * 2 if flag else np.float32([7, 8])
        return y, np.full(y.shape, 3, np.float32)

    x = np.float32([1, 2, 3])
    return ControlCase("halves", b.graph, meaning, [(x, np.array(True)), (x, np.array(False)), (x[:1], np.array(True))])


def _step_of_powers() -> Graph:
    """(i, v, x, limit) → (i + 1, v · weights, v[0])"""
    body = GraphBuilder()
    body.input("i", "i32", [])
    body.input("v", "f32", [1, 3])
    body.input("x", "f32", [3, 3])
    body.input("limit", "i32", [])
    body.output(body.node("add", ["i", body.scalar(1, np.int32)]))
    body.output(body.node("matmul", [body.node("matmul", ["v", body.constant(np.float32([[1, 2, 0], [0, 1, 0], [0, 0, 2]]), "weights")]), "x"]))
    body.output(body.node("reshape", ["v"], {"shape": [3]}))
    return body.graph


def powers() -> ControlCase:
    """A `while` with a counter, a row that is multiplied again and again, and the rows before, stacked; no round at all for a limit of 0."""
    test = GraphBuilder()
    for name, dtype, shape in (("i", "i32", []), ("v", "f32", [1, 3]), ("x", "f32", [3, 3]), ("limit", "i32", [])):
        test.input(name, dtype, shape)
    test.output(test.node("less", ["i", "limit"]))
    b = GraphBuilder()
    b.input("v", "f32", [1, 3])
    b.input("x", "f32", [3, 3])
    b.input("limit", "i32", [])
    start = b.scalar(0, np.int32)
    results = [Value("i32", ()), Value("f32", (1, 3)), Value("f32", (symbol("rounds", 0), 3))]
    names = b.control("while", [start, "v", "x", "limit"], [test.graph, _step_of_powers()], results, carried=2, name="loop")
    b.output(b.node("neg", [names[1]], output="last"))
    b.output(names[2])
    b.output(names[0])

    def meaning(v: Array, x: Array, limit: Array) -> tuple[Array, ...]:
        rows = []
        for _ in range(int(limit)):
            rows.append(v[0])
            v = v @ np.float32([[1, 2, 0], [0, 1, 0], [0, 0, 2]]) @ x
        return -v, np.reshape(np.float32(rows), (-1, 3)), np.int32(limit)

    v, x = np.float32([[1, 2, 3]]), np.float32([[0, 1, 0], [0, 0, 1], [0.5, 0, 0]])
    return ControlCase("powers", b.graph, meaning, [(v, x, np.array(limit, np.int32)) for limit in (3, 0, 1)])


def growing() -> ControlCase:
    """A loop that carries a list which grows, with an `if` inside that captures it, and sizes told inside of the body."""
    keep = GraphBuilder()
    keep.input("list", "f32", [symbol("L", 0)])
    keep.output("list")
    double = GraphBuilder()
    double.input("list", "f32", [symbol("L", 0)])
    double.output(double.node("concat", ["list", "list"], {"axis": 0}))
    body = GraphBuilder()
    body.input("i", "i32", [])
    body.input("list", "f32", [symbol("L", 0)])
    body.input("flags", "bool", [symbol("T")])
    body.graph.elements["i"] = ("now",)
    flag = body.node("slice", ["flags"], {"start": [symbol("now", 0)], "size": [1], "step": [1]})
    (longer,) = body.control("if", [flag, "list"], [double.graph, keep.graph], [Value("f32", (symbol("K", 0),))])
    body.output(body.node("add", ["i", body.scalar(1, np.int32)]))
    body.output(body.node("add", [longer, body.scalar(1.0)]))
    test = GraphBuilder()
    test.input("i", "i32", [])
    test.input("list", "f32", [symbol("L", 0)])
    test.input("flags", "bool", [symbol("T")])
    test.output(test.node("less", ["i", test.constant(np.array([3], np.int32))]))
    b = GraphBuilder()
    b.input("list", "f32", [symbol("N")])
    b.input("flags", "bool", [symbol("T")])
    _, last = b.control(
        "while", [b.scalar(0, np.int32), "list", "flags"], [test.graph, body.graph], [Value("i32", ()), Value("f32", (symbol("Z", 0),))], carried=2
    )
    b.output(last)

    def meaning(values: Array, flags: Array) -> tuple[Array, ...]:
        for flag in flags[:3]:
            values = (np.concatenate([values, values]) if flag else values) + 1
        return (values,)

    return ControlCase("growing", b.graph, meaning, [(np.float32([1, 2]), np.array(flags)) for flags in ([True, False, True], [False, False, False, True])])


def remembering() -> ControlCase:
    """A state that a branch changes or leaves: 1 is added in every run whose flag is set."""
    plus, same = GraphBuilder(), GraphBuilder()
    plus.input("h", "f32", [2])
    plus.output(plus.node("add", ["h", plus.scalar(1.0)]))
    same.input("h", "f32", [2])
    same.output("h")
    b = GraphBuilder()
    b.input("flag", "bool", [1])
    b.input("h", "f32", [2])
    (following,) = b.control("if", ["flag", "h"], [plus.graph, same.graph], [Value("f32", (2,))])
    b.state("h", following)
    b.output(b.node("mul", [following, b.scalar(10.0)], output="y"))
    return ControlCase("remembering", b.graph, lambda flag, h: (10 * (h + flag),), [(np.array([flag]),) for flag in (True, True, False, True)])


STATELESS = [positives(), halves(), powers(), growing()]


def model_of_case(case: ControlCase) -> Model:
    """The model of a case, whose arguments have the names of the values."""
    states = {state.input for state in case.graph.state}

    def arguments(names: list[str]) -> list[Argument]:
        values = [(name, case.graph.values[name]) for name in names if name not in states]
        return [Argument(name, name, CANONICAL[value.dtype].name, value.shape) for name, value in values]

    return Model(Bundle(case.graph, [Signature("main", arguments(case.graph.inputs), arguments(case.graph.outputs))], name=case.name))
