"""Branches, loops and lists of graph models, in functions and in the form of TensorFlow 1, against what they mean: one conversion, any condition and number of rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from best_boxes import kept
from tfjs_writer import Named, function, node, placeholder, weight, write
from webkiln.errors import FormatError, UnsupportedOperatorError

RNG = np.random.default_rng(4)
Array = Any
W, BIAS = RNG.normal(size=(3, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32 if isinstance(value, float) else np.int32)


@dataclass
class FlowCase:
    inputs: dict[str, tuple[str, tuple[int, ...]]]
    nodes: list[dict[str, Any]]
    outputs: list[str]
    meaning: Callable[..., tuple[Array, ...]]
    runs: list[dict[str, np.ndarray]]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    functions: list[dict[str, Any]] = field(default_factory=list)
    kinds: tuple[str, ...] = ()  # of the control flow that must be left to the run

    def write(self, folder: Path) -> Path:
        nodes = [*(placeholder(name, dtype, shape) for name, (dtype, shape) in self.inputs.items()), *self.nodes]
        outputs = {f"y{i}": {"name": value} for i, value in enumerate(self.outputs)}
        return write(folder, nodes, [weight(name, array) for name, array in self.constants.items()], outputs=outputs, functions=self.functions)


def branches() -> FlowCase:
    """Both take x and a matrix; one keeps the first row, the other calls a function that multiplies, with a constant of its own."""
    first = function("first", ["x", "w"], [node("cut", "Slice", ["x", "first/zero", "first/size"]), *const("first/zero", "first/size")], {"y": "cut:output:0"})
    times = function("times", ["x", "w"], [node("product", "MatMul", ["x", "w"]), node("call", "PartitionedCall", ["product:product:0"], f=Named("bent"))], {"y": "call:output:0"})
    bent = function("bent", ["x"], [node("top", "TopKV2", ["x", "bent/two"]), *const("bent/two")], {"values": "top:values:0"})
    nodes = [node("sum", "Sum", ["x", "axes"]), node("positive", "Greater", ["sum", "zero"])]
    nodes += [node("y", "StatelessIf", ["positive", "x", "w"], then_branch=Named("first"), else_branch=Named("times")), node("z", "Neg", ["y"])]
    constants = {"axes": np.array([0, 1]), "zero": number(0.0), "w": W, "first/zero": np.array([0, 0]), "first/size": np.array([1, 2]), "bent/two": np.array(2)}
    x = np.abs(normal(4, 3))
    return FlowCase(
        *({"x": ("float32", (-1, 3))}, nodes, ["y", "z"]),
        lambda x: (y := x[:1, :2] if x.sum() > 0 else -np.sort(-(x @ W), 1)[:, :2], -y),
        [{"x": x}, {"x": -x}, {"x": x[:2]}],
        constants,
        [first, times, bent],
        ("if",),
    )


def cases() -> FlowCase:
    """One of three functions by a number; the last one for any number that is none of theirs."""
    functions = [
        function("square", ["x"], [node("a", "Square", ["x"])], {"y": "a:y:0"}),
        function("rows", ["x"], [node("a", "Sum", ["x", "rows/axis"], keep_dims=True), *const("rows/axis")], {"y": "a:output:0"}),
        function("same", ["x"], [], {"y": "x"}),
    ]
    nodes = [node("y", "StatelessCase", ["n", "x"], branches=[Named(of["signature"]["name"]) for of in functions]), node("z", "Neg", ["y"])]

    def meaning(n: Array, x: Array) -> tuple[Array, ...]:
        y = x**2 if n == 0 else x.sum(0, keepdims=True) if n == 1 else x
        return y, -y

    runs = [{"n": number(n), "x": normal(3, 2)} for n in (0, 1, 2, -1, 7)]
    return FlowCase({"n": ("int32", ()), "x": ("float32", (-1, 2))}, nodes, ["y", "z"], meaning, runs, {"rows/axis": np.array([0])}, functions, ("if",))


def const(*names: str) -> list[dict[str, Any]]:
    return [node(name, "Const", dtype="DT_INT32" if not name.endswith("f") else "DT_FLOAT") for name in names]


def a_loop(op: str) -> FlowCase:
    """h ← tanh(h · w + b) while its sum is small and rounds are left, by way of an axis that never changes."""
    state = ["i", "h", "w", "axes"]
    test = [node("total", "Sum", ["h", "axes"]), node("small", "Less", ["total:output:0", "limit_f"]), node("left", "Less", ["i", "ten"])]
    test += [node("both", "LogicalAnd", ["small:z:0", "left:z:0"]), *const("limit_f", "ten")]
    step = [node("m", "MatMul", ["h", "w"]), node("s", "AddV2", ["m:product:0", "bias_f"]), node("t", "Tanh", ["s:z:0"]), node("next", "AddV2", ["i", "one"])]
    step += [node("kept", "Identity", ["axes"]), *const("bias_f", "one")]
    functions = [
        function("going", state, test, {"going": "both:z:0"}),
        function("round", state, step, {"i": "next:z:0", "h": "t:y:0", "w": "w", "axes": "kept:output:0"}),
    ]
    nodes = [node("loop", op, ["zero", "start", "w", "axes"], cond=Named("going"), body=Named("round"))]

    def meaning(start: Array) -> tuple[Array, ...]:
        i = 0
        while start.sum() < 2 and i < 10:
            i, start = i + 1, np.tanh(start @ W + BIAS)
        return np.int32(i), start, np.array([0, 1], np.int32)

    constants = {"zero": np.array(0), "w": W, "axes": np.array([0, 1]), "limit_f": number(2.0), "ten": np.array(10), "bias_f": BIAS, "one": np.array(1)}
    runs = [{"start": np.full((n, 3), value, np.float32)} for n, value in ((1, 9.0), (1, 0.1), (2, -0.5), (3, 0.6))]
    return FlowCase({"start": ("float32", (-1, 3))}, nodes, ["loop", "loop:1", "loop:3"], meaning, runs, constants, functions, ("while",))


def a_recurrent_layer() -> FlowCase:
    """As Keras writes it: a list of steps, another one of results, of elements whose first size is not said; and the number of steps is open."""
    state = ["time", "steps", "results", "h", "xs", "w"]
    step = [node("x", "TensorListGetItem", ["xs", "time", "step/shape"], element_dtype="DT_FLOAT"), node("m", "MatMul", ["h", "w"]), node("s", "AddV2", ["x:item:0", "m:product:0"])]
    step += [node("t", "Tanh", ["s:z:0"]), node("set", "TensorListSetItem", ["results", "time", "t:y:0"], element_dtype="DT_FLOAT"), node("later", "AddV2", ["time", "step/one"])]
    functions = [
        function("before_end", state, [node("less", "Less", ["time", "steps"])], {"going": "less:z:0"}),
        function("step", state, [*step, *const("step/shape", "step/one")], {"time": "later:z:0", "steps": "steps", "results": "set:output_handle:0", "h": "t:y:0", "xs": "xs", "w": "w"}),
    ]
    nodes = [node("turned", "Transpose", ["x", "order"]), node("sizes", "Shape", ["turned"], out_type="DT_INT32")]
    nodes += [node("steps", "StridedSlice", ["sizes", "at0", "at1", "at1"], shrink_axis_mask=1), node("batch", "StridedSlice", ["sizes", "at1", "at2", "at1"], shrink_axis_mask=1)]
    nodes += [node("shape0", "Pack", ["batch", "three"]), node("h0", "Fill", ["shape0", "zero_f"]), node("xs", "TensorListFromTensor", ["turned", "shape"], element_dtype="DT_FLOAT")]
    nodes += [node("results", "TensorListReserve", ["shape", "steps"], element_dtype="DT_FLOAT")]
    nodes += [node("loop", "While", ["zero", "steps", "results", "h0", "xs", "w"], cond=Named("before_end"), body=Named("step"))]
    nodes += [node("stacked", "TensorListStack", ["loop:2", "shape"], element_dtype="DT_FLOAT", num_elements=-1), node("y", "Transpose", ["stacked", "order"])]
    constants = {"order": np.array([1, 0, 2]), "at0": np.array([0]), "at1": np.array([1]), "at2": np.array([2]), "three": np.array(3), "zero_f": number(0.0)}
    constants |= {"zero": np.array(0), "step/one": np.array(1), "shape": np.array([-1, 3]), "step/shape": np.array([-1, 3]), "w": W}

    def meaning(x: Array) -> tuple[Array, ...]:
        h, rows = np.zeros((len(x), 3), np.float32), []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] + h @ W)
            rows.append(h)
        return np.stack(rows, 1), h

    runs = [{"x": normal(n, t, 3)} for n, t in ((1, 4), (2, 7), (3, 1))]
    return FlowCase({"x": ("float32", (-1, -1, 3))}, nodes, ["y", "loop:3"], meaning, runs, constants, functions, ("while",))


def a_list_that_grows() -> FlowCase:
    """Steps of Collatz's sequence, each put behind the others, with a branch inside that a run takes."""
    state = ["n", "steps"]
    step = [node("rest", "FloorMod", ["n", "two"]), node("odd", "Cast", ["rest:z:0"], SrcT="DT_INT32", DstT="DT_BOOL")]
    step += [node("next", "If", ["odd:y:0", "n"], then_branch=Named("up"), else_branch=Named("down")), node("longer", "TensorListPushBack", ["steps", "next:output:0"])]
    functions = [
        function("above_one", state, [node("more", "Greater", ["n", "test/one"]), *const("test/one")], {"going": "more:z:0"}),
        function("collatz", state, [*step, *const("two")], {"n": "next:output:0", "steps": "longer:output_handle:0"}),
        function("up", ["n"], [node("m", "Mul", ["n", "three"]), node("a", "AddV2", ["m:z:0", "up/one"]), *const("three", "up/one")], {"n": "a:z:0"}),
        function("down", ["n"], [node("h", "FloorDiv", ["n", "down/two"]), *const("down/two")], {"n": "h:z:0"}),
    ]
    nodes = [node("empty", "EmptyTensorList", ["none", "most"], element_dtype="DT_INT32"), node("loop", "StatelessWhile", ["n", "empty"], cond=Named("above_one"), body=Named("collatz"))]
    nodes += [node("count", "TensorListLength", ["loop:1"]), node("y", "TensorListStack", ["loop:1", "none"], element_dtype="DT_INT32", num_elements=-1)]
    constants = {"none": np.zeros(0, np.int32), "most": np.array(-1), "two": np.array(2), "test/one": np.array(1), "three": np.array(3), "up/one": np.array(1), "down/two": np.array(2)}

    def meaning(n: Array) -> tuple[Array, ...]:
        steps, at = [], int(n)
        while at > 1:
            at = 3 * at + 1 if at % 2 else at // 2
            steps.append(at)
        return np.array(steps, np.int32), np.int32(len(steps))

    return FlowCase({"n": ("int32", ())}, nodes, ["y", "count"], meaning, [{"n": number(n)} for n in (6, 1, 2, 27)], constants, functions, ("while",))


