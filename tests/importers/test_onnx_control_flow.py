"""If, Loop and Scan that a run decides, against ONNX's own evaluator: one conversion, any condition, number of rounds and length."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import webkiln
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx_model import model_of, written
from webkiln.errors import UnsupportedOperatorError

FLOAT, INT, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
node, info = helper.make_node, helper.make_tensor_value_info
RNG = np.random.default_rng(3)


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, np.ndarray] | None = None) -> onnx.GraphProto:
    return helper.make_graph(nodes, "body", inputs, outputs, [onnx.numpy_helper.from_array(array, name) for name, array in (constants or {}).items()])


@dataclass
class FlowCase:
    model: onnx.ModelProto
    runs: list[dict[str, np.ndarray]]
    kinds: tuple[str, ...]  # of the control flow that must be left to the run
    meaning: Callable[..., tuple[np.ndarray, ...]] | None = None  # where ONNX's own evaluator lacks something


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def branches_of_different_sizes() -> FlowCase:
    """Both read x from around them; one keeps its first row, the other multiplies it by a matrix of its own."""
    then = graph([node("Slice", ["x", "zero", "one"], ["a"])], [], [info("a", FLOAT, None)], {"zero": np.array([0]), "one": np.array([1])})
    other = graph([node("MatMul", ["x", "w"], ["m"]), node("Relu", ["m"], ["b"])], [], [info("b", FLOAT, None)], {"w": normal(3, 3)})
    nodes = [node("ReduceSum", ["x"], ["sum"], keepdims=0), node("Greater", ["sum", "limit"], ["c"]), node("If", ["c"], ["y"], then_branch=then, else_branch=other), node("Neg", ["y"], ["z"])]
    model = model_of(nodes, [info("x", FLOAT, ["N", 3])], ["z", "y"], {"limit": np.float32(0)})
    x = np.abs(normal(4, 3))
    return FlowCase(model, [{"x": x}, {"x": -x}, {"x": x[:2]}], ("if",))


def a_costly_branch() -> FlowCase:
    """Equal shapes: only the convolution that is wanted is computed."""
    branches = [graph([node("Conv", ["x", "w"], ["r"])], [], [info("r", FLOAT, None)], {"w": normal(2, 2, 3, 3)}) for _ in range(2)]
    model = model_of([node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1])], [info("x", FLOAT, [1, 2, 6, 5]), info("c", BOOL, [])], ["y"])
    return FlowCase(model, [{"x": normal(1, 2, 6, 5), "c": np.array(c)} for c in (True, False)], ("if",))


def a_loop(count: bool, condition: bool) -> FlowCase:
    """h ← tanh(h · w + b) while its sum is small and rounds are left; the rounds' numbers and values are stacked."""
    body = graph(
        [node("MatMul", ["h", "w"], ["m"]), node("Add", ["m", "bias"], ["s"]), node("Tanh", ["s"], ["next"]), node("ReduceSum", ["next"], ["total"], keepdims=0),
         node("Less", ["total", "limit"], ["going"]), node("Cast", ["i"], ["number"], to=FLOAT), node("Mul", ["next", "number"], ["scaled"])],
        [info("i", INT, []), info("before", BOOL, []), info("h", FLOAT, [1, 3])],
        [info("going", BOOL, []), info("next", FLOAT, [1, 3]), info("scaled", FLOAT, [1, 3]), info("number", FLOAT, [])],
        {"w": np.eye(3, dtype=np.float32) * 1.5},
    )  # fmt: skip
    inputs = [info("start", FLOAT, [1, 3]), info("bias", FLOAT, [3]), info("limit", FLOAT, [])]
    inputs += [info("m", INT, [])] if count else []
    inputs += [info("c", BOOL, [])] if condition else []
    loop = node("Loop", ["m" if count else "", "c" if condition else "", "start"], ["last", "rows", "numbers"], body=body)
    runs = []
    for limit, rounds, going in ((2.0, 5, True), (9.0, 3, True), (9.0, 0, True), (2.0, 4, False)):
        one: dict[str, np.ndarray] = {"start": np.float32([[0.1, 0.2, -0.1]]), "bias": np.float32([0.2, 0.3, 0.1]), "limit": np.float32(limit)}
        one |= {"m": np.array(rounds)} if count else {}
        one |= {"c": np.array(going)} if condition else {}
        if count or (limit == 2.0 and (condition or going)):
            runs.append(one)

    def meaning(start: np.ndarray, bias: np.ndarray, limit: np.ndarray, m: Any = 10**6, c: Any = True) -> tuple[np.ndarray, ...]:
        rows: list[np.ndarray] = []
        while c and len(rows) < m:
            start = np.tanh(start * np.float32(1.5) + bias)
            rows.append(start * np.float32(len(rows)))
            c = start.sum() < limit
        return start, np.reshape(np.float32(rows), (-1, 1, 3)), np.arange(len(rows), dtype=np.float32)

    return FlowCase(model_of([loop], inputs, ["last", "rows", "numbers"]), runs, ("while",), meaning)


