"""Sizes, positions and axes that a model reads from its inputs: one conversion, any values, in NumPy and in JavaScript alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import webkiln
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_model import info, model_of
from webkiln.errors import InputError

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
SIZES = ([2, 3, 4], [2, 5, 9], [2, 2, 3], [2, 1, 1])
REGIONS = ([0, 0.25, 0.5, 1, 1, 0.75], [0, -0.5, 0, 1, 1.5, 1.25], [0, 1, 0.9, 1, 0, 0.1])


def model(op: str, sizes: dict[str, int], outputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    """`op` of x and of lists of so many integers."""
    names = [f"y{i}" for i in range(outputs)]
    inputs = [info("x", X)] + [info(name, np.zeros(count, np.int64)) for name, count in sizes.items()]
    return model_of([helper.make_node(op, ["x", *sizes], names, **attributes)], inputs, names)


def of(op: str, *runs: dict[str, Any], **attributes: Any) -> tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]:
    """`op` of all that is given for each run."""
    arrays = [{name: np.asarray(value) for name, value in one.items()} for one in runs]
    return model_of([helper.make_node(op, list(arrays[0]), ["y"], **attributes)], [info(*one) for one in arrays[0].items()], ["y"]), arrays


def resized(options: dict[str, Any]) -> tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]:
    """x at several sizes; with regions of it, where these are cropped."""
    is_cropped = options.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    sizes = [one[3 - len(options.get("axes", (0, 1, 2))) :] for one in SIZES]
    given = {"x": X, **({"r": np.zeros(6, np.float32)} if is_cropped else {}), "s": np.zeros(len(sizes[0]), np.int64)}
    node = helper.make_node("Resize", ["x", "r" if is_cropped else "", "", "s"], ["y"], **options)
    runs = [{"x": X, **({"r": np.array(region, np.float32)} if is_cropped else {}), "s": np.array(size)} for size in sizes for region in REGIONS[: 3 if is_cropped else 1]]
    return model_of([node], [info(*one) for one in given.items()], ["y"]), runs


def feeds(**lists: list[int]) -> dict[str, np.ndarray]:
    return {"x": X, **{name: np.array(numbers, np.int64) for name, numbers in lists.items()}}


AXES = [list(axes) for axes in itertools.permutations(range(-3, 3), 2) if axes[0] % 3 != axes[1] % 3]
CASES: dict[str, tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]] = {
    "reshape": (model("Reshape", {"s": 3}), [feeds(s=s) for s in ([4, 3, 2], [-1, 6, 2], [0, -1, 2], [2, 0, 4], [24, 1, -1])]),
    "reshape, zeros kept": (model("Reshape", {"s": 2}, allowzero=1), [feeds(s=s) for s in ([4, 6], [-1, 1], [8, -1])]),
    "expand": (model("Expand", {"s": 4}), [feeds(s=s) for s in ([5, 2, 3, 4], [1, 1, 1, 1], [2, 1, 3, 1])]),
    "tile": (model("Tile", {"n": 3}), [feeds(n=n) for n in ([1, 1, 1], [2, 1, 3], [1, 0, 2])]),
    "pad": (model("Pad", {"p": 6}), [feeds(p=p) for p in ([0] * 6, [1, 2, 0, 0, 1, 3], [0, 0, 5, 4, 0, 0])]),
    "reflected": (model("Pad", {"p": 6}, mode="reflect"), [feeds(p=p) for p in ([0] * 6, [1, 2, 0, 0, 1, 3])]),
    "pad of axes": (
        model_of([helper.make_node("Pad", ["x", "p", "", "a"], ["y"])], [info("x", X), info("p", np.zeros(4, np.int64)), info("a", np.zeros(2, np.int64))], ["y"]),
        [feeds(p=p, a=a) for a in AXES[::5] for p in ([1, 0, 2, 3], [0, 0, 0, 2])],
    ),
    "slice": (model("Slice", {"b": 2, "e": 2}), [feeds(b=b, e=e) for b, e in (([0, 1], [2, 3]), ([-1, -9], [9, -1]), ([1, 2], [1, 1]))]),
    "slice of axes": (
        model("Slice", {"b": 1, "e": 1, "a": 1, "s": 1}),
        [feeds(b=[b], e=[e], a=[a], s=[s]) for b, e, a, s in ((0, 2, 0, 1), (-1, -9, -1, -2), (2, 0, 1, -1), (9, -9, 2, -3), (0, 9, 2, 9), (1, 1, 0, 1))],
    ),
    "slice of two axes": (model("Slice", {"b": 2, "e": 2, "a": 2}), [feeds(b=[0, 1], e=[2, -1], a=a) for a in AXES[::2]]),
    "slice of any two axes": (
        model("Slice", {"b": 2, "e": 2, "a": 2, "s": 2}),
        [feeds(b=b, e=e, a=a, s=s) for b, e, a, s in (([0, 1], [2, 3], [0, 1], [1, 1]), ([-1, 9], [-9, 0], [2, -2], [-2, -1]), ([1, 0], [1, 9], [-3, 2], [3, 9]))],
    ),
    "split": (model("Split", {"n": 3}, 3, axis=2), [feeds(n=n) for n in ([1, 2, 1], [4, 0, 0], [0, 1, 3])]),
    "squeeze": (model_of([helper.make_node("Unsqueeze", ["x", "a"], ["u"]), helper.make_node("Squeeze", ["u", "a"], ["y"])], [info("x", X), info("a", np.zeros(2, np.int64))], ["y"]), [feeds(a=[0, 4]), feeds(a=[-2, 1])]),
    "unsqueeze": (model("Unsqueeze", {"a": 2}), [feeds(a=a) for a in ([0, 1], [4, 0], [-1, -3], [2, 1], [3, 4])]),
    "top": (model("TopK", {"k": 1}, 2), [feeds(k=[k]) for k in (1, 3, 4)]),
    "sum": (model("ReduceSum", {"a": 2}, keepdims=0), [feeds(a=a) for a in AXES]),
    "largest": (model("ReduceMax", {"a": 2}), [feeds(a=a) for a in AXES[::3]]),
    "mean": (model("ReduceMean", {"a": 1}, keepdims=0), [feeds(a=[a]) for a in range(-3, 3)]),
    "range": of("Range", *({"a": a, "b": b, "c": c} for a, b, c in ((0, 5, 1), (10, 6, -3), (3, 3, 2), (-4, 9, 5), (2, -7, 4)))),
    "crop": of("CenterCropPad", *({"x": X, "s": s} for s in ([2, 3, 4], [5, 2, 4], [1, 8, 3], [3, 6, 7]))),
    "crop of axes": of("CenterCropPad", *({"x": X, "s": s} for s in ([2, 4], [5, 3], [1, 8])), axes=[-3, 2]),
    "columns": of("Col2Im", *({"x": X.reshape(1, 4, 6), "s": s, "b": b} for s, b in (([3, 4], [2, 2]), ([2, 3], [1, 1]), ([6, 4], [1, 4])))),
    "columns, apart": of("Col2Im", *({"x": X.reshape(1, 4, 6), "s": s, "b": [2, 2]} for s in ([5, 4], [3, 6])), strides=[2, 2], pads=[0, 1, 1, 0], dilations=[1, 2]),
    "unpooled": of("MaxUnpool", *({"x": X[:1, :1, :2, None], "i": [[[[1], [6]]]], "s": s} for s in ([1, 1, 4, 2], [1, 1, 4, 3], [1, 1, 6, 2])), kernel_shape=[2, 2], strides=[2, 2]),
    "logarithm of a sum": (model("ReduceLogSumExp", {"a": 1}, keepdims=0), [feeds(a=[a]) for a in range(-3, 3)]),
}
THETA = np.array([[[0.5, -0.25, 0.125], [1.5, 2, -0.75]]] * 2, np.float32)
# The same, of numbers that are computed from the sizes in float32.
COMPUTED: dict[str, tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]] = {
    **{f"{op}, {periodic}": of(op, *({"n": n} for n in (7, 10, 2, 33)), periodic=periodic) for op in ("HannWindow", "HammingWindow", "BlackmanWindow") for periodic in (0, 1)},
    **{f"grid, {align}": of("AffineGrid", *({"t": THETA, "s": [2, 3, *s]} for s in ([4, 5], [2, 3], [1 + align, 6])), align_corners=align) for align in (0, 1)},
}
COMPUTED |= {
    f"resize, {', '.join(f'{key} {value}' for key, value in options.items())}": resized(options)
    for options in (
        {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "align_corners"},
        {"mode": "nearest", "nearest_mode": "ceil"},
        {"mode": "nearest", "keep_aspect_ratio_policy": "not_larger", "axes": [1, 2]},
        {"mode": "linear", "keep_aspect_ratio_policy": "not_smaller", "axes": [1, 2]},
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"},
        {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
        {"mode": "linear", "antialias": 1},
        {"mode": "cubic", "exclude_outside": 1},
        {"mode": "cubic", "coordinate_transformation_mode": "asymmetric", "cubic_coeff_a": -0.5},
        {"mode": "cubic", "antialias": 1, "coordinate_transformation_mode": "align_corners"},
        {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0},
    )
}
SIGNAL = np.sin(np.arange(120, dtype=np.float32).reshape(1, 5, 12, 2) * 0.7)
for inverse, onesided in itertools.product((0, 1), (0, 1)):
    signal = SIGNAL if inverse or not onesided else SIGNAL[..., :1]
    every_axis = [{"x": signal, "n": np.array(length), "a": np.array(axis)} for axis in (1, 2, -2) for length in (6, 12, 5)]
    COMPUTED[f"transform, {inverse} {onesided}"] = of("DFT", *every_axis, inverse=inverse, onesided=onesided)
axes = [{"x": SIGNAL, "a": np.array(axis)} for axis in (1, 2, -3)]
COMPUTED["transform of an axis"] = (model_of([helper.make_node("DFT", ["x", "", "a"], ["y"])], [info(*one) for one in axes[0].items()], ["y"]), axes)
frames = [{"x": SIGNAL.reshape(1, -1, 1), "s": np.array(step), "n": np.array(length)} for step, length in ((4, 16), (7, 15), (30, 120))]
COMPUTED["transform of frames"] = (model_of([helper.make_node("STFT", ["x", "s", "", "n"], ["y"])], [info(*one) for one in frames[0].items()], ["y"]), frames)
SCALES = ([1, 1, 1], [1, 0.6, 0.7], [1, 2, 3], [1, 1.7, 0.45], [1, 1 / 3, 2.94])
for options in (
    *({"mode": "nearest", "nearest_mode": nearest} for nearest in ("round_prefer_floor", "floor", "ceil")),
    {"mode": "nearest", "nearest_mode": "round_prefer_ceil", "coordinate_transformation_mode": "asymmetric"},
    *({"mode": "linear", "coordinate_transformation_mode": kind} for kind in ("half_pixel", "half_pixel_symmetric", "align_corners")),
    {"mode": "linear", "antialias": 1},
    {"mode": "cubic", "exclude_outside": 1, "coordinate_transformation_mode": "asymmetric"},
    {"mode": "cubic", "antialias": 1},
):
    scaled = [{"x": X, "s": np.array(scales, np.float32)} for scales in SCALES]
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], **options)
    COMPUTED[f"resize by scales, {', '.join(map(str, options.values()))}"] = (model_of([node], [info(*one) for one in scaled[0].items()], ["y"]), scaled)
COMPUTED["range of fractions"] = of("Range", *(
    {"a": np.float32(a), "b": np.float32(b), "c": np.float32(c)} for a, b, c in ((0, 1, 0.1), (1, 5, 2), (10, 6, -3), (0, 0.3, 0.1), (2, -1, 0.5), (0, 7, 7 / 3))
))  # fmt: skip
for kind in (np.float32, np.int64):
    CASES[f"one of {kind.__name__}"] = of("OneHot", *({"i": np.array([[0, 2], [-1, 5]]), "d": kind(depth), "v": np.array([-1, 3])} for depth in (3, 6, 1, 12)), axis=1)
CASES |= COMPUTED
# What is wrong with the integers is told, by each runtime: positions outside, axes twice, sums that are others, sizes below 0.
BAD: dict[str, list[dict[str, np.ndarray]]] = {
    "reshape": [feeds(s=s) for s in ([5, 3, 2], [-1, -1, 2], [-2, 3, 4], [-3, -4, 2], [2**31 - 1, 2**31 - 1, 2])],
    "expand": [feeds(s=s) for s in ([1, 2, 2, 4], [-1, 2, 3, 4])],
    "tile": [feeds(n=[1, -1, 1])],
    "pad": [feeds(p=[-3, 0, 0, 0, 0, 0])],
    "reflected": [feeds(p=[2, 0, 0, 0, 0, 0])],
    "pad of axes": [feeds(p=[1, 1, 1, 1], a=a) for a in ([0, 0], [3, 0])],
    "slice of axes": [feeds(b=[0], e=[1], a=[a], s=[s]) for a, s in ((3, 1), (-4, 1), (1, 0))],
    "slice of any two axes": [feeds(b=[0, 0], e=[1, 1], a=a, s=s) for a, s in (([0, 0], [1, 1]), ([0, 3], [1, 1]), ([-4, 1], [1, 1]), ([0, 1], [1, 0]))],
    "slice of two axes": [feeds(b=[0, 0], e=[1, 1], a=a) for a in ([0, 0], [0, 3], [-4, 1], [1, -2])],
    "split": [feeds(n=n) for n in ([1, 1, 1], [5, -1, 0], [2, 2, 1])],
    "squeeze": [feeds(a=[0, 5])],
    "unsqueeze": [feeds(a=a) for a in ([0, 0], [5, 0], [-6, 0])],
    "top": [feeds(k=[5]), feeds(k=[-1])],
    "range": [{"a": np.array(0), "b": np.array(5), "c": np.array(0)}],
    "crop": [feeds(s=[2, -1, 4])],
    "columns": [{"x": X.reshape(1, 4, 6), "s": np.array(s), "b": np.array(b)} for s, b in (([3, 5], [2, 2]), ([6, 1], [5, 1]))],
    "resize, mode cubic, exclude_outside 1": [feeds(s=[2, -1, 4])],
    "HannWindow, 1": [{"n": np.array(-1)}],
    "sum": [feeds(a=a) for a in ([0, 0], [1, -2], [0, 3], [-4, 0], [2**31, 0])],
}


def converted(name: str, folder: Path) -> webkiln.Model:
    path = folder / "model.onnx"
    path.write_bytes(CASES[name][0].SerializeToString())
    return webkiln.convert(path)


def same(results: dict[str, np.ndarray], expected: list[np.ndarray], absolute: float = 0) -> None:
    for found, wanted in zip(results.values(), expected, strict=True):
        assert found.shape == wanted.shape
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=absolute)


@pytest.mark.parametrize("name", CASES)
def test_one_conversion_serves_all_values(name: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    source, inputs = CASES[name]
    found = converted(name, tmp_path)
    found.save(tmp_path / "saved")
    loaded = webkiln.load(tmp_path / "saved")
    assert loaded.bundle.symbols == found.bundle.symbols
    assert loaded.graph.elements == found.graph.elements
    for one in [*inputs, *inputs[::-1]]:  # there and back: plans are kept
        expected = ReferenceEvaluator(source).run(None, one)
        absolute = 2e-6 * max(1, np.abs(expected[0]).max(initial=0)) if name in COMPUTED else 0
        same(found.run(one), expected, absolute)
        same(loaded.run(one), expected, absolute)
        same(node_session.run(loaded, one), expected, absolute)


@pytest.mark.parametrize("name", BAD)
def test_values_that_do_not_fit_are_errors_of_the_input(name: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    found = converted(name, tmp_path)
    runs: list[Callable[[dict[str, np.ndarray]], Any]] = [found.run, lambda one: node_session.run(found, one)]
    for one, run in itertools.product(BAD[name], runs):
        with pytest.raises(InputError):
            run(one)
    same(node_session.run(found, CASES[name][1][0]), ReferenceEvaluator(CASES[name][0]).run(None, CASES[name][1][0]))  # and it still runs


def test_negative_padding_cuts(tmp_path: Path, node_session: webkiln.Session) -> None:
    found = converted("pad", tmp_path)
    expected = np.pad(X, ((0, 0), (0, 1), (2, 0)))[1:, :, :-1]
    one = feeds(p=[-1, 0, 2, 0, 1, -1])
    for results in (found.run(one), node_session.run(found, one)):
        np.testing.assert_array_equal(results["y0"], expected)


def test_only_inputs_that_are_asked_for_sizes_bind_symbols(tmp_path: Path) -> None:
    """`b` is data, `a` both: a size and, plus one, an output."""
    nodes = [helper.make_node("Reshape", ["x", "t"], ["y"]), helper.make_node("Mul", ["a", "two"], ["t"]), helper.make_node("Add", ["t", "b"], ["z"])]
    nodes = [nodes[1], nodes[0], nodes[2]]
    inputs = [info("x", X), info("a", np.zeros(2, np.int64)), info("b", np.zeros(2, np.int64))]
    (tmp_path / "model.onnx").write_bytes(model_of(nodes, inputs, ["y", "z"], {"two": np.array([2, 3])}).SerializeToString())
    found = webkiln.convert(tmp_path / "model.onnx")
    assert list(found.graph.elements) == ["a"]
    results = found.run({"x": X, "a": np.array([2, 2]), "b": np.array([7, 8])})
    assert results["y"].shape == (4, 6)
    assert results["z"].tolist() == [11, 14]


def test_golden_vectors_hold_values_that_fit(tmp_path: Path, node_session: webkiln.Session) -> None:
    from webkiln.parity.golden import check_golden, golden_cases

    for name in ("slice of axes", "mean", "tile"):
        converted(name, tmp_path).save(tmp_path / "saved", force=True)
        assert list(golden_cases(tmp_path / "saved")), name
        assert all(check.passed for check in check_golden(tmp_path / "saved"))


def test_a_reshape_that_only_some_sizes_pass_is_checked_by_the_run(tmp_path: Path, node_session: webkiln.Session) -> None:
    """A model of lines of text: [N, H, W] as [N, W], whatever H is; so it has to be 1."""
    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "picked"], ["t"]), helper.make_node("Reshape", ["x", "t"], ["y"])]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", "h", "w"])
    (tmp_path / "model.onnx").write_bytes(model_of(nodes, [x], ["y"], {"picked": np.array([0, 2])}).SerializeToString())
    found = webkiln.convert(tmp_path / "model.onnx")
    for run in (found.run, lambda one: node_session.run(found, one)):
        for shape in ((2, 1, 3), (4, 1, 5)):
            line = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
            np.testing.assert_array_equal(run({"x": line})["y"], line[:, 0])
        with pytest.raises(webkiln.WebkilnError, match="reshape"):
            run({"x": np.zeros((2, 2, 3), np.float32)})
