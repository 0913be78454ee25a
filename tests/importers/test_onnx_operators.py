"""ONNX operators, against the reference evaluator of the `onnx` package where that is right, and against NumPy for the old forms."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_model import info, model_of, read, results, single
from webkiln.errors import UnsupportedOperatorError

RNG = np.random.default_rng(11)


def f(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype(np.float32)


def n(*shape: int, low: int = -5, high: int = 6, dtype: str = "int64") -> np.ndarray:
    return RNG.integers(low, high, shape).astype(dtype)


def agree(model: onnx.ModelProto, folder: Path, arrays: list[np.ndarray], tolerance: float = 2e-5) -> None:
    """The imported model gives what the reference evaluator gives."""
    feeds = dict(zip([one.name for one in model.graph.input], arrays, strict=True))
    expected = ReferenceEvaluator(model).run(None, feeds)
    for found, wanted in zip(results(model, folder, *arrays), expected, strict=True):
        wanted = np.asarray(wanted)
        assert found.shape == wanted.shape
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def case(op: str, arrays: list[np.ndarray | None], constants: tuple[int, ...] = (), **options: Any) -> Any:
    outputs, opset = options.pop("outputs", 1), options.pop("opset", 21)
    name = "-".join([op, str(opset), *(str(list(a.shape)) for a in arrays if a is not None), *(f"{k}={v}" for k, v in options.items())])
    return pytest.param(single(op, arrays, constants, opset=opset, outputs=outputs, **options), [a for i, a in enumerate(arrays) if a is not None and i not in constants], id=name[:90])


def every() -> list[Any]:
    found = []
    for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Less", "Greater", "Equal", "LessOrEqual", "GreaterOrEqual"):
        for shapes in (((), ()), ((3,), (2, 3)), ((2, 1, 4), (3, 1)), ((0, 3), (1,))):
            found.append(case(op, [f(*shape, low=0.5) for shape in shapes]))
            for dtype in ("int32", "int64") if op in ("Less", "Equal", "Greater") else ("int32", "uint8", "int8", "int16", "uint16"):
                low = 1 if op == "Div" or dtype.startswith("u") else -90
                found.append(case(op, [n(*shape, low=low, high=100, dtype=dtype) if op != "Div" else n(*shape, low=1, high=100, dtype=dtype) for shape in shapes]))
    for op in ("Abs", "Neg", "Exp", "Sqrt", "Floor", "Ceil", "Round", "Sin", "Cos", "Tanh", "Erf", "Sigmoid", "Softplus", "Softsign", "Relu", "HardSwish", "Mish", "Sign"):
        found.append(case(op, [f(2, 5, low=0.1 if op == "Sqrt" else -3)]))
    for axes, keep in itertools.product(([0], [1, 2], [-1], None), (0, 1)):
        for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"):
            arrays = [f(2, 3, 4)] + ([np.array(axes)] if axes else [])
            found.append(case(op, arrays, (1,) if axes else (), keepdims=keep))
            if op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1"):
                found.append(case(op, [n(2, 3, 4, dtype="int32"), *arrays[1:]], (1,) if axes else (), keepdims=keep))
    for axis, flag in itertools.product((0, 1, -1), (0, 1)):
        found.append(case("ArgMax", [n(3, 4, 5, high=2).astype(np.float32)], axis=axis, select_last_index=flag))
        found.append(case("ArgMin", [n(3, 4, 5, high=2).astype(np.float32)], axis=axis, keepdims=flag))
        found.append(case("CumSum", [f(3, 4), np.array(max(axis, 0))], (1,), exclusive=flag, reverse=1 - flag))
    for op, axis in itertools.product(("Softmax", "LogSoftmax", "Hardmax"), (0, 1, 2)):
        found.append(case(op, [f(2, 3, 4)], opset=13, axis=axis))
    for start, end, step in itertools.product((0, -3, 2, 99, -99), (4, -1, 99, -99, 2**63 - 1), (1, 2, -1, -3)):
        arrays = [f(6, 5), np.array([start]), np.array([end]), np.array([0]), np.array([step])]
        found.append(case("Slice", arrays, (1, 2, 3, 4)))
    for mode, low, high in itertools.product(("constant", "edge", "reflect", "wrap"), (0, 2), (1, 3)):
        found.append(case("Pad", [f(4, 5), np.array([low, 1, high, 0])], (1,), mode=mode))
    for kernel, stride, pads, groups in itertools.product(([3, 3], [1, 2]), ([1, 1], [2, 3]), ([0, 0, 0, 0], [1, 0, 0, 1]), (1, 2)):
        found.append(case("Conv", [f(2, 4, 7, 8), f(6, 4 // groups, *kernel), f(6)], (1,), strides=stride, pads=pads, group=groups))
        found.append(case("MaxPool", [f(2, 4, 7, 8)], kernel_shape=kernel, strides=stride, pads=pads if kernel == [3, 3] else [0, 0, 0, 0]))
    for dilation in ([1], [2]):
        found.append(case("Conv", [f(2, 4, 9), f(4, 4, 3)], dilations=dilation, pads=[1, 2]))
        found.append(case("ConvTranspose", [f(2, 4, 5), f(4, 3, 3)], (1,), dilations=dilation, strides=[2], pads=[1, 1], output_padding=[1]))
    found.append(case("Conv", [f(1, 2, 5, 6, 4), f(4, 2, 3, 2, 2), f(4)], (1,), strides=[2, 1, 1], pads=[1, 0, 1, 1, 1, 0]))
    found += [case("MatMul", [f(*a), f(*b)]) for a, b in (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 1, 2, 3), (5, 3, 4)))]
    found.append(case("MatMul", [n(2, 3, dtype="int32"), n(3, 4, dtype="int32")]))
    for a, b in itertools.product((0, 1), (0, 1)):
        found.append(case("Gemm", [f(3, 4) if not a else f(4, 3), f(4, 5) if not b else f(5, 4), f(5)], (1,), alpha=0.5, beta=2.0, transA=a, transB=b))
    for equation, shapes in {
        "ij,jk->ik": ((2, 3), (3, 4)),
        "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)),
        "...ij->...ji": ((2, 3, 4),),
        "ii->i": ((4, 4),),
        "ij->": ((3, 4),),
        "i,j": ((3,), (4,)),
        "bhid,bhjd->bhij": ((2, 2, 3, 4), (2, 2, 5, 4)),
        "ij,jk,kl->il": ((2, 3), (3, 4), (4, 2)),
        "...ij,...jk->...ik": ((2, 1, 3, 4), (5, 4, 2)),
    }.items():
        found.append(case("Einsum", [f(*shape) for shape in shapes], equation=equation))
    for axis in (0, 1, -1):
        found.append(case("Gather", [f(4, 5, 4), n(2, 3, low=-4, high=4)], axis=axis))
        found.append(case("Gather", [f(4, 5, 4), n(2, 3, low=-4, high=4)], (1,), axis=axis))
        found.append(case("GatherElements", [f(4, 4, 4), n(4, 4, 4, low=-4, high=4)], axis=axis))
        found.append(case("TopK", [f(4, 5, 6), np.array([3])], (1,), axis=axis, outputs=2))
        found.append(case("Concat", [f(2, 3, 4), f(2, 3, 4)], axis=axis))
        found.append(case("Split", [f(4, 6, 8), np.array([1, 3] if axis == 0 else [2, 4] if axis == 1 else [3, 5])], (1,), axis=axis, outputs=2))
        for reduction in ("none", "add", "mul", "max", "min"):
            places = np.argsort(RNG.uniform(size=(4, 4, 4)), axis=axis).astype(np.int64)
            found.append(case("ScatterElements", [f(4, 4, 4), places, f(4, 4, 4)], axis=axis, reduction=reduction))
    found.append(case("GatherND", [f(3, 4, 5), n(2, 2, low=-3, high=3)]))
    found.append(case("GatherND", [f(3, 4, 5), n(3, 2, 1, low=0, high=4)], batch_dims=1))
    found.append(case("ScatterND", [f(5, 3), np.array([[4], [0]]), f(2, 3)]))
    for mode, coordinates in itertools.product(("linear", "cubic", "nearest"), ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")):
        for sizes in ([1, 2, 7, 3], [1, 2, 3, 9]):
            arrays = [f(1, 2, 5, 6), None, None, np.array(sizes)]
            found.append(case("Resize", arrays, (3,), mode=mode, coordinate_transformation_mode=coordinates))
    for op in ("DepthToSpace", "SpaceToDepth"):
        found.append(case(op, [f(2, 8, 4, 6)], blocksize=2))
    found.append(case("LayerNormalization", [f(2, 3, 4), f(4), f(4)], axis=-1))
    found.append(case("InstanceNormalization", [f(2, 3, 4, 5), f(3), f(3)]))
    found.append(case("BatchNormalization", [f(2, 3, 4), f(3), f(3), f(3), f(3, low=0.5)], (1, 2, 3, 4)))
    found.append(case("LRN", [f(5, 5, 3, 3)], size=3, alpha=0.5, bias=2.0))
    found.append(case("Tile", [f(2, 3), np.array([2, 3])], (1,)))
    found.append(case("Expand", [f(3, 1), np.array([2, 1, 4])], (1,)))
    found.append(case("Where", [n(2, 3, low=0, high=2).astype(bool), n(3), n(2, 1)]))
    found.append(case("OneHot", [n(2, 3, low=-4, high=4), np.array(4), f(2)], (1,), axis=1))
    found.append(case("Clip", [f(3, 4), np.array(-0.5, np.float32), np.array(0.7, np.float32)], (1, 2)))
    found.append(case("Clip", [n(3, 4, dtype="int32"), np.array(-2, np.int32)]))
    found.append(case("Mod", [n(20, low=-9, high=9), np.full(20, 4)]))
    found.append(case("Mod", [f(20, low=-9, high=9), f(20, low=0.5, high=3)], fmod=1))
    found.append(case("QuantizeLinear", [f(3, 4, low=-300, high=300), np.array(1.5, np.float32), np.array(7, np.uint8)]))
    found.append(case("DequantizeLinear", [n(3, 4, low=0, high=255, dtype="uint8"), f(4, low=0.1), n(4, low=0, high=9, dtype="uint8")], axis=1))
    found.append(case("MatMulInteger", [n(3, 300, low=0, high=256, dtype="uint8"), n(300, 2, low=-128, high=128, dtype="int8"), np.array(12, np.uint8)]))
    for direction in ("LEFT", "RIGHT"):
        found.append(case("BitShift", [n(9, low=0, high=200, dtype="uint8"), n(9, low=0, high=7, dtype="uint8")], direction=direction))
    for groups, offset_groups in ((1, 1), (2, 1), (2, 2), (1, 4)):
        arrays = [f(2, 4, 6, 5), f(6, 4 // groups, 3, 2), f(2, offset_groups * 12, 3, 5), f(6), f(2, offset_groups * 6, 3, 5)]
        options = {"group": groups, "offset_group": offset_groups, "strides": [2, 1], "pads": [1, 0, 1, 2], "dilations": [1, 2], "opset": 22}
        found += [case("DeformConv", arrays, **options), case("DeformConv", arrays[:3], (1,), **options)]
    for least, most, skips in ((1, 1, 0), (1, 3, 2), (2, 3, 5), (3, 3, 9)):
        pool = {"pool_int64s": [1, 2, 3, 1, 2, 3, 3, 0, 5, 1, 2, 3, 0, 0, 1], "ngram_counts": [0, 3, 9], "ngram_indexes": [0, 2, 1, 4, 3, 6, 5, 7]}
        for shape in ((3, 12), (12,)):
            found.append(case("TfIdfVectorizer", [n(*shape, low=0, high=6)], mode="TF", min_gram_length=least, max_gram_length=most, max_skip_count=skips, **pool))
    return found


@pytest.mark.parametrize(("model", "arrays"), every())
def test_agrees_with_the_reference_evaluator(model: onnx.ModelProto, arrays: list[np.ndarray], tmp_path: Path) -> None:
    agree(model, tmp_path, arrays)


@pytest.mark.parametrize("mode", ["IDF", "TFIDF"])
def test_weights_of_n_grams_stand_in_the_order_of_the_pool(mode: str, tmp_path: Path) -> None:
    model = single(
        "TfIdfVectorizer", [np.array([7, 8, 7, 9])], mode=mode, pool_int64s=[9, 7, 8, 7], ngram_counts=[0, 2], ngram_indexes=[2, 0, 1],
        weights=[0.5, 3.0, 5.0], min_gram_length=1, max_gram_length=2, max_skip_count=0,
    )  # fmt: skip
    (found,) = results(model, tmp_path, np.array([7, 8, 7, 9]))
    assert found.tolist() == [3.0 if mode == "IDF" else 6.0, 5.0, 0.5]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(("kernel", "strides", "pads", "dilations"), [
    ([3], [2], [1, 1], [1]), ([2, 3], [1, 2], [0, 1, 1, 2], [1, 1]), ([3, 2], [2, 1], [1, 0, 2, 1], [2, 3]), ([2, 2, 2], [1, 2, 1], [0, 1, 1, 1, 0, 0], [1, 1, 2]),
])  # fmt: skip
def test_indices_of_greatest_elements(order: int, kernel: list[int], strides: list[int], pads: list[int], dilations: list[int], tmp_path: Path) -> None:
    axes = len(kernel)
    x = n(2, 3, *(5, 6, 4)[:axes], low=0, high=9).astype(np.float32)  # with elements that are equal: the first of a window counts
    model = single("MaxPool", [x], outputs=2, kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations, storage_order=order)
    values, indices = results(model, tmp_path, x)
    counts = [(x.shape[2 + i] + pads[i] + pads[axes + i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1 for i in range(axes)]
    assert values.shape == indices.shape == (2, 3, *counts)
    strides_of = np.cumprod([1, *x.shape[2:]] if order else [1, *x.shape[:1:-1]])[:-1][:: 1 if order else -1]
    for batch, channel, *place in np.ndindex(*values.shape):
        best, where = -np.inf, -1
        for tap in np.ndindex(*kernel):
            at = [place[i] * strides[i] + tap[i] * dilations[i] - pads[i] for i in range(axes)]
            if all(0 <= at[i] < x.shape[2 + i] for i in range(axes)) and x[(batch, channel, *at)] > best:
                best, where = x[(batch, channel, *at)], (batch * 3 + channel) * x[0, 0].size + int(np.dot(at, strides_of))
        assert (values[(batch, channel, *place)], indices[(batch, channel, *place)]) == (best, where)


def test_attention_with_subgraphs(tmp_path: Path) -> None:
    """Scores are limited and masked by one subgraph, probabilities halved by another, which reads a value from outside."""
    query, key, value, bias = f(2, 4, 3, 5), f(2, 2, 6, 5), f(2, 2, 6, 7), f(3, 6)
    scores = info("s", np.zeros((2, 4, 3, 6), np.float32))
    changed = helper.make_graph([helper.make_node("Tanh", ["s"], ["t"]), helper.make_node("Add", ["t", "bias"], ["u"])], "score", [scores], [onnx.ValueInfoProto(name="u")])
    halved = helper.make_graph([helper.make_node("Mul", ["s", "half"], ["v"])], "prob", [scores], [onnx.ValueInfoProto(name="v")])
    node = helper.make_node("FlexAttention", ["q", "k", "v0"], ["y"], domain="ai.onnx.preview", score_mod=changed, prob_mod=halved, scale=0.25)
    given = {"q": query, "k": key, "v0": value, "bias": bias}
    model = model_of([node], [info(*one) for one in given.items()], ["y"], {"half": np.array(0.5, np.float32)}, imports=[helper.make_opsetid("ai.onnx.preview", 1)])
    (found,) = results(model, tmp_path, *given.values())
    k, v = (np.repeat(one.astype(np.float64), 2, axis=1) for one in (key, value))
    powers = np.exp(np.tanh(query @ k.swapaxes(2, 3) * 0.25) + bias)
    np.testing.assert_allclose(found, 0.5 * powers / powers.sum(-1, keepdims=True) @ v, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("source", "target"), [("float32", "int32"), ("int32", "float32"), ("float32", "uint32"), ("int8", "uint8"), ("uint16", "int16"), ("bool", "int8")])
def test_bits_as_another_type(source: str, target: str, tmp_path: Path) -> None:
    x = f(5) if source == "float32" else n(5, low=0, high=2, dtype=source) if source == "bool" else n(5, low=0 if source.startswith("u") else -99, high=99, dtype=source)
    x = np.abs(x) if target == "uint32" else x  # those that have the highest bit do not fit in 32 bits with a sign
    model = single("BitCast", [x], opset=26, to=helper.np_dtype_to_tensor_dtype(np.dtype(target)))
    (found,) = results(model, tmp_path, x)
    assert found.dtype == target
    np.testing.assert_array_equal(found, x.view(target))


@pytest.mark.parametrize(("source", "target"), [("float64", "int64"), ("float16", "int16"), ("int64", "uint64")])
def test_bits_that_are_not_held_are_refused(source: str, target: str, tmp_path: Path) -> None:
    model = single("BitCast", [np.ones(2, source)], opset=26, to=helper.np_dtype_to_tensor_dtype(np.dtype(target)))
    with pytest.raises(UnsupportedOperatorError, match=f"the bits of {source} as {target}"):
        read(model, tmp_path)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_resizing_that_ends_outside_is_clamped(mode: str, tmp_path: Path) -> None:
    """Antialiased, as ONNX Runtime and the reference evaluator have it; and what is for the nearest elements only is refused."""
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    arrays = [x, None, None, np.array([1, 1, 3, 2])]
    agree(single("Resize", arrays, (3,), mode=mode, antialias=1), tmp_path, [x])
    agree(single("Resize", arrays, (3,), mode=mode, antialias=1, exclude_outside=1), tmp_path, [x])
    with pytest.raises(UnsupportedOperatorError, match="for the nearest elements"):
        read(single("Resize", arrays, (3,), opset=11, mode=mode, coordinate_transformation_mode="tf_half_pixel_for_nn"), tmp_path)


def test_what_may_be_missing(tmp_path: Path) -> None:
    nodes = [helper.make_node("OptionalHasElement", ["x"], ["a"]), helper.make_node("OptionalHasElement", [""], ["b"]), helper.make_node("OptionalGetElement", ["x"], ["c"])]
    x = f(3)
    a, b, c = results(model_of(nodes, [info("x", x)], ["a", "b", "c"]), tmp_path, x)
    assert (a.item(), b.item()) == (True, False)
    np.testing.assert_array_equal(c, x)


def test_broadcasting_before_version_7(tmp_path: Path) -> None:
    x, bias = f(2, 3, 4), f(3)
    found = results(single("Add", [x, bias], opset=6, broadcast=1, axis=1), tmp_path, x, bias)[0]
    np.testing.assert_array_equal(found, x + bias[:, None])
    found = results(single("Mul", [x, bias[:1]], opset=6, broadcast=1), tmp_path, x, bias[:1])[0]
    np.testing.assert_array_equal(found, x * bias[0])


def test_old_forms(tmp_path: Path) -> None:
    x = f(1, 2, 3, 4)
    np.testing.assert_array_equal(results(single("Reshape", [x], opset=4, shape=[2, -1]), tmp_path, x)[0], x.reshape(2, 12))
    np.testing.assert_array_equal(results(single("Slice", [x], opset=9, axes=[2], starts=[1], ends=[-1]), tmp_path, x)[0], x[:, :, 1:-1])
    np.testing.assert_array_equal(results(single("Clip", [x], opset=6, min=-0.5, max=0.5), tmp_path, x)[0], np.clip(x, -0.5, 0.5))
    np.testing.assert_array_equal(results(single("Squeeze", [x], opset=11, axes=[0]), tmp_path, x)[0], x[0])
    np.testing.assert_array_equal(results(single("Unsqueeze", [x], opset=11, axes=[0, 5]), tmp_path, x)[0], x[None, ..., None])
    np.testing.assert_array_equal(results(single("Pad", [x], opset=10, pads=[0, 0, 1, 0, 0, 0, 0, 2], value=3.0), tmp_path, x)[0], np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)), constant_values=3))
    twice = x.repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(results(single("Upsample", [x], opset=7, scales=[1.0, 1.0, 2.0, 2.0], mode="nearest"), tmp_path, x)[0], twice)
    scales = np.array([1, 1, 2, 2], np.float32)
    np.testing.assert_array_equal(results(single("Upsample", [x, scales], (1,), opset=9, mode="nearest"), tmp_path, x)[0], twice)
    np.testing.assert_array_equal(results(single("Resize", [x, scales], (1,), opset=10), tmp_path, x)[0], twice)
    parameters = [f(2), f(2), f(2), f(2, low=0.5)]
    scale, bias, mean, variance = (one[:, None, None] for one in parameters)
    found = results(single("BatchNormalization", [x, *parameters], (1, 2, 3, 4), opset=6, is_test=1), tmp_path, x)[0]
    np.testing.assert_allclose(found, (x - mean) / np.sqrt(variance + 1e-5) * scale + bias, rtol=1e-5, atol=1e-6)


def test_softmax_before_version_13_takes_all_axes_from_one_on(tmp_path: Path) -> None:
    x = f(2, 3, 4)
    for axis in (0, 1, 2):
        flat = np.exp(x.reshape(int(np.prod(x.shape[:axis])), -1).astype(np.float64))
        expected = (flat / flat.sum(axis=1, keepdims=True)).reshape(x.shape)
        np.testing.assert_allclose(results(single("Softmax", [x], opset=11, axis=axis), tmp_path, x)[0], expected, rtol=1e-5)
        np.testing.assert_allclose(results(single("LogSoftmax", [x], opset=11, axis=axis), tmp_path, x)[0], np.log(expected), rtol=1e-5)


def test_transposed_convolution_in_groups(tmp_path: Path) -> None:
    """Each input element adds its multiple of the filters of its group."""
    x, w, bias = f(1, 4, 3, 4), f(4, 2, 3, 3), f(4)
    expected = np.zeros((1, 4, 7, 9)) + bias[:, None, None]
    for c, o, i, j in itertools.product(range(4), range(2), range(3), range(4)):
        expected[0, c // 2 * 2 + o, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += x[0, c, i, j] * w[c, o]
    found = results(single("ConvTranspose", [x, w, bias], (1,), group=2, strides=[2, 2]), tmp_path, x, bias)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_integers_of_few_bits_wrap(tmp_path: Path) -> None:
    for dtype in ("uint8", "int8", "uint16", "int16"):
        limits = np.iinfo(dtype)
        a, b = (RNG.integers(limits.min, limits.max + 1, 50).astype(dtype) for _ in range(2))
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(results(single("Add", [a, b]), tmp_path, a, b)[0], a + b)
            np.testing.assert_array_equal(results(single("Mul", [a, b]), tmp_path, a, b)[0], a * b)


def test_powers_of_integers_are_exact(tmp_path: Path) -> None:
    base, exponent = np.array([3, -2, 0, 1, -1, 7, 2, -1, 5], np.int64), np.array([19, 31, 0, 500, 501, 11, -1, -3, 0], np.int64)
    expected = np.array([3**19, -(2**31), 1, 1, -1, 7**11, 0, -1, 1]).astype(np.int64)
    np.testing.assert_array_equal(results(single("Pow", [base, exponent]), tmp_path, base, exponent)[0], expected)


def branches(condition: str, constants: dict[str, np.ndarray]) -> onnx.ModelProto:
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [onnx.ValueInfoProto(name="t")])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["t"])], "else", [], [onnx.ValueInfoProto(name="t")])
    inputs = [info("x", np.zeros((2, 3), np.float32))] + ([] if constants else [info(condition, np.array(True))])
    return model_of([helper.make_node("If", [condition], ["y"], then_branch=then, else_branch=other)], inputs, ["y"], constants)


def test_branches(tmp_path: Path) -> None:
    x = f(2, 3)
    for taken in (True, False):
        expected = np.maximum(x, 0) if taken else -x
        np.testing.assert_array_equal(results(branches("c", {"c": np.array(taken)}), tmp_path, x)[0], expected)
        np.testing.assert_array_equal(results(branches("c", {}), tmp_path, x, np.array(taken))[0], expected)
    known = read(branches("c", {"c": np.array(True)}), tmp_path)
    assert [node.op for node in known.graph.nodes] == ["relu"]


def test_loops_of_known_length_are_unrolled(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Add", ["s", "x"], ["s_out"]),
        helper.make_node("Cast", ["i"], ["fi"], to=1),
        helper.make_node("Mul", ["s_out", "fi"], ["row"]),
        helper.make_node("Identity", ["c"], ["c_out"]),
    ]
    formal = [helper.make_tensor_value_info("i", 7, []), helper.make_tensor_value_info("c", 9, []), helper.make_tensor_value_info("s", 1, [3])]
    body = helper.make_graph(nodes, "body", formal, [onnx.ValueInfoProto(name=name) for name in ("c_out", "s_out", "row")])
    loop = helper.make_node("Loop", ["count", "", "start"], ["total", "rows"], body=body)
    x = f(3)
    model = model_of([loop], [info("x", x), info("start", x)], ["total", "rows"], {"count": np.array(4)})
    assert not any(node.bodies for node in read(model, tmp_path).graph.nodes)
    total, rows = results(model, tmp_path, x, np.zeros(3, np.float32))
    np.testing.assert_allclose(total, 4 * x, rtol=1e-6)
    np.testing.assert_allclose(rows, [i * (i + 1) * x for i in range(4)], rtol=1e-6)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_step_by_step(op: str, direction: str, tmp_path: Path) -> None:
    """Against the equations of the specification, written out for one sequence at a time, with lengths and initial states."""
    gates, hidden, depth, steps, batch = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 3, 2, 5, 2
    backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    count = len(backwards)
    x, w, r, b = f(steps, batch, depth), f(count, gates * hidden, depth), f(count, gates * hidden, hidden), f(count, 2 * gates * hidden)
    lengths, h0, c0 = np.array([5, 3], np.int32), f(count, batch, hidden), f(count, batch, hidden)
    arrays: list[np.ndarray | None] = [x, w, r, b, lengths, h0] + ([c0] if op == "LSTM" else [])
    model = single(op, arrays, (1, 2, 3), hidden_size=hidden, direction=direction, outputs=3 if op == "LSTM" else 2)
    found = results(model, tmp_path, x, lengths, h0, *([c0] if op == "LSTM" else []))
    y, last = np.zeros((steps, count, batch, hidden)), np.zeros((count, batch, hidden))
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    for d, n_ in itertools.product(range(count), range(batch)):
        h, c = h0[d, n_].astype(np.float64), c0[d, n_].astype(np.float64)
        times = range(int(lengths[n_]))
        for t in reversed(times) if backwards[d] else times:
            wb, rb = b[d, : gates * hidden], b[d, gates * hidden :]
            xw = (w[d] @ x[t, n_] + wb).reshape(gates, hidden)
            hr = (r[d] @ h + rb).reshape(gates, hidden)
            if op == "RNN":
                h = np.tanh(xw[0] + hr[0])
            elif op == "GRU":
                z, reset = sigmoid(xw[0] + hr[0]), sigmoid(xw[1] + hr[1])
                candidate = np.tanh(xw[2] + r[d][2 * hidden :] @ (reset * h) + rb[2 * hidden :])
                h = (1 - z) * candidate + z * h
            else:
                entry, out, forget, new = sigmoid(xw[0] + hr[0]), sigmoid(xw[1] + hr[1]), sigmoid(xw[2] + hr[2]), np.tanh(xw[3] + hr[3])
                c = forget * c + entry * new
                h = out * np.tanh(c)
            y[t, d, n_] = h
        last[d, n_] = h
    np.testing.assert_allclose(found[0], y, atol=1e-5)
    np.testing.assert_allclose(found[1], last, atol=1e-5)


def test_resizing_keeps_constant_pictures(tmp_path: Path) -> None:
    """Whatever the mode, the weights of each element add up to one."""
    x = np.full((1, 1, 6, 9), 2.5, np.float32)
    modes = itertools.product(("linear", "cubic"), ("half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric"), (0, 1), (0, 1))
    for mode, coordinates, antialias, exclude in modes:
        for sizes in ([1, 1, 2, 4], [1, 1, 13, 5]):
            arrays = [x, None, None, np.array(sizes)]
            model = single("Resize", arrays, (3,), mode=mode, coordinate_transformation_mode=coordinates, antialias=antialias, exclude_outside=exclude)
            np.testing.assert_allclose(results(model, tmp_path, x)[0], np.full(sizes, 2.5), rtol=1e-6)


def test_fourier_transforms_agree_with_numpy(tmp_path: Path) -> None:
    x = f(2, 9, 1)
    for length in (6, 9, 12):
        arrays = [x, np.array(length), np.array(1)]
        found = results(single("DFT", arrays, (1, 2), opset=20, onesided=1), tmp_path, x)[0]
        expected = np.fft.rfft(x[..., 0], length)
        np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, atol=1e-5)
        back = results(single("DFT", [found, np.array(length), np.array(1)], (1, 2), opset=20, onesided=1, inverse=1), tmp_path, found)[0]
        np.testing.assert_allclose(back[..., 0], np.fft.irfft(expected, length), atol=1e-5)