def enter(name: str, value: str, frame: str, constant: bool = False) -> dict[str, Any]:
    return node(name, "Enter", [value], frame_name=frame, is_constant=constant)


def loop_of_old(frame: str, start: dict[str, str], condition: str, following: dict[str, str]) -> list[dict[str, Any]]:
    """The parts of a frame around nodes that read `NAME/merge` in the condition and `NAME/switch:1` in a round; what comes out is `NAME/exit`."""
    nodes = [node(f"{frame}/going", "LoopCond", [condition])]
    for name, value in start.items():
        nodes += [enter(f"{name}/enter", value, frame), node(f"{name}/merge", "Merge", [f"{name}/enter", f"{name}/again"]), node(f"{name}/again", "NextIteration", [following[name]])]
        nodes += [node(f"{name}/switch", "Switch", [f"{name}/merge", f"{frame}/going"]), node(f"{name}/exit", "Exit", [f"{name}/switch"])]
    return nodes


def loops_of_old() -> FlowCase:
    """For each row of x, up to a number that is an input, its sum of squares by a loop inside, and twice of it where it is large."""
    nodes = [node("rows", "TensorArrayV3", ["count"], dtype="DT_FLOAT"), node("given", "TensorArrayV3", ["four"], dtype="DT_FLOAT")]
    nodes += [node("all", "Range", ["zero", "four", "one"]), node("scattered", "TensorArrayScatterV3", ["given", "all", "x", "given:1"])]
    outer = loop_of_old("outer", {"i": "zero", "flow": "rows:1"}, "i/less", {"i": "i/next", "flow": "flow/written"})
    nodes += [*outer, enter("limit", "count", "outer", True), enter("handle", "rows", "outer", True), enter("xs", "scattered", "outer", True), enter("xs/handle", "given", "outer", True)]
    nodes += [node("i/less", "Less", ["i/merge", "limit"]), node("i/next", "AddV2", ["i/switch:1", "one"]), node("row", "TensorArrayReadV3", ["xs/handle", "i/switch:1", "xs"])]
    inner = loop_of_old("inner", {"j": "zero", "sum": "nothing"}, "j/less", {"j": "j/next", "sum": "sum/next"})
    nodes += [*inner, enter("row/inside", "row", "inner", True), node("j/less", "Less", ["j/merge", "three"]), node("j/next", "AddV2", ["j/switch:1", "one"])]
    nodes += [node("element", "GatherV2", ["row/inside", "j/switch:1", "zero"]), node("square", "Square", ["element"]), node("sum/next", "AddV2", ["sum/switch:1", "square"])]
    nodes += [node("large", "Greater", ["sum/exit", "two"]), node("large/id", "Identity", ["large"]), node("sum/given", "Switch", ["sum/exit", "large/id"])]
    nodes += [node("twice", "AddV2", ["sum/given:1", "sum/given:1"]), node("same", "Identity", ["sum/given"]), node("merged", "Merge", ["same", "twice"])]
    nodes += [node("flow/written", "TensorArrayWriteV3", ["handle", "i/switch:1", "merged", "flow/switch:1"])]
    nodes += [node("places", "Range", ["zero", "count", "one"]), node("y", "TensorArrayGatherV3", ["rows", "places", "flow/exit"]), node("last", "Identity", ["i/exit"])]
    constants = {"zero": np.array(0), "one": np.array(1), "three": np.array(3), "four": np.array(4), "nothing": number(0.0), "two": number(2.0)}

    def meaning(x: Array, count: Array) -> tuple[Array, ...]:
        sums = (x[:count] ** 2).sum(1)
        return np.where(sums > 2, 2 * sums, sums), np.int32(count)

    runs = [{"x": normal(4, 3), "count": number(count)} for count in (4, 1, 3)]
    return FlowCase({"x": ("float32", (4, 3)), "count": ("int32", ())}, nodes, ["y", "last"], meaning, runs, constants, kinds=("while",))


