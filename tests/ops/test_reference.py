"""The NumPy reference against plain loops, values worked out by hand, and the rules for integers."""

from __future__ import annotations

import math
import struct
from itertools import product

import numpy as np
import pytest
from webkiln.ops import OPERATORS, Operator, fill_defaults

LEAST, GREATEST = -(2**31), 2**31 - 1


def run(name: str, *inputs: object, **attributes: object) -> np.ndarray:
    operator = OPERATORS[name]
    return operator.reference([np.asarray(one) for one in inputs], fill_defaults(operator, attributes))


def f32(*values: object) -> np.ndarray:
    return np.array(values, np.float32)


def i32(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


# -- plain loops --------------------------------------------------------------------------------------------------------


def conv2d_loops(x: np.ndarray, w: np.ndarray, bias: np.ndarray, attributes: dict) -> np.ndarray:
    top, left, bottom, right = attributes["padding"]
    (sy, sx), (dy, dx), groups = attributes["stride"], attributes["dilation"], attributes["groups"]
    kh, kw, depth, out = w.shape
    height = (x.shape[1] + top + bottom - (kh - 1) * dy - 1) // sy + 1
    width = (x.shape[2] + left + right - (kw - 1) * dx - 1) // sx + 1
    y = np.zeros((x.shape[0], max(0, height), max(0, width), out))
    for n, i, j, o in product(*map(range, y.shape)):
        total = float(bias[o])
        first = o // (out // groups) * depth
        for u, v, c in product(range(kh), range(kw), range(depth)):
            row, column = i * sy + u * dy - top, j * sx + v * dx - left
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                total += float(x[n, row, column, first + c]) * float(w[u, v, c, o])
        y[n, i, j, o] = total
    return y


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "groups", "depth", "out"),
    [
        ((1, 5, 6), (3, 2), [1, 2], [1, 0, 0, 1], [1, 1], 1, 3, 2),
        ((2, 7, 6), (2, 3), [2, 1], [0, 2, 1, 2], [2, 3], 2, 2, 6),
        ((1, 5, 5), (3, 3), [2, 2], [1, 1, 1, 1], [1, 1], 4, 1, 4),
        ((1, 4, 5), (2, 2), [1, 3], [0, 0, 2, 0], [2, 1], 3, 1, 6),
        ((1, 2, 2), (3, 3), [1, 1], [0, 0, 0, 0], [1, 1], 1, 2, 2),
        ((1, 2, 2), (3, 3), [4, 4], [0, 1, 0, 0], [1, 1], 1, 2, 2),
    ],
)
def test_conv2d_is_the_plain_loop(size, kernel, stride, padding, dilation, groups, depth, out) -> None:
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((*size, depth * groups)), rng.standard_normal((*kernel, depth, out))
    bias = rng.standard_normal(out)
    x, w, bias = (array.astype(np.float32) for array in (x, w, bias))
    attributes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    expected = conv2d_loops(x, w, bias, attributes)
    np.testing.assert_allclose(run("conv2d", x, w, bias, **attributes), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(run("conv2d", x, w, **attributes), expected - bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"),
    [((2, 5, 7, 3), [2, 3], [2, 1], [1, 0, 0, 2]), ((1, 4, 4, 1), [3, 3], [3, 3], [2, 2, 2, 2]), ((1, 2, 9, 2), [3, 2], [1, 1], [0, 0, 0, 0])],
)
@pytest.mark.parametrize("name", ["max_pool2d", "average_pool2d", "average_pool2d_counted"])
def test_pools_are_the_plain_loop(name, size, window, stride, padding) -> None:
    x = np.random.default_rng(6).standard_normal(size).astype(np.float32)
    top, left, bottom, right = padding
    height = max(0, (size[1] + top + bottom - window[0]) // stride[0] + 1)
    width = max(0, (size[2] + left + right - window[1]) // stride[1] + 1)
    expected = np.zeros((size[0], height, width, size[3]))
    for n, i, j, c in product(*map(range, expected.shape)):
        rows = [i * stride[0] - top + u for u in range(window[0])]
        columns = [j * stride[1] - left + v for v in range(window[1])]
        inside = [float(x[n, r, q, c]) for r, q in product(rows, columns) if 0 <= r < size[1] and 0 <= q < size[2]]
        if name == "max_pool2d":
            expected[n, i, j, c] = max(inside)
        else:
            expected[n, i, j, c] = sum(inside) / (len(inside) if name == "average_pool2d" else window[0] * window[1])
    extra = {"count_padding": True} if name == "average_pool2d_counted" else {}
    result = run(name.removesuffix("_counted"), x, window=window, stride=stride, padding=padding, **extra)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("before", "after"), [((4, 5), (8, 10)), ((5, 4), (3, 7)), ((3, 3), (1, 1)), ((1, 1), (2, 3)), ((4, 4), (4, 4))])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("mode", ["linear", "floor", "round"])
def test_resize_is_the_plain_loop(before, after, coordinates, mode) -> None:
    x = np.random.default_rng(7).standard_normal((1, *before, 2)).astype(np.float32)

    def source(i: int, size_in: int, size_out: int) -> float:
        if coordinates == "half_pixel":
            return (i + 0.5) * (size_in / size_out) - 0.5
        if coordinates == "align_corners":
            return i * ((size_in - 1) / (size_out - 1)) if size_out > 1 else 0.0
        return i * (size_in / size_out)

    expected = np.zeros((1, *after, 2))
    for i, j, c in product(range(after[0]), range(after[1]), range(2)):
        at = [source(i, before[0], after[0]), source(j, before[1], after[1])]
        if mode == "linear":
            at = [min(max(one, 0), size - 1) for one, size in zip(at, before, strict=True)]
            low = [math.floor(one) for one in at]
            high = [min(one + 1, size - 1) for one, size in zip(low, before, strict=True)]
            fy, fx = at[0] - low[0], at[1] - low[1]
            expected[0, i, j, c] = (
                x[0, low[0], low[1], c] * (1 - fy) * (1 - fx) + x[0, low[0], high[1], c] * (1 - fy) * fx
                + x[0, high[0], low[1], c] * fy * (1 - fx) + x[0, high[0], high[1], c] * fy * fx
            )  # fmt: skip
        else:
            row, column = (
                min(max(math.floor(one + (0.5 if mode == "round" else 0)), 0), size - 1) for one, size in zip(at, before, strict=True)
            )
            expected[0, i, j, c] = x[0, row, column, c]
    attributes = {"mode": "linear"} if mode == "linear" else {"mode": "nearest", "rounding": mode}
    result = run("resize", x, size=list(after), coordinates=coordinates, **attributes)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_reductions_against_plain_sums() -> None:
    x = np.random.default_rng(8).standard_normal((3, 4, 5)).astype(np.float32)
    for axes, keep in product(([], [1], [0, 2], [2, 0], [0, 1, 2]), (False, True)):
        for name, fold in (("reduce_sum", math.fsum), ("reduce_max", max), ("reduce_min", min), ("reduce_prod", math.prod)):
            result = run(name, x, axes=axes, keep_dims=keep)
            flat = result.reshape([1 if axis in axes else size for axis, size in enumerate(x.shape)])
            for index in np.ndindex(flat.shape):
                chosen = tuple(slice(None) if axis in axes else i for axis, i in enumerate(index))
                np.testing.assert_allclose(flat[index], fold(x[chosen].reshape(-1).astype(float).tolist()), rtol=1e-6, atol=1e-7)
        count = math.prod(x.shape[axis] for axis in axes)
        np.testing.assert_allclose(run("reduce_mean", x, axes=axes), run("reduce_sum", x, axes=axes) / count, rtol=1e-6)


def test_sums_are_accumulated_in_float64() -> None:
    x = f32(1e8, 1, -1e8)
    assert run("reduce_sum", x, axes=[0]) == 1
    assert run("matmul", x[None], np.ones((3, 1), np.float32)) == 1
    assert run("conv2d", x.reshape(1, 1, 1, 3), np.ones((1, 1, 3, 1), np.float32)).reshape(()) == 1
    assert run("average_pool2d", x.reshape(1, 1, 3, 1), window=[1, 3]).reshape(()) == np.float32(1 / 3)


def test_reductions_of_nothing() -> None:
    empty = np.zeros((2, 0), np.float32)
    assert run("reduce_sum", empty, axes=[1]).tolist() == [0, 0]
    assert run("reduce_prod", empty, axes=[1]).tolist() == [1, 1]
    assert run("reduce_max", empty, axes=[1]).tolist() == [-math.inf] * 2
    assert run("reduce_min", empty, axes=[1]).tolist() == [math.inf] * 2
    assert run("reduce_max", empty.astype(np.int32), axes=[1]).tolist() == [LEAST] * 2
    assert run("reduce_min", empty.astype(np.int32), axes=[1]).tolist() == [GREATEST] * 2
    assert np.isnan(run("reduce_mean", empty, axes=[1])).all()


def test_matmul_against_loops() -> None:
    rng = np.random.default_rng(9)
    a, b, bias = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 1, 3, 4), (5, 4, 2), (2,)))
    y = run("matmul", a, b, bias)
    assert y.shape == (2, 5, 3, 2)
    for n, m, i, j in np.ndindex(y.shape):
        assert abs(y[n, m, i, j] - (sum(float(a[n, 0, i, k]) * float(b[m, k, j]) for k in range(4)) + bias[j])) < 1e-5


