"""Graphs and their builder: names, order, state, what part of a graph is needed."""

from __future__ import annotations

import numpy as np
import pytest
from webkiln import reference
from webkiln.errors import GraphError, InputError, ShapeError
from webkiln.graph.build import GraphBuilder, infer
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import parse_dim, symbol
from webkiln.graph.graph import Constant, Graph, Node, State, Value
from webkiln.graph.signature import Argument, Signature

F32 = Value("f32", (2,))


def chain() -> Graph:
    """x → exp → y → neg → z, and an unused branch x → sin → s."""
    b = GraphBuilder()
    b.input("x", "f32", [2])
    b.node("sin", ["x"], output="s")
    b.node("exp", ["x"], output="y")
    b.node("neg", ["y"], output="z")
    b.output("z")
    b.constant(np.float32([1, 2]), "spare")
    return b.graph


def test_a_good_graph_passes() -> None:
    chain().check()
    Graph().check()


def broken(change) -> Graph:
    graph = chain()
    change(graph)
    return graph


@pytest.mark.parametrize(("change", "message"), [
    (lambda g: g.nodes.append(Node("neg", ("nowhere",), ("q",))), "node 3 (neg) reads 'nowhere', which is not defined"),
    (lambda g: g.nodes.reverse(), "node 0 (neg) reads 'y', which is made only later: the graph has a cycle"),
    (lambda g: g.nodes.__setitem__(1, Node("exp", ("z",), ("y",), name="stem")), "node 1 (exp 'stem') reads 'z', which is made only later"),
    (lambda g: g.nodes.__setitem__(1, Node("exp", ("y",), ("y",))), "made only later"),
    (lambda g: g.nodes.append(Node("neg", ("x",), ("y",))), "'y' is defined twice, the second time by node 3 (neg)"),
    (lambda g: g.inputs.append("x"), "'x' is defined twice, the second time by an input"),
    (lambda g: g.inputs.append("spare"), "'spare' is defined twice, the second time by a constant"),
    (lambda g: g.outputs.append("nowhere"), "the output 'nowhere' is not defined"),
    (lambda g: g.values.__setitem__("spare", Value("f32", (3,))), "the constant 'spare' is f32 [2], and the graph says f32 [3]"),
    (lambda g: g.values.pop("y"), "the dtype and shape of 'y', defined by node 1 (exp), are unknown"),
    (lambda g: g.state.append(State("h", "y")), "the state 'h' is not an input"),
    (lambda g: g.state.append(State("x", "nowhere")), "'nowhere' is not defined"),
    (lambda g: (g.values.__setitem__("z", Value("f32", (3,))), g.state.append(State("x", "z"))), "differ in dtype or shape"),
    (lambda g: g.state.append(State("x", "z", "y")), "the initial state 'y' is not a constant"),
])  # fmt: skip
def test_what_is_wrong_is_told(change, message) -> None:
    with pytest.raises(GraphError) as caught:
        broken(change).check()
    assert message in str(caught.value)


def test_optional_inputs_may_be_left_out() -> None:
    graph = chain()
    graph.values["c"] = Value("f32", (1, 1))
    graph.nodes.append(Node("neg", ("z", ""), ("c",)))
    graph.check()


def test_the_part_that_is_needed() -> None:
    part = chain().restricted({"y"})
    assert [node.op for node in part.nodes] == ["exp"]
    assert (part.inputs, part.outputs, set(part.values), part.constants) == (["x"], ["y"], {"x", "y"}, {})
    part.check()
    both = chain().restricted({"s", "z"})
    assert both.outputs == ["z", "s"]
    assert [node.op for node in both.nodes] == ["sin", "exp", "neg"]
    with pytest.raises(GraphError, match="no value 'nowhere'"):
        chain().restricted({"nowhere"})


def stateful() -> Graph:
    b = GraphBuilder()
    b.input("x", "f32", [2])
    b.input("h", "f32", [2])
    b.constant(np.float32([1, 2]), "start")
    b.node("add", ["x", "h"], output="sum")
    b.node("neg", ["x"], output="y")
    b.output("y")
    b.state("h", "sum", "start")
    return b.graph


def test_the_next_states_and_their_beginnings_are_always_needed() -> None:
    part = stateful().restricted({"y"})
    assert [node.op for node in part.nodes] == ["add", "neg"]
    assert set(part.constants) == {"start"}
    assert part.results() == {"y", "sum"}
    part.check()


def test_state_from_run_to_run() -> None:
    graph = stateful()
    first = reference.initial_state(graph, graph.state[0], {})
    values = reference.run(graph, {"x": np.float32([1, 1]), "h": first})
    assert values["sum"].tolist() == [2, 3]
    assert reference.initial_state(graph, State("h", "sum"), {}).tolist() == [0, 0]