def branches_of_old() -> FlowCase:
    """Two results of one condition, a loop in one of the branches, and in the other a condition of its own, with a constant on one side."""
    nodes = [node("c/x", "Switch", ["x", "c"]), node("c/d", "Switch", ["d", "c"])]
    loop = loop_of_old("doubling", {"v": "c/x:1"}, "v/small", {"v": "v/twice"})
    nodes += [*loop, node("v/total", "Sum", ["v/merge", "axes"]), node("v/small", "Less", ["v/total", "ten"]), node("v/twice", "Mul", ["v/switch:1", "two"])]
    nodes += [node("d/x", "Switch", ["c/x", "c/d"]), node("d/rows", "ConcatV2", ["d/x:1", "d/x:1", "zero"]), node("inside", "Merge", ["row", "d/rows"])]
    nodes += [node("y", "Merge", ["inside", "v/exit"]), node("size", "Size", ["inside"], out_type="DT_INT32"), node("n", "Merge", ["size", "minus"])]
    constants = {"axes": np.array([0, 1]), "ten": number(10.0), "two": number(2.0), "zero": np.array(0), "row": BIAS[None], "minus": np.array(-1)}

    def meaning(x: Array, c: Array, d: Array) -> tuple[Array, ...]:
        if not c:
            inside = np.concatenate([x, x]) if d else BIAS[None]
            return inside, np.int32(inside.size)
        while x.sum() < 10:
            x = x * np.float32(2)
        return x, np.int32(-1)

    x = np.abs(normal(2, 3))
    runs = [{"x": x, "c": np.array(c), "d": np.array(d)} for c, d in ((True, True), (True, False), (False, True), (False, False))]
    return FlowCase({"x": ("float32", (-1, 3)), "c": ("bool", ()), "d": ("bool", ())}, nodes, ["y", "n"], meaning, runs, constants, kinds=("if",))