def a_list_that_grows() -> FlowCase:
    """x ← concat(x, x[:1] + i), with an If inside that skips even rounds."""
    add = graph([node("Slice", ["x", "zero", "one"], ["first"]), node("Add", ["first", "number"], ["f"]), node("Concat", ["x", "f"], ["longer"], axis=0)], [], [info("longer", FLOAT, None)], {"zero": np.array([0]), "one": np.array([1])})
    same = graph([node("Identity", ["x"], ["kept"])], [], [info("kept", FLOAT, None)])
    body = graph(
        [node("Mod", ["i", "two"], ["odd"]), node("Cast", ["odd"], ["is_odd"], to=BOOL), node("Cast", ["i"], ["number"], to=FLOAT), node("If", ["is_odd"], ["y"], then_branch=add, else_branch=same), node("Identity", ["c"], ["going"])],
        [info("i", INT, []), info("c", BOOL, []), info("x", FLOAT, ["n", 2])],
        [info("going", BOOL, []), info("y", FLOAT, ["n", 2])],
        {"two": np.array(2)},
    )
    model = model_of([node("Loop", ["m", "yes", "x0"], ["y"], body=body), node("Shape", ["y"], ["s"])], [info("m", INT, []), info("x0", FLOAT, ["N", 2])], ["y", "s"], {"yes": np.array(True)})
    return FlowCase(model, [{"m": np.array(m), "x0": normal(n, 2)} for m, n in ((0, 2), (1, 1), (5, 2), (6, 2))], ("while", "if"))


def a_scan(directions: int) -> FlowCase:
    """A running sum of columns, and each one's difference from it, of sequences of any length."""
    body = graph([node("Add", ["h", "x"], ["n"]), node("Sub", ["x", "n"], ["d"]), node("Identity", ["n"], ["k"])], [info("h", FLOAT, [2]), info("x", FLOAT, [2])], [info("n", FLOAT, [2]), info("d", FLOAT, [2]), info("k", FLOAT, [2])])
    scan = node("Scan", ["h0", "xs"], ["last", "ds", "ks"], body=body, num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[directions], scan_output_axes=[1, 0], scan_output_directions=[0, directions])
    model = model_of([scan], [info("h0", FLOAT, [2]), info("xs", FLOAT, [2, "T"])], ["last", "ds", "ks"])

    def meaning(h0: np.ndarray, xs: np.ndarray) -> tuple[np.ndarray, ...]:
        steps = xs.T[::-1] if directions else xs.T
        sums = np.add.accumulate([h0, *steps])[1:]
        return sums[-1], (steps - sums).T, sums[::-1] if directions else sums

    return FlowCase(model, [{"h0": normal(2), "xs": normal(2, t)} for t in (1, 4, 7)], ("while",), meaning)