def test_movement_by_hand() -> None:
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert run("slice", x, start=[1, 2], size=[2, 2], step=[-1, -2]).tolist() == [[5, 3], [2, 0]]
    assert run("pad", x, low=[0, 1], high=[1, 0], interior=[1, 2], value=9.0).tolist() == [
        [9, 0, 9, 9, 1, 9, 9, 2],
        [9] * 8,
        [9, 3, 9, 9, 4, 9, 9, 5],
        [9] * 8,
    ]
    assert run("gather", x, i32(2, -7, 99), axis=1).tolist() == [[2, 0, 2], [5, 3, 5]]
    assert run("gather", x, np.int32(1), axis=0).tolist() == [3, 4, 5]
    assert run("scatter", x, i32(1, 5, -1), i32(7, 8, 9, 1, 1, 1, 2, 2, 2).reshape(3, 3), reduction="none").tolist() == [[0, 1, 2], [7, 8, 9]]
    assert run("scatter", x, i32(1, 1), i32(1, 2, 3, 1, 1, 1).reshape(2, 3), reduction="add").tolist() == [[0, 1, 2], [5, 7, 9]]
    assert run("concat", x, x[:, :1], axis=1).tolist() == [[0, 1, 2, 0], [3, 4, 5, 3]]
    assert run("transpose", x, permutation=[1, 0]).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert run("expand", x[:, :1], shape=[2, 2, 2]).tolist() == [[[0, 0], [3, 3]]] * 2
    assert run("reshape", x, shape=[3, 2]).tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(("value", "dtype", "expected"), [
    (math.nan, np.int32, 0), (math.inf, np.int32, GREATEST), (-2.7, np.int32, -2), (300.0, np.uint8, 44), (2.0, np.bool_, True),
])  # fmt: skip
def test_padding_converts_its_value_as_cast_does(value, dtype, expected) -> None:
    x = np.ones(1, dtype)
    assert run("pad", x, low=[1], high=[0], interior=[0], value=value)[0] == expected


