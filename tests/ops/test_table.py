"""Every row of the operator table is complete, and its columns agree with each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from webkiln.errors import ShapeError
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS, Attribute, Operator, Unavailable, fill_defaults
from webkiln.ops.table import EXACT

NAMES = {dtype: name for name, dtype in CANONICAL.items()}
EVERY = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())


def cases(operator: Operator, seed: int = 0):
    return list(operator.cases(np.random.default_rng(seed)))


@EVERY
def test_no_column_is_empty_without_a_reason(operator: Operator) -> None:
    assert operator.name.isidentifier()
    assert operator.summary.strip()
    assert operator.inputs
    for column in (operator.shape, operator.dtype, operator.reference, operator.cases):
        assert callable(column)
    for column in (operator.layout, operator.gradient):
        if isinstance(column, Unavailable):
            assert len(column.reason.split()) >= 3
        else:
            assert callable(column) or isinstance(column, tuple)
    assert len(operator.tolerance.reason.split()) >= 3
    assert operator.tolerance.relative >= 0
    assert operator.tolerance.absolute >= 0


@EVERY
def test_element_wise_rows_have_an_expression_and_variants(operator: Operator) -> None:
    if not operator.elementwise:
        assert not operator.variants
        return
    assert operator.expression
    assert operator.variants
    for variant in operator.variants:
        assert len(variant) == len(operator.inputs) + 1
        assert set(variant) <= set(CANONICAL)
    if isinstance(operator.gradient, tuple):
        assert len(operator.gradient) == len(operator.inputs)
        assert any(set(variant) & {"f32"} for variant in operator.variants)


@EVERY
def test_attributes_are_well_formed(operator: Operator) -> None:
    for name, attribute in operator.attributes.items():
        assert attribute.type in ("int", "ints", "float", "bool", "string", "dims"), name
        if attribute.default is not None:
            probe = Operator(**{**vars(operator), "attributes": {name: attribute}})
            assert fill_defaults(probe, {}) == {name: attribute.default}
        if attribute.choices:
            assert attribute.type == "string"


@EVERY
def test_cases_reach_the_edges(operator: Operator) -> None:
    found = cases(operator)
    arrays = [array for case in found for array in case.inputs]
    assert any(array.size == 0 for array in arrays), "no case with no elements"
    assert any(array.size == 1 for array in arrays), "no case with one element"
    floats = [array for array in arrays if array.dtype == np.float32]
    if floats:
        assert any((array < 0).any() for array in floats), "no negative number"
    if operator.elementwise and floats:
        assert any(np.isnan(array).any() for array in floats), "no NaN"
        assert any(np.isposinf(array).any() for array in floats), "no infinity"
        assert any(np.isneginf(array).any() for array in floats), "no negative infinity"
        assert any(array.ndim == 0 for array in floats), "no scalar"
    if operator.elementwise:
        seen = {tuple(NAMES[array.dtype] for array in case.inputs) for case in found}
        assert seen == {variant[:-1] for variant in operator.variants}
        if len(operator.inputs) > 1:
            assert any(len({array.shape for array in case.inputs}) > 1 for case in found), "nothing broadcasts"
    for count in range(len(operator.inputs) - operator.optional, len(operator.inputs) + 1):
        assert operator.variadic or any(len(case.inputs) == count for case in found), f"no case with {count} inputs"
    for name, attribute in operator.attributes.items():
        for choice in attribute.choices:
            assert any(case.attributes.get(name, attribute.default) == choice for case in found), f"{name}={choice}"
        if attribute.type == "bool":
            assert {case.attributes.get(name, attribute.default) for case in found} == {False, True}


@EVERY
def test_rules_agree_with_the_reference(operator: Operator) -> None:
    for case in cases(operator):
        attributes = fill_defaults(operator, case.attributes)
        before = [array.copy() for array in case.inputs]
        result = operator.reference(case.inputs, attributes)
        shapes = operator.shape([list(array.shape) for array in case.inputs], attributes)
        dtypes = operator.dtype([NAMES[array.dtype] for array in case.inputs], attributes)
        assert ([list(result.shape)], [NAMES[result.dtype]]) == (shapes, dtypes), (attributes, [a.shape for a in case.inputs])
        assert isinstance(result, np.ndarray)
        for array, kept in zip(case.inputs, before, strict=True):
            np.testing.assert_array_equal(array, kept, "the reference changed its input")


@EVERY
def test_the_same_seed_gives_the_same_cases(operator: Operator) -> None:
    for one, other in zip(cases(operator, 3), cases(operator, 3), strict=True):
        assert one.attributes == other.attributes
        for a, b in zip(one.inputs, other.inputs, strict=True):
            np.testing.assert_array_equal(a, b)


@EVERY
def test_other_dtypes_are_refused(operator: Operator) -> None:
    if operator.name == "cast":
        return
    accepted = {tuple(NAMES[array.dtype] for array in case.inputs) for case in cases(operator)}
    attributes = fill_defaults(operator, cases(operator)[0].attributes)
    for count in {len(dtypes) for dtypes in accepted if len(dtypes) <= 3}:
        for dtypes in itertools.product(CANONICAL, repeat=count):
            if dtypes in accepted:
                assert operator.dtype(list(dtypes), attributes)[0] in CANONICAL
            elif operator.elementwise:
                with pytest.raises(ShapeError, match="variant"):
                    operator.dtype(list(dtypes), attributes)


def test_exact_means_exact() -> None:
    assert (EXACT.relative, EXACT.absolute) == (0, 0)


BAD_ATTRIBUTES = [
    ("concat", {}, "needs the attribute 'axis'"),
    ("concat", {"axis": 1.0}, "axis is '1.0', wanted an integer"),
    ("concat", {"axis": True}, "wanted an integer"),
    ("concat", {"axis": 0, "axes": [1]}, "no attribute 'axes'; it has: axis"),
    ("relu", {"alpha": 1.0}, "no attribute 'alpha'; it has: none"),
    ("transpose", {"permutation": 3}, "wanted a list of integers"),
    ("transpose", {"permutation": ["0"]}, "wanted a list of integers"),
    ("reshape", {"shape": [1.5]}, "wanted a list of sizes"),
    ("reshape", {"shape": "12"}, "wanted a list of sizes"),
    ("clip", {"minimum": "0"}, "wanted a number"),
    ("clip", {"minimum": False}, "wanted a number"),
    ("reduce_sum", {"axes": [0], "keep_dims": 1}, "wanted true or false"),
    ("resize", {"size": [1, 1], "mode": "cubic"}, "not one of linear, nearest"),
    ("resize", {"size": [1, 1], "mode": 3}, "wanted a string"),
    ("cast", {"to": "float32"}, "not one of f32, i32, u8, i8, bool"),
]


@pytest.mark.parametrize(("name", "attributes", "message"), BAD_ATTRIBUTES)
def test_bad_attributes_are_told(name: str, attributes: dict, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        fill_defaults(OPERATORS[name], attributes)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_attributes_become_plain_python_values() -> None:
    filled = fill_defaults(OPERATORS["transpose"], {"permutation": np.array([1, 0])})
    assert filled == {"permutation": [1, 0]}
    assert type(filled["permutation"][0]) is int
    assert type(fill_defaults(OPERATORS["clip"], {"minimum": np.float32(2)})["minimum"]) is float
    given = [1, 0]
    assert fill_defaults(OPERATORS["transpose"], {"permutation": given})["permutation"] is not given


def test_an_attribute_record_needs_no_default() -> None:
    assert Attribute("int").default is None


BAD_SHAPES = [
    ("add", [[2, 3], [3, 2]], {}, "do not broadcast"),
    ("conv2d", [[1, 4, 4], [1, 1, 4, 4]], {}, "rank 4"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4]], {}, "rank 4"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 3, 4]], {}, "4 channels do not fit"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 2, 3]], {"groups": 2}, "cannot be divided into 2 groups"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4, 3]], {"groups": 0}, "groups is 0"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4, 3], [4]], {}, "bias [4]"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4, 3]], {"stride": [0, 1]}, "at least 1"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4, 3]], {"padding": [-1, 0, 0, 0]}, "negative"),
    ("conv2d", [[1, 4, 4, 4], [1, 1, 4, 3]], {"padding": [0, 0]}, "4 paddings"),
    ("matmul", [[3], [3, 2]], {}, "rank 2 or more"),
    ("matmul", [[2, 3], [4, 2]], {}, "3 columns against 4 rows"),
    ("matmul", [[2, 3], [3, 2], [3]], {}, "bias [3]"),
    ("matmul", [[2, 2, 3], [5, 3, 2]], {}, "do not broadcast"),
    ("max_pool2d", [[1, 4, 4, 1]], {"window": [2, 2], "padding": [2, 0, 0, 0]}, "smaller than the window"),
    ("reduce_sum", [[2, 3]], {"axes": [2]}, "outside of 0 … 1"),
    ("reduce_sum", [[2, 3]], {"axes": [1, 1]}, "stands twice"),
    ("reduce_sum", [[2, 3]], {"axes": [-1]}, "outside of"),
    ("resize", [[1, 0, 4, 1]], {"size": [2, 2]}, "empty"),
    ("resize", [[1, 4, 4, 1]], {"size": [-2, 2]}, "two sizes"),
    ("pad", [[2]], {"low": [1], "high": [0], "interior": [-1]}, "negative"),
    ("pad", [[2]], {"low": [1, 1], "high": [0], "interior": [0]}, "each of 1 axes"),
    ("concat", [[2, 3], [2]], {"axis": 0}, "ranks 2 and 1"),
    ("concat", [[2, 3], [2, 4]], {"axis": 0}, "along axis 0"),
    ("reshape", [[2, 3]], {"shape": [5]}, "6 elements against 5"),
    ("reshape", [[2, 3]], {"shape": [-2, -3]}, "negative"),
    ("transpose", [[2, 3]], {"permutation": [0, 0]}, "not a permutation"),
    ("transpose", [[2, 3]], {"permutation": [0]}, "does not fit rank 2"),
    ("slice", [[4]], {"start": [2], "size": [3], "step": [1]}, "lie outside"),
    ("slice", [[4]], {"start": [0], "size": [2], "step": [-1]}, "lie outside"),
    ("slice", [[4]], {"start": [0], "size": [2], "step": [0]}, "must not be 0"),
    ("expand", [[2]], {"shape": [3]}, "cannot expand"),
    ("expand", [[1]], {"shape": [-3]}, "negative"),
    ("expand", [[2, 1]], {"shape": [2]}, "cannot expand"),
    ("gather", [[0, 2], [3]], {"axis": 0}, "empty axis"),
    ("arg_max", [[2, 0]], {"axis": 1}, "empty axis"),
    ("arg_min", [[2]], {"axis": 1}, "outside of"),
    ("argsort", [[2]], {"axis": -1}, "outside of"),
    ("cumulative_sum", [[]], {"axis": 0}, "outside of"),
    ("requantize", [[2, 3], [2], [2]], {}, "last axis"),
    ("requantize", [[], [2], [2]], {}, "last axis"),
    ("requantize", [[2, 3], [3], [1]], {}, "as many multipliers"),
    ("non_max_suppression", [[1, 5, 3], [1, 2, 5], []], {"limit": [2]}, "needs boxes"),
    ("non_max_suppression", [[1, 5, 4], [1, 2, 4], []], {"limit": [2]}, "scores [1, 2, 4]"),
    ("non_max_suppression", [[1, 5, 4], [1, 2, 5], [1]], {"limit": [2]}, "rank 0"),
    ("non_max_suppression", [[1, 5, 4], [1, 2, 5], []], {"limit": [-1]}, "limit"),
    ("scatter", [[4, 2], [3], [3, 1]], {}, "updates"),
    ("scatter", [[4, 2], [3], [3]], {}, "updates"),
    ("scatter", [[4], [3, 1], [3]], {}, "a list of indices"),
]


@pytest.mark.parametrize(("name", "shapes", "attributes", "message"), BAD_SHAPES)
def test_bad_shapes_are_told(name: str, shapes: list, attributes: dict, message: str) -> None:
    operator = OPERATORS[name]
    with pytest.raises(ShapeError) as caught:
        operator.shape(shapes, fill_defaults(operator, attributes))
    assert message in str(caught.value)
