"""What each pass is for, on small graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from comparing import assert_same
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Graph
from webkiln.passes import optimize
from webkiln.passes.batch_norm import fold_batch_norm
from webkiln.passes.bias import fold_bias
from webkiln.passes.common_subexpressions import merge_common_subexpressions
from webkiln.passes.constants import fold_constants
from webkiln.passes.dead_code import remove_dead_code
from webkiln.passes.identities import remove_identities
from webkiln.passes.padding import fold_padding
from webkiln.passes.patterns import recover_patterns
from webkiln.passes.reshapes import merge_reshapes
from webkiln.passes.transposes import move_transposes

RNG = np.random.default_rng(5)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def graph_of(shape: Sequence[object], build: Callable[[GraphBuilder, str], str | Sequence[str]], dtype: str = "f32") -> Graph:
    builder = GraphBuilder()
    result = build(builder, builder.input("x", dtype, shape))  # type: ignore[arg-type]
    for name in [result] if isinstance(result, str) else result:
        builder.output(name)
    return builder.graph


# Constants


def test_constants_are_computed_and_float16_stays_where_nothing_is_lost() -> None:
    half = normal(3, 4).astype(np.float16)

    def build(b: GraphBuilder, x: str) -> str:
        moved = b.node("transpose", [b.constant(half)], {"permutation": [1, 0]})
        scaled = b.node("mul", [b.constant(half), b.scalar(0.3)])
        return b.node("add", [b.node("matmul", [x, moved]), b.node("reduce_sum", [scaled], {"axes": [1], "keep_dims": False})])

    before = graph_of([2, 4], build)
    after = fold_constants(before)
    assert_same(before, after)
    assert ops(after) == ["matmul", "add"]
    assert [constant.stored.dtype.name for constant in after.constants.values()] == ["float16", "float32"]


def test_constants_do_not_blow_up() -> None:
    before = graph_of([1], lambda b, x: b.node("mul", [x, b.node("expand", [b.scalar(2)], {"shape": [1000, 1000]})]))
    assert fold_constants(before) is before


def test_many_small_steps_do_not_blow_up_either() -> None:
    """Each node doubles what it reads: 30 of them would make 2³⁰ elements."""

    def build(b: GraphBuilder, x: str) -> list[str]:
        value = b.constant(np.ones(2, np.float32))
        for _ in range(29):
            value = b.node("concat", [value, value], {"axis": 0})
        return [b.node("mul", [x, value])]

    after = optimize(graph_of([1], build))
    assert sum(constant.array.size for constant in after.constants.values()) <= 2**20 + 6
    assert len(ops(after)) < 15


def test_a_constant_result_keeps_its_name() -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        same = b.node("relu", [b.scalar(-3)], output="constant result")
        return [same, b.node("cast", [x], {"to": "f32"}, output="input result"), b.node("neg", [x], output="y")]

    before = graph_of([2], build)
    after = optimize(before)
    assert_same(before, after)
    assert after.outputs == ["constant result", "input result", "y"]


# Dead code and repetitions


def test_dead_code_goes_and_inputs_stay() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        b.input("unused", "f32", [1])
        b.node("mul", [x, b.constant(normal(3), "never read")])
        return b.node("neg", [x])

    before = graph_of([3], build)
    after = remove_dead_code(before)
    assert_same(before, after)
    assert (ops(after), list(after.constants), after.inputs) == (["neg"], [], ["x", "unused"])


def test_repetitions_are_merged() -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        first, second, minus = b.constant(np.float32([0, 1])), b.constant(np.float32([0, 1])), b.constant(np.float32([-0.0, 1]))
        a, c, d = (b.node("div", [x, one]) for one in (first, second, minus))
        return [b.node("add", [a, c]), b.node("exp", [d]), b.node("exp", [d])]

    before = graph_of([2], build)
    after = merge_common_subexpressions(before)
    assert_same(before, after)
    # −0 is another divisor than 0, and two results keep their two names.
    assert sorted(ops(after)) == ["add", "div", "div", "exp", "exp"]


# Identities and reshapes


def test_identities_go() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        x = b.node("add", [b.constant(np.zeros((1, 3), np.float32)), x])
        x = b.node("div", [b.node("mul", [x, b.scalar(1)]), b.scalar(1)])
        x = b.node("clip", [b.node("cast", [x], {"to": "f32"})])
        x = b.node("slice", [b.node("expand", [x], {"shape": [2, 3]})], {"start": [0, 0], "size": [2, 3], "step": [1, 1]})
        x = b.node("concat", [b.node("pad", [x], {"low": [0, 0], "high": [0, 0], "interior": [0, 0]})], {"axis": 0})
        return b.node("neg", [b.node("reduce_max", [x], {"axes": []})])

    before = graph_of([2, 3], build)
    after = remove_identities(before)
    assert_same(before, after)
    assert ops(after) == ["neg"]


def test_what_only_looks_like_an_identity_stays() -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        grown = b.node("add", [x, b.constant(np.zeros((4, 1, 3), np.float32))])
        turned = b.node("slice", [x], {"start": [1, 0], "size": [2, 3], "step": [-1, 1]})
        return [grown, turned, b.node("sub", [b.scalar(0), x]), b.node("div", [b.scalar(1), x])]

    before = graph_of([2, 3], build)
    assert remove_identities(before) is before


def test_reshapes_merge() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        y = b.node("reshape", [b.node("reshape", [x], {"shape": [6]})], {"shape": [3, 2]})
        back = b.node("reshape", [b.node("reshape", [y], {"shape": [1, 6]})], {"shape": [2, 3]})
        return b.node("add", [back, x])

    before = graph_of([2, 3], build)
    after = merge_reshapes(merge_reshapes(before))
    assert_same(before, after)
    assert ops(after) == ["add"]


# Scales, shifts and pads


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_batch_norm_after_convolution(groups: int, bias: bool) -> None:
    def build(b: GraphBuilder, x: str) -> str:
        inputs = [x, b.constant(normal(3, 3, 4 // groups, 8))] + ([b.constant(normal(8))] if bias else [])
        y = b.node("conv2d", inputs, {"padding": [1, 1, 1, 1], "groups": groups})
        y = b.node("mul", [b.constant(normal(1, 1, 1, 8)), y])
        return b.node("sub", [b.node("div", [y, b.constant(normal(8) + 3)]), b.constant(normal(8))])

    before = graph_of([2, 5, 6, 4], build)
    after = optimize(before)
    assert_same(before, after)
    assert ops(after) == ["conv2d"]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_batch_norm_before_convolution(groups: int) -> None:
    def build(padding: int) -> Graph:
        def inner(b: GraphBuilder, x: str) -> str:
            y = b.node("add", [b.node("mul", [x, b.constant(normal(4))]), b.constant(normal(1, 4))])
            return b.node("conv2d", [y, b.constant(normal(3, 3, 4 // groups, 8))], {"padding": [padding] * 4, "groups": groups})

        return graph_of([2, 5, 6, 4], inner)

    free, padded = build(0), build(1)
    assert_same(free, optimize(free))
    assert_same(padded, optimize(padded))
    assert ops(optimize(free)) == ["conv2d"]
    assert ops(optimize(padded)) == ["mul", "add", "conv2d"]  # the shift does not reach the padding


def test_batch_norm_around_matmul() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        x = b.node("sub", [b.node("mul", [x, b.constant(normal(5))]), b.constant(normal(5))])
        y = b.node("matmul", [x, b.constant(normal(5, 7))])
        return b.node("mul", [b.node("add", [y, b.constant(normal(7))]), b.scalar(0.5)])

    before = graph_of([2, 3, 5], build)
    after = optimize(before)
    assert_same(before, after)
    assert ops(after) == ["matmul"]


@pytest.mark.parametrize("fold", [fold_batch_norm, fold_bias])
def test_what_is_not_a_channel_constant_stays(fold: Callable[[Graph], Graph]) -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        y = b.node("conv2d", [x, b.constant(normal(1, 1, 4, 1))])
        rows = b.node("mul", [y, b.constant(normal(5, 1, 1))])
        wide = b.node("add", [b.node("conv2d", [x, b.constant(normal(1, 1, 4, 1))]), b.constant(normal(8))])  # broadcasts the one channel
        shared = b.node("conv2d", [x, b.constant(normal(1, 1, 4, 4))])
        infinite = b.node("mul", [b.node("conv2d", [x, b.constant(normal(1, 1, 4, 4))]), b.scalar(math.inf)])
        return [rows, wide, shared, b.node("add", [shared, b.constant(normal(4))]), b.node("mul", [shared, b.constant(normal(4))]), infinite]

    before = graph_of([1, 5, 5, 4], build)
    assert fold(before) is before


def test_pads_go_into_what_follows() -> None:
    around = {"low": [0, 1, 0, 0], "high": [0, 2, 1, 0], "interior": [0] * 4}

    def build(b: GraphBuilder, x: str) -> list[str]:
        zeros = b.node("pad", [b.node("pad", [x], around)], around)
        lowest = b.node("pad", [x], {**around, "value": -math.inf})
        return [
            b.node("conv2d", [zeros, b.constant(normal(3, 3, 2, 2))], {"stride": [2, 2], "padding": [1, 0, 0, 0]}),
            b.node("average_pool2d", [b.node("pad", [x], around), ], {"window": [3, 3]}),
            b.node("max_pool2d", [lowest], {"window": [3, 3], "stride": [2, 2]}),
        ]

    before = graph_of([1, 6, 7, 2], build)
    after = optimize(before)
    assert_same(before, after)
    assert sorted(ops(after)) == ["average_pool2d", "conv2d", "max_pool2d"]


def test_pads_that_mean_something_else_stay() -> None:
    def pad(b: GraphBuilder, x: str, **changes: object) -> str:
        return b.node("pad", [x], {"low": [0, 1, 1, 0], "high": [0, 1, 1, 0], "interior": [0] * 4, **changes})

    def build(b: GraphBuilder, x: str) -> list[str]:
        w = b.constant(normal(3, 3, 2, 2))
        return [
            b.node("max_pool2d", [pad(b, x)], {"window": [3, 3]}),  # a zero may win
            b.node("max_pool2d", [pad(b, x, value=-math.inf, low=[0, 3, 0, 0])], {"window": [3, 3]}),  # a window of padding only
            b.node("average_pool2d", [pad(b, x)], {"window": [3, 3], "padding": [1, 1, 1, 1]}),
            b.node("conv2d", [pad(b, x, value=1.0), w]),
            b.node("conv2d", [pad(b, x, interior=[0, 1, 0, 0]), w]),
            b.node("conv2d", [pad(b, x, low=[1, 0, 0, 0]), w]),
        ]

    before = graph_of([1, 6, 7, 2], build)
    assert fold_padding(before) is before


# Patterns


def check_pattern(build: Callable[[GraphBuilder, str], str], expected: list[str]) -> Graph:
    before = graph_of([2, 3, 4], build)
    after = optimize(before)
    assert_same(before, after)
    assert ops(after) == expected
    return after


def gate(b: GraphBuilder, x: str, high: float = 6.0) -> str:
    return b.node("clip", [b.node("add", [x, b.scalar(3)])], {"minimum": 0.0, "maximum": high})


@pytest.mark.parametrize(
    "build",
    [
        lambda b, x: b.node("div", [b.node("mul", [x, gate(b, x)]), b.scalar(6)]),
        lambda b, x: b.node("mul", [b.node("mul", [x, gate(b, x)]), b.scalar(1 / 6)]),
        lambda b, x: b.node("mul", [x, b.node("mul", [b.scalar(1 / 6), gate(b, x)])]),
        lambda b, x: b.node("mul", [b.node("div", [gate(b, x), b.scalar(6)]), x]),
        lambda b, x: b.node(
            "mul",
            [x, b.node("clip", [b.node("add", [b.node("mul", [x, b.scalar(1 / 6)]), b.scalar(0.5)])], {"minimum": 0.0, "maximum": 1.0})],
        ),
        lambda b, x: b.node("div", [b.node("mul", [x, b.node("min", [b.node("relu", [b.node("add", [b.scalar(3), x])]), b.scalar(6)])]), b.scalar(6)]),
    ],
)
def test_hard_swish(build: Callable[[GraphBuilder, str], str]) -> None:
    check_pattern(build, ["hard_swish"])


def test_almost_hard_swish_stays() -> None:
    check_pattern(lambda b, x: b.node("div", [b.node("mul", [x, gate(b, x, 5.0)]), b.scalar(6)]), ["add", "clip", "mul", "div"])
    check_pattern(lambda b, x: b.node("div", [b.node("mul", [x, gate(b, x)]), b.scalar(5)]), ["add", "clip", "mul", "div"])


def negative_part(b: GraphBuilder, x: str, slope: np.ndarray) -> str:
    return b.node("mul", [b.constant(slope), b.node("relu", [b.node("neg", [x])])])


def test_prelu_and_leaky_relu() -> None:
    slope = normal(4)
    check_pattern(lambda b, x: b.node("sub", [b.node("relu", [x]), negative_part(b, x, slope)]), ["prelu"])
    check_pattern(lambda b, x: b.node("add", [negative_part(b, x, slope), b.node("relu", [x])]), ["prelu"])
    check_pattern(lambda b, x: b.node("max", [b.node("mul", [x, b.scalar(0.2)]), x]), ["leaky_relu"])
    check_pattern(lambda b, x: b.node("max", [b.node("mul", [x, b.scalar(1.2)]), x]), ["mul", "max"])


def test_clips_merge() -> None:
    after = check_pattern(lambda b, x: b.node("min", [b.node("max", [x, b.scalar(-1)]), b.scalar(1.5)]), ["clip"])
    assert (after.nodes[0].attributes["minimum"], after.nodes[0].attributes["maximum"]) == (-1.0, 1.5)
    check_pattern(lambda b, x: b.node("relu", [b.node("relu", [x])]), ["relu"])
    check_pattern(lambda b, x: b.node("max", [x, b.scalar(0)]), ["relu"])
    for low, high in ((-3.0, -2.0), (2.0, 3.0), (-0.5, 0.5)):
        inner = {"minimum": -1.0, "maximum": 1.0}
        check_pattern(lambda b, x: b.node("clip", [b.node("clip", [x], inner)], {"minimum": low, "maximum": high}), ["clip"])  # noqa: B023
    check_pattern(lambda b, x: b.node("div", [b.scalar(1), b.node("sqrt", [b.node("abs", [x])])]), ["abs", "rsqrt"])


def test_a_clip_that_broadcasts_stays() -> None:
    before = graph_of([3], lambda b, x: b.node("max", [x, b.constant(np.zeros((1, 1), np.float32))]))
    assert recover_patterns(before) is before


# Transposes

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


def channels_first(b: GraphBuilder, x: str, w: np.ndarray, **attributes: object) -> str:
    """A convolution of a graph whose pictures are NCHW."""
    y = b.node("conv2d", [b.node("transpose", [x], {"permutation": TO_NHWC}), b.constant(w)], attributes)
    return b.node("transpose", [y], {"permutation": TO_NCHW})


def test_transposes_cancel_through_a_network() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        first = b.node("relu", [b.node("add", [channels_first(b, x, normal(3, 3, 3, 4), padding=[1, 1, 1, 1]), b.constant(normal(4, 1, 1))])])
        second = b.node("prelu", [channels_first(b, first, normal(1, 1, 4, 4)), b.constant(normal(4, 1, 1))])
        both = b.node("clip", [b.node("add", [first, second])], {"minimum": 0.0, "maximum": 6.0})
        wide = b.node("concat", [both, b.node("pad", [second], {"low": [0, 1, 0, 0], "high": [0] * 4, "interior": [0] * 4})], {"axis": 1})
        part = b.node("slice", [wide], {"start": [0, 2, 0, 1], "size": [2, 5, 6, 4], "step": [1, 1, 1, 1]})
        pooled = b.node("reduce_mean", [part], {"axes": [2, 3], "keep_dims": False})
        return b.node("matmul", [pooled, b.constant(normal(5, 3))])

    before = graph_of([2, 3, 6, 6], build)
    after = optimize(before)
    assert_same(before, after)
    assert [node.inputs for node in after.nodes if node.op == "transpose"] == [("x",)]


def test_weights_are_permuted_after_flatten() -> None:
    def build(b: GraphBuilder, x: str) -> str:
        y = channels_first(b, x, normal(3, 3, 3, 4))
        return b.node("matmul", [b.node("reshape", [b.node("relu", [y])], {"shape": [symbol("N"), 4 * 2 * 3]}), b.constant(normal(24, 5).astype(np.float16))])

    before = graph_of([symbol("N"), 3, 4, 5], build)
    after = optimize(before)
    assert_same(before, after, {"N": 2})
    assert ops(after).count("transpose") == 1
    assert any(constant.stored.dtype == np.float16 for constant in after.constants.values())


def test_transposes_merge_and_become_reshapes() -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        turned = b.node("transpose", [b.node("transpose", [x], {"permutation": [1, 2, 0]})], {"permutation": [1, 2, 0]})
        return [b.node("neg", [turned]), b.node("transpose", [b.node("reshape", [x], {"shape": [1, 6, 4]})], {"permutation": [1, 0, 2]})]

    before = graph_of([2, 3, 4], build)
    after = optimize(before)
    assert_same(before, after)
    assert sorted(ops(after)) == ["neg", "reshape", "transpose"]


def test_transposes_do_not_multiply() -> None:
    def build(b: GraphBuilder, x: str) -> list[str]:
        turned = b.node("transpose", [x], {"permutation": [1, 0]})
        return [b.node(op, [turned]) for op in ("exp", "neg", "abs")]

    before = graph_of([2, 3], build)
    assert ops(move_transposes(before)).count("transpose") == 1


def test_a_thousand_nodes_take_no_time() -> None:
    import time

    def build(b: GraphBuilder, x: str) -> str:
        for i in range(170):
            y = channels_first(b, x, normal(1, 1, 4, 4))
            x = b.node("add", [b.node("relu", [b.node("mul", [y, b.constant(normal(4, 1, 1))])]), x if i % 2 else y])
        return x

    before = graph_of([1, 4, 2, 2], build)
    assert len(before.nodes) > 1000
    start = time.perf_counter()
    after = optimize(before)
    assert time.perf_counter() - start < 5
    assert ops(after).count("transpose") <= 2