def test_along_an_axis_by_hand() -> None:
    x = f32(2, math.nan, 2, -1, math.nan)
    assert run("arg_max", x, axis=0) == 1
    assert run("arg_max", x, axis=0, last=True) == 4
    assert run("arg_min", x, axis=0) == 1
    assert run("arg_min", f32(2, 1, 1), axis=0, last=True, keep_dims=True).tolist() == [2]
    assert run("argsort", x, axis=0).tolist() == [3, 0, 2, 1, 4]
    assert run("argsort", x, axis=0, descending=True).tolist() == [1, 4, 0, 2, 3]
    assert run("cumulative_sum", i32(1, 2, 3), axis=0, exclusive=True).tolist() == [0, 1, 3]
    assert run("cumulative_sum", i32(1, 2, 3), axis=0, reverse=True).tolist() == [6, 5, 3]
    assert run("cumulative_prod", i32(GREATEST, 2), axis=0).tolist() == [GREATEST, -2]


def test_shifts_by_any_distance() -> None:
    a, distance = i32(-5, -5, 1, 1, 1), i32(1, 40, 31, 32, -1)
    assert run("shift_left", a, distance).tolist() == [-10, 0, LEAST, 0, 0]
    assert run("shift_right", a, distance).tolist() == [-3, -1, 0, 0, 0]


# -- numbers ------------------------------------------------------------------------------------------------------------


def test_integer_division() -> None:
    a = i32(7, -7, 7, -7, 5, 0, LEAST, LEAST, GREATEST)
    b = i32(2, 2, -2, -2, 0, 0, -1, 1, -1)
    assert run("div", a, b).tolist() == [3, -3, -3, 3, 0, 0, LEAST, LEAST, -GREATEST]
    assert run("mod", a, b).tolist() == [1, 1, -1, -1, 0, 0, 0, 0, 0]