def detector_of_old() -> FlowCase:
    """Of each picture of a batch, by a loop over arrays of tensors: the best boxes, without those that lie too low, cut or padded to four rows, and how many."""
    nodes = [node("sizes", "Shape", ["scores"], out_type="DT_INT32"), node("batch", "StridedSlice", ["sizes", "at0", "at1", "at1"], shrink_axis_mask=1)]
    nodes += [node("all", "Range", ["zero", "batch", "one"]), node("out", "TensorArrayV3", ["batch"], dtype="DT_FLOAT"), node("counts", "TensorArrayV3", ["batch"], dtype="DT_INT32")]
    for name in ("boxes", "scores"):
        nodes += [node(f"{name}/array", "TensorArrayV3", ["batch"], dtype="DT_FLOAT"), node(f"{name}/set", "TensorArrayScatterV3", [f"{name}/array", "all", name, f"{name}/array:1"])]
        nodes += [enter(f"{name}/handle", f"{name}/array", "map", True), enter(f"{name}/flow", f"{name}/set", "map", True)]
        nodes += [node(f"{name}/of", "TensorArrayReadV3", [f"{name}/handle", "i/switch:1", f"{name}/flow"])]
    nodes += loop_of_old("map", {"i": "zero", "rows": "out:1", "found": "counts:1"}, "less", {"i": "next", "rows": "rows/set", "found": "found/set"})
    nodes += [enter("limit", "batch", "map", True), enter("out/handle", "out", "map", True), enter("counts/handle", "counts", "map", True)]
    nodes += [node("less", "Less", ["i/merge", "limit"]), node("next", "AddV2", ["i/switch:1", "one"])]
    nodes += [node("best", "NonMaxSuppressionV3", ["boxes/of", "scores/of", "ten", "iou_f", "least_f"]), node("kept", "GatherV2", ["boxes/of", "best", "zero"])]
    nodes += [node("middle", "Mean", ["kept", "at1"]), node("high", "Greater", ["middle", "low_f"]), node("where", "Where", ["high"]), node("flat", "Reshape", ["where", "any"])]
    nodes += [node("places", "Cast", ["flat"], SrcT="DT_INT64", DstT="DT_INT32"), node("good", "GatherV2", ["kept", "places", "zero"]), node("good/sizes", "Shape", ["good"], out_type="DT_INT32")]
    nodes += [node("n", "StridedSlice", ["good/sizes", "at0", "at1", "at1"], shrink_axis_mask=1), node("most", "Minimum", ["n", "four"]), node("size", "Pack", ["most", "minus"])]
    nodes += [node("cut", "Slice", ["good", "origin", "size"]), node("lacking", "Sub", ["four", "most"]), node("below", "Pack", ["zero", "lacking"]), node("pads", "Pack", ["below", "origin"])]
    nodes += [node("padded", "Pad", ["cut", "pads"]), node("fixed", "Reshape", ["padded", "four_rows"])]
    nodes += [node("rows/set", "TensorArrayWriteV3", ["out/handle", "i/switch:1", "fixed", "rows/switch:1"])]
    nodes += [node("found/set", "TensorArrayWriteV3", ["counts/handle", "i/switch:1", "most", "found/switch:1"])]
    nodes += [node("y", "TensorArrayGatherV3", ["out", "all", "rows/exit"]), node("m", "TensorArrayGatherV3", ["counts", "all", "found/exit"])]
    constants = {"zero": np.array(0), "one": np.array(1), "ten": np.array(10), "four": np.array(4), "minus": np.array(-1), "at0": np.array([0]), "at1": np.array([1]), "any": np.array([-1])}
    constants |= {"origin": np.array([0, 0]), "four_rows": np.array([4, 4]), "iou_f": number(0.5), "least_f": number(0.3), "low_f": number(0.4)}

    def meaning(boxes: Array, scores: Array) -> tuple[Array, ...]:
        rows = []
        for one, score in zip(boxes, scores, strict=True):
            good = one[kept(one, score, 10, 0.5, 0.3)]
            rows.append(good[good.mean(1) > 0.4][:4])
        return np.stack([np.pad(row, [(0, 4 - len(row)), (0, 0)]) for row in rows]), np.array([len(row) for row in rows], np.int32)

    runs = []
    for n in (1, 3):
        centre, half = RNG.uniform(-1, 3, (n, 12, 2)), RNG.uniform(0.5, 2, (n, 12, 2))
        runs.append({"boxes": np.concatenate([centre - half, centre + half], 2).astype(np.float32), "scores": RNG.uniform(0, 0.6, (n, 12)).astype(np.float32)})
    return FlowCase({"boxes": ("float32", (-1, 12, 4)), "scores": ("float32", (-1, 12))}, nodes, ["y", "m"], meaning, runs, constants, kinds=("while",))