def test_producers_and_consumers() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [2])
    y = b.node("mul", [x, x], output="y")
    assert b.graph.producers()[y].op == "mul"
    assert [node.op for node in b.graph.consumers()[x]] == ["mul", "mul"]


def test_copies_are_independent() -> None:
    graph = chain()
    other = graph.copy()
    other.nodes.clear()
    other.values.clear()
    other.inputs.append("q")
    assert (len(graph.nodes), graph.inputs) == (3, ["x"])
    graph.check()


def test_fresh_names() -> None:
    graph = chain()
    assert graph.fresh("new") == "new"
    assert graph.fresh("x") == "x.1"
    graph.values["x.1"] = F32
    assert graph.fresh("x") == "x.2"


# -- the builder ----------------------------------------------------------------------------------------------------------


def test_shapes_and_defaults_are_inferred() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, symbol("H"), 8, 3])
    y = b.node("conv2d", [x, b.constant(np.zeros((3, 3, 3, 4), np.float16))], {"padding": [1, 1, 1, 1], "stride": [2, 2]}, name="stem")
    assert b.dtype(y) == "f32"
    assert [str(dim) for dim in b.shape(y)] == ["1", "floordiv(H - 1, 2) + 1", "4", "4"]
    assert b.graph.nodes[0].attributes == {"padding": [1, 1, 1, 1], "stride": [2, 2], "dilation": [1, 1], "groups": 1}
    assert b.graph.nodes[0].name == "stem"
    assert y == "stem"
    assert b.array(x) is None


def test_a_window_may_be_larger_than_a_symbolic_picture() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, symbol("H"), symbol("H"), 1])
    y = b.node("max_pool2d", [x], {"window": [3, 3]})
    b.output(y)
    assert str(b.shape(y)[1]) == "max(0, H - 2)"
    for size, expected in ((1, 0), (2, 0), (5, 3)):
        values = reference.run(b.graph, {"x": np.zeros((1, size, size, 1), np.float32)})
        assert values[y].shape == (1, expected, expected, 1)


@pytest.mark.parametrize(("first", "second", "expected"), [
    (["H"], [5], "5"), ([5], ["H"], "5"), (["H"], [1], "H"), ([1], ["H"], "H"), (["H"], ["H"], "H"), ([2, 1], ["H"], "2, H"),
])  # fmt: skip
def test_broadcasting_symbols(first, second, expected) -> None:
    def dims(shape):
        return [symbol(size) if isinstance(size, str) else size for size in shape]

    b = GraphBuilder()
    y = b.node("add", [b.input("a", "f32", dims(first)), b.input("b", "f32", dims(second))])
    assert ", ".join(map(str, b.shape(y))) == expected


@pytest.mark.parametrize(("op", "inputs", "attributes", "kind", "message"), [
    ("fft", ["x"], {}, GraphError, "no operator 'fft'"),
    ("neg", ["nowhere"], {}, GraphError, "neg reads 'nowhere', which is not defined"),
    ("neg", [], {}, ShapeError, "neg takes x, not 0 inputs"),
    ("neg", ["x", "x"], {}, ShapeError, "neg takes x, not 2 inputs"),
    ("concat", [], {"axis": 0}, ShapeError, "concat takes xs*, not 0"),
    ("matmul", ["x", "x"], {}, ShapeError, "matmul: needs matrices"),
    ("add", ["x", "i"], {}, ShapeError, "add: add has no variant for f32, i32"),
    ("reduce_sum", ["x"], {}, ShapeError, "needs the attribute 'axes'"),
    ("reduce_sum", ["x"], {"axis": 0}, ShapeError, "no attribute 'axis'"),
])  # fmt: skip
def test_wrong_nodes_are_refused(op, inputs, attributes, kind, message) -> None:
    b = GraphBuilder()
    b.input("x", "f32", [3])
    b.input("i", "i32", [3])
    with pytest.raises(kind) as caught:
        b.node(op, inputs, attributes)
    assert message in str(caught.value)
    assert not b.graph.nodes


def test_names_are_defined_once() -> None:
    b = GraphBuilder()
    b.input("x", "f32", [1])
    with pytest.raises(GraphError, match="'x' is defined twice"):
        b.input("x", "f32", [1])
    with pytest.raises(GraphError, match="'x' is defined twice"):
        b.node("neg", ["x"], output="x")
    assert b.constant(np.float32([1]), "x") == "x.1"


def test_optional_inputs_at_the_end_fall_away() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [2, 2])
    b.node("matmul", [x, x, ""])
    assert b.graph.nodes[0].inputs == (x, x)


