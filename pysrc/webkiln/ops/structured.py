"""The structured operators: those whose elements are not independent of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from webkiln.ops import cases, gradients, reference, rules
from webkiln.ops.table import EXACT, Attribute, Attributes, LayoutRule, Operator, Tolerance, Unavailable

SUMS = Tolerance(2e-5, 2e-5, "a sum of products in float32, in another order than the reference's float64")
NHWC_ONLY = Unavailable("computes in NHWC; importers put transposes around it")
NO_GRADIENT = Unavailable("an index has no derivative")
MERGED = Unavailable("the transposes pass merges it with its neighbours")


def _axes_moved(permutation: Sequence[int], attributes: Attributes, *names: str) -> Attributes:
    """Attributes with an entry an axis, for the tensor before the permutation."""
    moved = dict(attributes)
    for name in names:
        before = [None] * len(permutation)
        for i, axis in enumerate(permutation):
            before[axis] = attributes[name][i]
        moved[name] = before
    return moved


def _entries(*names: str) -> LayoutRule:
    return lambda permutation, attributes: (_axes_moved(permutation, attributes, *names), list(permutation))


def _axis_layout(permutation: Sequence[int], attributes: Attributes) -> tuple[Attributes, list[int]]:
    return {**attributes, "axis": permutation[attributes["axis"]]}, list(permutation)


def _arg_layout(permutation: Sequence[int], attributes: Attributes) -> tuple[Attributes, list[int]]:
    axis = attributes["axis"]
    moved, order = _reduce_layout(permutation, {"axes": [axis], "keep_dims": attributes["keep_dims"]})
    return {**attributes, "axis": moved["axes"][0]}, order


def _reduce_layout(permutation: Sequence[int], attributes: Attributes) -> tuple[Attributes, list[int]]:
    axes = sorted(permutation[axis] for axis in attributes["axes"])
    if attributes["keep_dims"]:
        return {**attributes, "axes": axes}, list(permutation)
    left = [axis for i, axis in enumerate(permutation) if i not in attributes["axes"]]
    return {**attributes, "axes": axes}, [sorted(left).index(axis) for axis in left]


def _expand_layout(permutation: Sequence[int], attributes: Attributes) -> tuple[Attributes, list[int]] | None:
    if len(attributes["shape"]) != len(permutation):
        return None
    return _axes_moved(permutation, attributes, "shape"), list(permutation)


_WINDOW = {
    "window": Attribute("ints"),
    "stride": Attribute("ints", [1, 1]),
    "padding": Attribute("dims", [0, 0, 0, 0]),
}


def _reduce(
    name: str, summary: str, run: Any, gradient: Any, tolerance: Tolerance, dtype: Any
) -> Operator:
    return Operator(
        name=name,
        summary=summary,
        inputs=("x",),
        shape=rules.reduce,
        dtype=dtype,
        layout=_reduce_layout,
        reference=run,
        gradient=gradient,
        cases=cases.reduce(name, integers=dtype is rules.number_dtype),
        tolerance=tolerance,
        attributes={"axes": Attribute("ints"), "keep_dims": Attribute("bool", False)},
    )


def _operator(
    name: str,
    summary: str,
    inputs: tuple[str, ...],
    shape: Any,
    dtype: Any,
    run: Any,
    gradient: Any,
    tests: Callable[[Any], Iterator[Any]],
    attributes: dict[str, Attribute],
    *,
    layout: LayoutRule | Unavailable = NHWC_ONLY,
    tolerance: Tolerance = EXACT,
) -> Operator:
    return Operator(name, summary, inputs, shape, dtype, layout, run, gradient, tests, tolerance, attributes)


OPERATORS: tuple[Operator, ...] = (
    _operator(
        "conv2d",
        "cross-correlation of x [N, H, W, C] with w [KH, KW, C/groups, O], zero padding, plus bias [O]; f32, or i32 that wraps",
        ("x", "w", "bias?"),
        rules.conv2d,
        rules.product_dtype,
        reference.conv2d,
        gradients.conv2d,
        cases.conv2d,
        {
            "stride": Attribute("ints", [1, 1]),
            "padding": Attribute("dims", [0, 0, 0, 0]),
            "dilation": Attribute("ints", [1, 1]),
            "groups": Attribute("int", 1),
        },
        tolerance=SUMS,
    ),
    _operator(
        "matmul",
        "product of matrices a […, M, K] and b […, K, N], whose leading axes broadcast, plus bias [N]; f32, or i32 that wraps",
        ("a", "b", "bias?"),
        rules.matmul,
        rules.product_dtype,
        reference.matmul,
        gradients.matmul,
        cases.matmul,
        {},
        layout=Unavailable("its last two axes have a meaning"),
        tolerance=SUMS,
    ),
    _operator(
        "max_pool2d",
        "the greatest of each window of x [N, H, W, C]; padding never wins",
        ("x",),
        rules.pool2d,
        rules.float_dtype,
        reference.max_pool2d,
        gradients.max_pool2d,
        cases.max_pool2d,
        _WINDOW,
    ),
    _operator(
        "average_pool2d",
        "the mean of each window of x [N, H, W, C], over what is not padding unless `count_padding`",
        ("x",),
        rules.pool2d,
        rules.float_dtype,
        reference.average_pool2d,
        gradients.average_pool2d,
        cases.average_pool2d,
        {**_WINDOW, "count_padding": Attribute("bool", False)},
        tolerance=Tolerance(2e-6, 2e-6, "a sum of a window in float32"),
    ),
    _reduce("reduce_sum", "the sum over `axes`", reference.reduce_sum, gradients.reduce_sum, SUMS, rules.number_dtype),
    _reduce("reduce_mean", "the mean over `axes`", reference.reduce_mean, gradients.reduce_mean, SUMS, rules.float_dtype),
    _reduce("reduce_max", "the greatest over `axes`", reference.reduce_max, gradients.reduce_extreme, EXACT, rules.number_dtype),
    _reduce("reduce_min", "the least over `axes`", reference.reduce_min, gradients.reduce_extreme, EXACT, rules.number_dtype),
    _reduce(
        "reduce_prod",
        "the product over `axes`",
        reference.reduce_prod,
        gradients.reduce_prod,
        Tolerance(2e-5, 1e-30, "a product in float32, rounded at every step"),
        rules.number_dtype,
    ),
    _operator(
        "resize",
        "x [N, H, W, C] at another height and width",
        ("x",),
        rules.resize,
        rules.float_dtype,
        reference.resize,
        Unavailable("needs a transposed resampling, which no model here trains through"),
        cases.resize,
        {
            "size": Attribute("dims"),
            "mode": Attribute("string", "linear", ("linear", "nearest")),
            "coordinates": Attribute("string", "half_pixel", ("half_pixel", "align_corners", "asymmetric")),
            "rounding": Attribute("string", "floor", ("floor", "round")),
        },
        tolerance=Tolerance(1e-6, 1e-6, "three interpolations, the same operations in the same order"),
    ),
    _operator(
        "pad",
        "`value`, converted as by `cast`, before, after and between the elements of each axis",
        ("x",),
        rules.pad,
        rules.same_dtype,
        reference.pad,
        gradients.pad,
        cases.pad,
        {
            "low": Attribute("dims"),
            "high": Attribute("dims"),
            "interior": Attribute("dims"),
            "value": Attribute("float", 0.0),
        },
        layout=_entries("low", "high", "interior"),
    ),
    _operator(
        "concat",
        "the inputs one after another along `axis`",
        ("xs*",),
        rules.concat,
        rules.same_dtype,
        reference.concat,
        gradients.concat,
        cases.concat,
        {"axis": Attribute("int")},
        layout=_axis_layout,
    ),
    _operator(
        "reshape",
        "the same elements in another shape",
        ("x",),
        rules.reshape,
        rules.same_dtype,
        reference.reshape,
        gradients.reshape,
        cases.reshape,
        {"shape": Attribute("dims")},
        layout=Unavailable("merges and splits axes"),
    ),
    _operator(
        "transpose",
        "axis i of the result is axis `permutation[i]` of x",
        ("x",),
        rules.transpose,
        rules.same_dtype,
        reference.transpose,
        gradients.transpose,
        cases.transpose,
        {"permutation": Attribute("ints")},
        layout=MERGED,
    ),
    _operator(
        "slice",
        "`size` elements of each axis, from `start` in steps of `step`",
        ("x",),
        rules.slice_,
        rules.same_dtype,
        reference.slice_,
        gradients.slice_,
        cases.slice_,
        {"start": Attribute("dims"), "size": Attribute("dims"), "step": Attribute("ints")},
        layout=_entries("start", "size", "step"),
    ),
    _operator(
        "expand",
        "x broadcast to `shape`",
        ("x",),
        rules.expand,
        rules.same_dtype,
        reference.expand,
        gradients.expand,
        cases.expand,
        {"shape": Attribute("dims")},
        layout=_expand_layout,
    ),
    _operator(
        "gather",
        "entries of x along `axis` at `indices` (i32); an index outside is clamped",
        ("x", "indices"),
        rules.gather,
        rules.gather_dtype,
        reference.gather,
        gradients.gather,
        cases.gather,
        {"axis": Attribute("int", 0)},
        layout=Unavailable("replaces one axis by those of the indices"),
    ),
    *(
        _operator(
            name,
            f"where along `axis` the {extreme} of x lies (i32): the first of several, or the last with `last`; NaN is the {extreme}",
            ("x",),
            rules.arg_extreme,
            rules.index_dtype,
            run,
            NO_GRADIENT,
            cases.arg_extreme,
            {"axis": Attribute("int"), "keep_dims": Attribute("bool", False), "last": Attribute("bool", False)},
            layout=_arg_layout,
        )
        for name, extreme, run in (("arg_max", "greatest", reference.arg_max), ("arg_min", "least", reference.arg_min))
    ),
    *(
        _operator(
            name,
            f"the {what} of the elements up to each along `axis`: without itself with `exclusive`, from the end with `reverse`",
            ("x",),
            rules.along,
            rules.number_dtype,
            run,
            gradient,
            cases.cumulative,
            {"axis": Attribute("int"), "exclusive": Attribute("bool", False), "reverse": Attribute("bool", False)},
            layout=_axis_layout,
            tolerance=SUMS,
        )
        for name, what, run, gradient in (
            ("cumulative_sum", "sum", reference.cumulative_sum, gradients.cumulative_sum),
            ("cumulative_prod", "product", reference.cumulative_prod, Unavailable("no model here trains through it")),
        )
    ),
    _operator(
        "argsort",
        "the indices (i32) that sort x along `axis`; equal elements keep their order, NaN is the greatest",
        ("x",),
        rules.along,
        rules.index_dtype,
        reference.argsort,
        NO_GRADIENT,
        cases.argsort,
        {"axis": Attribute("int"), "descending": Attribute("bool", False)},
        layout=_axis_layout,
    ),
    _operator(
        "non_max_suppression",
        "of each class the boxes (two corners each) in the order of their scores, without NaN and those that overlap an earlier one by more than the threshold: "
        "indices (i32) [N, classes, limit], −1 where there are no more",
        ("boxes", "scores", "threshold"),
        rules.non_max_suppression,
        rules.non_max_suppression_dtype,
        reference.non_max_suppression,
        NO_GRADIENT,
        cases.non_max_suppression,
        {"limit": Attribute("dims")},
        layout=Unavailable("its axes have meanings"),
    ),
    _operator(
        "requantize",
        "x (i32) times `multiplier` · 2^(`shift` − 31), of one each or one for each position of the last axis, rounded to i32 as in fixed point",
        ("x", "multiplier", "shift"),
        rules.requantize,
        rules.requantize_dtype,
        reference.requantize,
        Unavailable("integers have no derivative"),
        cases.requantize,
        {"rounding": Attribute("string", "double", ("double", "single", "reduced", "float"))},
        layout=Unavailable("its last axis has multipliers of its own"),
    ),
    _operator(
        "scatter",
        "x [N, …] with updates [M, …] written to its rows `indices` [M] (i32) in order, or combined with them; an index outside is left out",
        ("x", "indices", "updates"),
        rules.scatter,
        rules.scatter_dtype,
        reference.scatter,
        Unavailable("no model here trains through it"),
        cases.scatter,
        {"reduction": Attribute("string", "none", ("none", "add", "mul", "max", "min"))},
        layout=Unavailable("its first axis has a meaning"),
    ),
)