def computed_sizes() -> FlowCase:
    """What is above the mean, as many ones, a row of 0 and 1 for each of as many positions, the greatest of them, and each once."""
    nodes = [node("mean", "Mean", ["x", "axis"]), node("above", "Greater", ["x", "mean"]), node("where", "Where", ["above"]), node("places", "Squeeze", ["where"], squeeze_dims=[1])]
    nodes += [node("chosen", "GatherV2", ["x", "places", "zero"]), node("whole", "Cast", ["above"], SrcT="DT_BOOL", DstT="DT_INT32"), node("count", "Sum", ["whole", "axis"])]
    nodes += [node("shape", "Pack", ["count", "two"]), node("ones", "Fill", ["shape", "one_f"]), node("numbers", "Range", ["zero", "count", "one"])]
    nodes += [node("hot", "OneHot", ["numbers", "count", "one_f", "zero_f"]), node("top", "TopKV2", ["x", "count"]), node("kinds", "Unique", ["top"])]
    constants = {"axis": np.array([0]), "zero": np.array(0), "one": np.array(1), "two": np.array(2), "one_f": number(1.0), "zero_f": number(0.0)}

    def meaning(x: Array) -> tuple[Array, ...]:
        above = x > x.mean()
        count = int(above.sum())
        top = -np.sort(-x)[:count]
        return x[above], np.ones((count, 2)), np.eye(count), top, top[np.sort(np.unique(top, return_index=True)[1])]

    runs = [{"x": np.float32(x)} for x in ([1, 5, 2], [0, 1, 2, 3, 3], [4, 4, 0, 4])]
    return FlowCase({"x": ("float32", (-1,))}, nodes, ["chosen", "ones", "hot", "top", "kinds"], meaning, runs, constants)