def test_constants_have_a_canonical_dtype() -> None:
    assert Constant(np.zeros(1, np.float16)).dtype == "f32"
    assert Constant(np.float16([1.5])).array.dtype == np.float32
    for array in (np.zeros(1), np.zeros(1, np.int64), np.array(["a"]), np.zeros(1, ">f4")):
        with pytest.raises(GraphError, match="wanted float16 or one of float32, int32"):
            GraphBuilder().constant(array)


def test_sums_undo_broadcasts() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [4, 2, 3])
    for shape in ([4, 2, 3], [2, 3], [1, 3], [4, 1, 1], [1], []):
        assert b.shape(b.sum_to(x, shape)) == shape
    assert b.sum_to(x, [4, 2, 3]) == x


def test_inference_alone() -> None:
    filled, results = infer("transpose", [Value("i8", (2, 3))], {"permutation": [1, 0]})
    assert (filled, results) == ({"permutation": [1, 0]}, [Value("i8", (3, 2))])


# -- running ----------------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_told() -> None:
    graph = chain()
    good = np.zeros(2, np.float32)
    for inputs, message in (
        ({}, "the input 'x' is missing"),
        ({"x": good.astype(np.float64)}, "has dtype float64, wanted float32"),
        ({"x": np.zeros(3, np.float32)}, "has shape [3], wanted [2]"),
        ({"x": good, "q": good}, "there is no input 'q'"),
    ):
        with pytest.raises(InputError) as caught:
            reference.run(graph, inputs)
        assert message in str(caught.value)


def test_keeping_every_value() -> None:
    values = reference.run(chain(), {"x": np.zeros(2, np.float32)}, keep=True)
    assert set(values) == {"s", "y", "z"}
    assert set(reference.run(chain(), {"x": np.zeros(2, np.float32)})) == {"z"}


def test_an_input_or_a_constant_may_be_an_output() -> None:
    graph = chain()
    graph.outputs += ["x", "spare"]
    values = reference.run(graph, {"x": np.float32([5, 6])})
    assert values["x"].tolist() == [5, 6]
    assert values["spare"].tolist() == [1, 2]


@pytest.mark.parametrize(("dims", "shape", "expected"), [
    (["H", "W"], (3, 4), {"H": 3, "W": 4}), (["H", "H"], (3, 3), {"H": 3}), (["2*H"], (6,), {"H": 3}), (["2*H + 1"], (7,), {"H": 3}),
    (["H", "H*H"], (3, 9), {"H": 3}), (["H - 2"], (0,), {"H": 2}), (["5"], (5,), {}),
])  # fmt: skip
def test_symbols_take_their_values_from_shapes(dims, shape, expected) -> None:
    symbols: dict[str, int] = {}
    assert reference.match_shape(tuple(map(parse_dim, dims)), shape, symbols)
    assert symbols == expected


@pytest.mark.parametrize(("dims", "shape"), [
    (["H", "H"], (3, 4)), (["2*H"], (5,)), (["2*H"], (0,)), (["H"], (0,)), (["H"], (3, 3)), (["H*H"], (9,)), (["5"], (4,)), (["H", "H + 1"], (3, 5)),
])  # fmt: skip
def test_shapes_that_do_not_fit(dims, shape) -> None:
    assert not reference.match_shape(tuple(map(parse_dim, dims)), shape, {})


def test_sizes_that_only_fit_by_their_symbols_are_checked_when_running() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [symbol("N")])
    b.output(b.node("reshape", [x], {"shape": [2, 3]}, name="fold"))
    assert reference.run(b.graph, {"x": np.zeros(6, np.float32)})["fold"].shape == (2, 3)
    with pytest.raises(ShapeError, match=r"reshape 'fold'.*cannot reshape \[5\] to \[2, 3\]"):
        reference.run(b.graph, {"x": np.zeros(5, np.float32)})


def test_the_part_of_a_signature() -> None:
    b = GraphBuilder()
    x, z = b.input("x", "f32", [2]), b.input("z", "f32", [2])
    b.node("neg", [x], output="a")
    b.node("add", [x, z], output="b")
    one = Signature("one", [Argument("x", "x", "float32", (2,))], [Argument("a", "a", "float32", (2,))])
    short = Signature("short", [Argument("x", "x", "float32", (2,))], [Argument("b", "b", "float32", (2,))])
    bundle = Bundle(b.graph, [one, short])
    part = bundle.part(one)
    assert (part.inputs, part.outputs, [node.op for node in part.nodes]) == (["x"], ["a"], ["neg"])
    with pytest.raises(GraphError, match="'short' does not give 'z'"):
        bundle.part(short)
