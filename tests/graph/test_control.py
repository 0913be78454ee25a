"""Control flow and sizes that a run computes: what graphs with them give, what parts of them are needed, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from control_graphs import STATELESS, ControlCase, halves, positives, powers
from webkiln import reference
from webkiln.errors import GraphError, InputError, ShapeError
from webkiln.graph import control
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Value
from webkiln.passes import optimize


@pytest.mark.parametrize("optimized", [False, True], ids=["as written", "optimized"])
@pytest.mark.parametrize("case", STATELESS, ids=lambda case: case.name)
def test_the_reference_gives_what_is_meant(case: ControlCase, optimized: bool) -> None:
    graph = optimize(case.graph) if optimized else case.graph
    graph.check()
    for arrays in case.inputs:
        results = reference.run(graph, dict(zip(graph.inputs, arrays, strict=True)))
        for name, wanted in zip(graph.outputs, case.meaning(*arrays), strict=True):
            np.testing.assert_allclose(results[name], wanted, rtol=1e-6)
            assert results[name].shape == wanted.shape


def test_what_tells_a_size_is_needed_by_what_has_the_size() -> None:
    graph = halves().graph
    assert any(node.op == "if" for node in graph.restricted({"threes"}).nodes)
    graph = positives().graph
    assert "how_many" in graph.restricted({"y"}).elements
    assert not graph.restricted({"argsort"}).elements


def test_a_size_is_not_used_before_it_is_told() -> None:
    graph = positives().graph
    node = next(node for node in graph.nodes if node.op == "slice")
    graph.nodes.remove(node)
    graph.nodes.insert(0, node)
    graph.nodes[0] = type(node)("slice", ("x",), node.outputs, node.attributes)
    with pytest.raises(GraphError, match="needs the symbol count, which 'how_many' tells only later"):
        graph.check()


def test_a_constant_may_tell_a_size() -> None:
    b = GraphBuilder()
    b.input("x", "f32", [])
    b.graph.elements[b.constant(np.array(3, np.int32), "three")] = ("n",)
    b.output(b.node("expand", ["x"], {"shape": [symbol("n", 0)]}))
    assert reference.run(b.graph, {"x": np.float32(2)})[b.graph.outputs[0]].tolist() == [2, 2, 2]


@pytest.mark.parametrize(("outputs", "message"), [
    ([Value("f32", (2,))], "number 0 is f32 [N], wanted f32 [2]"),
    ([Value("i32", (symbol("M"),))], "wanted i32 [M]"),
    ([Value("f32", (symbol("M"), 1))], "wanted f32 [M, 1]"),
    ([], "are 1, wanted 0"),
])  # fmt: skip
def test_branches_must_give_what_is_declared(outputs: list[Value], message: str) -> None:
    node = next(node for node in halves().graph.nodes if node.op == "if")
    b = GraphBuilder()
    b.input("x", "f32", [symbol("N")])
    b.input("flag", "bool", [])
    if outputs and outputs[0].shape == (2,):
        b.control("if", ["flag", "x"], node.bodies, outputs)  # N may be 2
        with pytest.raises(ShapeError, match=r"if gives \[3\]"):
            reference.run(_ending(b), {"x": np.zeros(3, np.float32), "flag": np.array(True)})
        return
    with pytest.raises(ShapeError) as caught:
        b.control("if", ["flag", "x"], node.bodies, outputs)
    assert message in str(caught.value)


def _ending(b: GraphBuilder):
    b.output(b.graph.nodes[-1].outputs[0])
    return b.graph


def test_a_loop_that_never_ends_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr(reference, "MAXIMUM_ITERATIONS", 50)
    case = powers()
    v, x, _ = case.inputs[0]
    with pytest.raises(InputError, match="while 'loop' does not end within 50 iterations"):
        reference.run(case.graph, dict(zip(case.graph.inputs, (v, x, np.array(10**6, np.int32)), strict=True)))
    assert control.MAXIMUM_ITERATIONS >= 10**6
