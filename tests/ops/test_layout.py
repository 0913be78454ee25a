"""The layout column: op(transpose(x, p), a) equals transpose(op(x, a'), q) for what the rule makes of p and a."""

from __future__ import annotations

import numpy as np
import pytest
from webkiln.ops import OPERATORS, Operator, Unavailable, fill_defaults

MOVABLE = [operator for operator in OPERATORS.values() if not isinstance(operator.layout, Unavailable)]


@pytest.mark.parametrize("operator", MOVABLE, ids=lambda operator: operator.name)
def test_a_permutation_passes_through(operator: Operator) -> None:
    rng = np.random.default_rng(1)
    moved = 0
    for case in operator.cases(rng):
        inputs = case.inputs
        rank = max(array.ndim for array in inputs)
        if operator.elementwise:  # the rule is for inputs of one rank: the passes put leading ones in front
            inputs = [array.reshape((1,) * (rank - array.ndim) + array.shape) for array in inputs]
        attributes = fill_defaults(operator, case.attributes)
        expected = operator.reference(inputs, attributes)
        for _ in range(2):
            permutation = [int(axis) for axis in rng.permutation(rank)]
            made = operator.layout(permutation, attributes)
            if made is None:
                continue
            before, after = made
            untransposed = [array.transpose(np.argsort(permutation)) for array in inputs]
            for array, original in zip(inputs, untransposed, strict=True):
                np.testing.assert_array_equal(original.transpose(permutation), array)
            result = operator.reference(untransposed, fill_defaults(operator, before))
            np.testing.assert_allclose(
                result.transpose(after).astype(np.float64), expected.astype(np.float64), rtol=1e-6, atol=1e-6
            )
            shape = operator.shape([list(array.shape) for array in untransposed], before)[0]
            assert [shape[axis] for axis in after] == list(expected.shape)
            moved += permutation != sorted(permutation)
    assert moved >= 5


def test_the_rule_leaves_the_attributes_that_it_was_given() -> None:
    attributes = {"low": [1, 2], "high": [0, 0], "interior": [0, 0], "value": 0.0}
    OPERATORS["pad"].layout([1, 0], attributes)
    assert attributes == {"low": [1, 2], "high": [0, 0], "interior": [0, 0], "value": 0.0}


def test_expanding_to_a_higher_rank_is_a_barrier() -> None:
    assert OPERATORS["expand"].layout([1, 0], {"shape": [2, 3, 4]}) is None