def test_integers_wrap() -> None:
    assert run("add", i32(GREATEST), i32(1)).tolist() == [LEAST]
    assert run("sub", i32(LEAST), i32(1)).tolist() == [GREATEST]
    assert run("mul", i32(65536), i32(65537)).tolist() == [65536]
    assert run("neg", i32(LEAST)).tolist() == [LEAST]
    assert run("abs", i32(LEAST)).tolist() == [LEAST]
    assert run("reduce_sum", i32(GREATEST, GREATEST, 3), axes=[0]) == 1
    assert run("reduce_prod", i32(65536, 65536, 7), axes=[0]) == 0


@pytest.mark.parametrize(("to", "expected"), [
    ("i32", [GREATEST, LEAST, 0, 2, -2, GREATEST, LEAST, 300]),
    ("u8", [255, 0, 0, 2, 254, 255, 0, 44]),
    ("i8", [-1, 0, 0, 2, -2, -1, 0, 44]),
    ("bool", [True, True, True, True, True, True, True, True]),
])  # fmt: skip
def test_casts_of_floats(to, expected) -> None:
    x = f32(math.inf, -math.inf, math.nan, 2.9, -2.9, 1e30, -1e30, 300.5)
    assert run("cast", x, to=to).tolist() == expected


def test_casts_of_integers() -> None:
    x = i32(-1, 0, 127, 128, 255, 256, LEAST)
    assert run("cast", x, to="u8").tolist() == [255, 0, 127, 128, 255, 0, 0]
    assert run("cast", x, to="i8").tolist() == [-1, 0, 127, -128, -1, 0, 0]
    assert run("cast", x, to="bool").tolist() == [True, False, True, True, True, True, True]
    assert run("cast", i32(2**24 + 1), to="f32").tolist() == [2**24]
    assert run("cast", np.array([True, False]), to="f32").tolist() == [1, 0]


def test_nan_survives_and_comparisons_with_it_are_false() -> None:
    nan, one = f32(math.nan), f32(1)
    for name in ("max", "min"):
        assert np.isnan(run(name, nan, one)).all()
        assert np.isnan(run(name, one, nan)).all()
    for name in ("relu", "abs", "sign", "round", "tanh", "sigmoid", "softplus", "elu", "hard_swish", "erf"):
        assert np.isnan(run(name, nan)).all(), name
    assert np.isnan(run("clip", nan, minimum=0.0, maximum=6.0)).all()
    assert np.isnan(run("reduce_max", f32(1, math.nan, 2), axes=[0]))
    assert np.isnan(run("max_pool2d", f32(1, math.nan).reshape(1, 1, 2, 1), window=[1, 2])).all()
    for name, expected in (("equal", False), ("not_equal", True), ("less", False), ("greater_equal", False)):
        assert run(name, nan, nan).tolist() == [expected]
    assert run("where", np.array([True]), one, nan).tolist() == [1]


def test_rounding_is_to_even() -> None:
    assert run("round", f32(0.5, 1.5, 2.5, -0.5, -1.5, 2.4999)).tolist() == [0, 2, 2, 0, -2, 2]
    assert run("trunc", f32(1.9, -1.9)).tolist() == [1, -1]
    assert run("mod", f32(5.5, -5.5, 5.5), f32(2, 2, -2)).tolist() == [1.5, 0.5, -0.5]


# -- the scalar expressions ---------------------------------------------------------------------------------------------

FUNCTIONS = {
    "where": np.where, "min": np.minimum, "max": np.maximum, "pow": np.power, "round": np.rint, "isnan": np.isnan, "isinf": np.isinf,
    "abs": np.abs, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "erf": np.vectorize(math.erf), "bits": lambda x: x.view(np.float32) if x.dtype == np.int32 else x.astype(np.float32).view(np.int32),
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "floor", "ceil", "trunc", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
}  # fmt: skip


@pytest.mark.parametrize("operator", [one for one in OPERATORS.values() if one.elementwise], ids=lambda operator: operator.name)
def test_the_expression_means_what_the_reference_does(operator: Operator) -> None:
    """The expression, evaluated in float64, is the reference up to rounding."""
    if operator.name in ("cast", "logical_not", "logical_and", "logical_or"):
        return  # their expressions are not NumPy syntax; their values are pinned elsewhere
    rng = np.random.default_rng(10)
    checked = 0
    for case in operator.cases(rng):
        attributes = fill_defaults(operator, case.attributes)
        wide = [array.astype(np.float64) if array.dtype == np.float32 else array for array in case.inputs]
        if not all(np.isfinite(array).all() and (np.abs(array) < 1000).all() for array in wide) or not wide[0].size:
            continue
        if operator.name in ("div", "mod") and (wide[0].dtype == np.int32 or (wide[1] == 0).any()):
            continue
        names = dict(zip(operator.inputs, wide, strict=True)) | attributes
        with np.errstate(all="ignore"):
            expected = np.asarray(eval(operator.expression, FUNCTIONS, names))
        result = operator.reference(case.inputs, attributes)
        if operator.name == "mod":  # a remainder jumps where the quotient is rounded to another integer
            expected, result = (np.where(np.abs(part - wide[1]) < 1e-4, 0, part) for part in (expected, result))
            np.testing.assert_allclose(result, expected, atol=1e-4)
        elif result.dtype == np.float32:
            with np.errstate(over="ignore"):
                np.testing.assert_allclose(result, expected.astype(np.float32), rtol=2e-6, atol=2e-7)
        else:
            np.testing.assert_array_equal(result, expected)
        checked += 1
    assert checked >= 3
    assert set(operator.floats) <= set(operator.attributes)