CASES = {
    "branches": branches(),
    "cases": cases(),
    "a loop": a_loop("StatelessWhile"),
    "a recurrent layer": a_recurrent_layer(),
    "a list that grows": a_list_that_grows(),
    "loops of TensorFlow 1": loops_of_old(),
    "branches of TensorFlow 1": branches_of_old(),
    "a detector of TensorFlow 1": detector_of_old(),
    "sizes that are computed": computed_sizes(),
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_decides(name: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    case = CASES[name]
    model = webkiln.convert(case.write(tmp_path))
    for inputs in case.runs:
        expected = case.meaning(**inputs)
        for received in (model.run(inputs), node_session.run(model, inputs)):
            for i, wanted in enumerate(expected):
                assert received[f"y{i}"].shape == np.shape(wanted), (i, inputs)
                np.testing.assert_allclose(received[f"y{i}"], wanted, rtol=1e-5, atol=1e-5)
    assert set(case.kinds) <= {one.op for one in model.graph.nodes}


def test_what_is_known_is_decided_at_conversion(tmp_path: Path) -> None:
    case = branches()
    case.nodes[1] = node("positive", "Greater", ["zero", "minus_f"])
    case.constants["minus_f"] = number(-1.0)
    model = webkiln.convert(case.write(tmp_path))
    assert not any(one.bodies for one in model.graph.nodes)
    x = -np.abs(normal(4, 3))
    np.testing.assert_array_equal(model.run({"x": x})["y0"], x[:1, :2])


def test_all_that_is_missing_in_functions_is_told(tmp_path: Path) -> None:
    case = branches()
    case.functions[0]["nodeDef"].append(node("bad", "Cholesky", ["cut:output:0"]))
    case.functions[0]["ret"]["y"] = "bad:output:0"
    case.functions[2]["nodeDef"].append(node("worse", "Svd", ["top:values:0"]))
    case.functions[2]["ret"]["values"] = "worse:u:0"
    with pytest.raises(UnsupportedOperatorError) as caught:
        webkiln.convert(case.write(tmp_path))
    assert {item.operator for item in caught.value.items} >= {"Cholesky"}


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"then_branch": Named("none")}, FormatError, "the function 'none', which the file does not have"),
        ({"then_branch": Named("bent")}, FormatError, "the function 'bent' takes 1 inputs, but is given 2"),
        ({"then_branch": Named("again")}, UnsupportedOperatorError, "without end"),
    ],
)
def test_functions_that_do_not_fit(change: dict[str, Any], error: type[Exception], reason: str, tmp_path: Path) -> None:
    case = branches()
    case.nodes[2] = node("y", "If", ["positive", "x", "w"], **{"then_branch": Named("first"), "else_branch": Named("times"), **change})
    case.functions.append(function("again", ["x", "w"], [node("call", "PartitionedCall", ["x", "w"], f=Named("again"))], {"y": "call:output:0"}))
    with pytest.raises(error, match=reason):
        webkiln.convert(case.write(tmp_path))