def a_recurrent_layer(op: str, direction: str) -> FlowCase:
    """Sequences of any length, with lengths and a state of their own; the weights go into the loop."""
    gates, count = {"LSTM": 4, "GRU": 3}[op], 2 if direction == "bidirectional" else 1
    weights = {"w": normal(count, gates * 3, 2), "r": normal(count, gates * 3, 3), "b": normal(count, 6 * gates)}
    shapes = [("x", FLOAT, ["S", 2, 2]), ("lengths", TensorProto.INT32, [2]), ("h", FLOAT, [count, 2, 3])]
    names = [["y", "y_h", "y_c"], ["y", "y_h"]][op == "GRU"]
    layer = node(op, ["x", "w", "r", "b", "lengths", "h"], names, hidden_size=3, direction=direction)
    model = model_of([layer], [info(*one) for one in shapes], names, weights)
    runs = [{"x": normal(s, 2, 2), "lengths": np.int32([s, max(1, s - 2)]), "h": normal(count, 2, 3)} for s in (1, 4)]

    def meaning(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """As it is unrolled, which another test holds against the equations."""
        fixed = model_of([layer], [info(name, dtype, [inputs["x"].shape[0], 2, 2] if name == "x" else shape) for name, dtype, shape in shapes], names, weights)
        with tempfile.TemporaryDirectory() as folder:
            unrolled = webkiln.convert(written(fixed, Path(folder)))
        assert not any(one.bodies for one in unrolled.graph.nodes)
        results = unrolled.run(inputs)
        return tuple(results[name] for name in names)

    return FlowCase(model, runs, ("while",), meaning)


def sizes_that_are_computed() -> FlowCase:
    """The first elements of x up to its greatest, and as many numbers from 0."""
    nodes = [node("ArgMax", ["x"], ["at"], keepdims=1), node("Slice", ["x", "zero", "at"], ["y"]), node("Squeeze", ["at"], ["end"]), node("Range", ["first", "end", "step"], ["r"])]
    model = model_of(nodes, [info("x", FLOAT, ["N"])], ["y", "r"], {"zero": np.array([0]), "first": np.array(0), "step": np.array(1)})
    return FlowCase(model, [{"x": np.float32(x)} for x in ([1, 5, 2], [0, 1, 2, 3], [4])], ())


CASES = {
    "branches of different sizes": branches_of_different_sizes(),
    "a costly branch": a_costly_branch(),
    "a loop with a count and a condition": a_loop(True, True),
    "a loop with a count": a_loop(True, False),
    "a loop with a condition": a_loop(False, True),
    "a list that grows": a_list_that_grows(),
    "a scan": a_scan(0),
    "a scan from the end": a_scan(1),
    "an LSTM": a_recurrent_layer("LSTM", "reverse"),
    "a GRU": a_recurrent_layer("GRU", "bidirectional"),
    "sizes that are computed": sizes_that_are_computed(),
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_decides(name: str, tmp_path, node_session: webkiln.Session) -> None:
    case = CASES[name]
    model = webkiln.convert(written(case.model, tmp_path))
    evaluator = None if case.meaning else ReferenceEvaluator(case.model)
    for inputs in case.runs:
        results = case.meaning(**inputs) if case.meaning else evaluator.run(None, inputs)
        expected = dict(zip([one.name for one in case.model.graph.output], results, strict=True))
        for received in (model.run(inputs), node_session.run(model, inputs)):
            for output, wanted in expected.items():
                assert received[output].shape == np.shape(wanted), (output, inputs)
                np.testing.assert_allclose(received[output], wanted, rtol=1e-5, atol=1e-5)
    found = [one.op for one in model.graph.nodes]
    assert [kind for kind in case.kinds[:1] if kind not in found] == []


def test_branches_of_different_ranks_are_refused(tmp_path) -> None:
    flat = graph([node("Flatten", ["x"], ["a"])], [], [info("a", FLOAT, None)])
    same = graph([node("Identity", ["x"], ["b"])], [], [info("b", FLOAT, None)])
    model = model_of([node("If", ["c"], ["y"], then_branch=flat, else_branch=same)], [info("x", FLOAT, [1, 2, 2]), info("c", BOOL, [])], ["y"])
    with pytest.raises(UnsupportedOperatorError, match="branches that give"):
        webkiln.convert(written(model, tmp_path))