def test_logic_by_hand() -> None:
    a, b = np.array([False, False, True, True]), np.array([False, True, False, True])
    assert run("logical_and", a, b).tolist() == [False, False, False, True]
    assert run("logical_or", a, b).tolist() == [False, True, True, True]
    assert run("logical_xor", a, b).tolist() == [False, True, True, False]
    assert run("logical_not", a).tolist() == [True, True, False, False]


# -- fixed point, with the definitions of gemmlowp and TFLite in Python's integers ---------------------------------------


def doubling_high_product(a: int, b: int) -> int:
    product_ = a * b
    nudged = product_ + (1 << 30 if product_ >= 0 else 1 - (1 << 30))
    return GREATEST if a == b == LEAST else abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)


def shifted_right(x: int, exponent: int) -> int:
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def fixed_point(x: int, multiplier: int, shift: int, rounding: str) -> int:
    if rounding == "double":
        wide = ((x << max(shift, 0)) - LEAST) % 2**32 + LEAST
        return shifted_right(doubling_high_product(wide, multiplier), max(-shift, 0))
    if rounding == "reduced":
        multiplier = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    bits = (15 if rounding == "reduced" else 31) - shift
    return max(LEAST, min(GREATEST, (x * multiplier + (1 << (bits - 1))) >> bits))


@pytest.mark.parametrize("rounding", ["double", "single", "reduced"])
def test_requantize_is_fixed_point_arithmetic(rounding: str) -> None:
    rng = np.random.default_rng(3)
    halves = [-3, -2, -1, 0, 1, 2, 3, 5, 6, LEAST, GREATEST, LEAST + 1]
    x = np.array([*halves, *rng.integers(LEAST, GREATEST, 300), *rng.integers(-70000, 70000, 300)], np.int32)
    for multiplier in (2**30, 2**31 - 1, 0x7FFF0000, 0x7FFEFFFF, 0, *rng.integers(2**30, 2**31, 20).tolist()):
        for shift in (-31, -30, -8, -1, 0, 1, 7):
            found = run("requantize", x, i32(multiplier), i32(shift), rounding=rounding)
            assert found.tolist() == [fixed_point(int(one), multiplier, shift, rounding) for one in x], (multiplier, shift)


def test_requantize_in_floats_rounds_products_to_the_nearest_even() -> None:
    """Each step of the definition by itself: both numbers as float32, their product as float32, the nearest integer."""
    rng = np.random.default_rng(4)
    x = np.array([-3, -1, 0, 1, 3, 5, 2**24 + 1, LEAST, GREATEST, *rng.integers(LEAST, GREATEST, 300), *rng.integers(-70000, 70000, 300)], np.int32)
    for multiplier in (2**30, 2**31 - 1, 0, *rng.integers(2**30, 2**31, 20).tolist()):
        for shift in (-31, -8, -1, 0, 1, 7):
            factor = struct.unpack("<f", struct.pack("<f", multiplier))[0] * 2.0 ** (shift - 31)
            expected = []
            for one in x.tolist():
                wide = struct.unpack("<f", struct.pack("<f", one))[0] * factor
                product_ = struct.unpack("<f", struct.pack("<f", wide))[0]
                expected.append(max(LEAST, min(GREATEST, round(product_))))
            assert run("requantize", x, i32(multiplier), i32(shift), rounding="float").tolist() == expected, (multiplier, shift)


def test_requantize_has_factors_of_the_last_axis() -> None:
    x = i32(100, 100, -100, -100).reshape(2, 2)
    assert run("requantize", x, i32(2**30, 2**30), i32(0, -1)).tolist() == [[50, 25], [-50, -25]]
    assert run("requantize", np.array(7, np.int32), i32(2**30), i32(1)).shape == ()