def test_parts_of_loops_that_make_no_loop_are_refused(tmp_path: Path) -> None:
    case = loops_of_old()
    case.nodes = [one for one in case.nodes if one["name"] != "i/next"] + [node("i/next", "AddV2", ["i/merge", "sum/merge"])]
    with pytest.raises((UnsupportedOperatorError, FormatError), match=r"it reads .sum/merge"):
        webkiln.convert(case.write(tmp_path))


def test_branches_that_would_fill_a_graph_without_end_are_refused(tmp_path: Path) -> None:
    """Each function chooses between two runs of the next one."""
    functions = [
        function(f"f{i}", ["x"], [node("s", "Any", ["x", f"axis{i}"]), *const(f"axis{i}"), node("y", "If", ["s:output:0", "x"], then_branch=Named(f"f{i + 1}"), else_branch=Named(f"f{i + 1}"))], {"y": "y:output:0"})
        for i in range(20)
    ]
    functions.append(function("f20", ["x"], [node("y", "LogicalNot", ["x"])], {"y": "y:y:0"}))
    case = FlowCase({"x": ("bool", (3,))}, [node("y", "PartitionedCall", ["x"], f=Named("f0"))], ["y"], lambda x: (x,), [], {f"axis{i}": np.array([0]) for i in range(20)}, functions)
    with pytest.raises(UnsupportedOperatorError, match="more than 2048 bodies"):
        webkiln.convert(case.write(tmp_path))
