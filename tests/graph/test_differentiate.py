"""Gradients: every differentiable operator against differences of the reference, and whole graphs."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable

import numpy as np
import pytest
from webkiln import reference
from webkiln.errors import GraphError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.differentiate import differentiate
from webkiln.graph.dims import symbol
from webkiln.graph.graph import Graph
from webkiln.ops import OPERATORS, Operator, Unavailable, fill_defaults

DIFFERENTIABLE = [operator for operator in OPERATORS.values() if not isinstance(operator.gradient, Unavailable)]
ELEMENTWISE = [operator for operator in DIFFERENTIABLE if operator.elementwise and operator.name != "cast"]
STRUCTURED = [operator for operator in DIFFERENTIABLE if not operator.elementwise]

SCALAR = {
    "where": np.where, "min": np.minimum, "max": np.maximum, "pow": np.power, "round": np.rint, "erf": np.vectorize(math.erf, otypes=[float]),
    "abs": np.abs, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "floor", "ceil", "trunc", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
}  # fmt: skip
# Where the function is smooth and neither flat nor huge.
DOMAINS = {
    "log": (0.1, 5), "sqrt": (0.1, 5), "rsqrt": (0.1, 5), "reciprocal": (0.2, 3), "div": (0.3, 3), "asin": (-0.9, 0.9), "acos": (-0.9, 0.9),
    "atanh": (-0.9, 0.9), "acosh": (1.2, 5), "pow": (0.3, 3), "mod": (0.6, 5), "tan": (-1.2, 1.2), "hard_swish": (-5, 5), "clip": (-4, 8),
}  # fmt: skip


def operator_graph(operator: Operator, arrays: list[np.ndarray], attributes: dict, dy: np.ndarray) -> tuple[Graph, list[str]]:
    """The sum of `dy` times the operator's result: its gradient is the operator's transposed Jacobian applied to `dy`."""
    builder = GraphBuilder()
    names = []
    for i, array in enumerate(arrays):
        dtype = {"f": "f32", "b": "bool", "i": "i32"}[array.dtype.kind]
        names.append(builder.input(f"x{i}", dtype, list(array.shape)))
    y = builder.node(operator.name, names, attributes)
    product = builder.node("mul", [y, builder.constant(dy, "dy")])
    loss = builder.node("reduce_sum", [product], {"axes": list(range(dy.ndim)), "keep_dims": False}, output="loss")
    builder.output(loss)
    floats = [name for name in names if builder.dtype(name) == "f32"]
    return differentiate(builder.graph, loss, floats), floats


def gradients_of(operator: Operator, arrays: list[np.ndarray], attributes: dict, dy: np.ndarray) -> list[np.ndarray | None]:
    """The gradient by each input; `None` for those that are not f32."""
    graph, floats = operator_graph(operator, arrays, attributes, dy)
    graph.check()
    values = reference.run(graph, {f"x{i}": array for i, array in enumerate(arrays)})
    found = dict(zip(floats, (values[name] for name in graph.outputs[1:]), strict=True))
    return [found.get(f"x{i}") for i in range(len(arrays))]


# -- element-wise: the derivative expressions ---------------------------------------------------------------------------


def evaluate(text: str, names: dict) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(eval(text, SCALAR, names), np.float64)


@pytest.mark.parametrize("operator", ELEMENTWISE, ids=lambda operator: operator.name)
def test_a_derivative_is_the_limit_of_differences(operator: Operator) -> None:
    """The derivative expressions against central differences of the expression, both in float64."""
    rng = np.random.default_rng(11)
    low, high = DOMAINS.get(operator.name, (-3, 3))
    for attributes in ({}, {name: value for name, value in (("alpha", 0.3), ("minimum", -1.0), ("maximum", 2.0)) if name in operator.attributes}):
        names = fill_defaults(operator, attributes)
        for name in operator.inputs:
            names[name] = rng.integers(0, 2, 400).astype(bool) if name == "condition" else rng.uniform(low, high, 400)
        dy = rng.standard_normal(400)
        y = evaluate(operator.expression, names)
        for name, derivative in zip(operator.inputs, operator.gradient, strict=True):
            if name == "condition":
                assert derivative == ""
                continue
            step = 1e-6
            up = evaluate(operator.expression, names | {name: names[name] + step})
            down = evaluate(operator.expression, names | {name: names[name] - step})
            numeric = dy * (up - down) / (2 * step)
            smooth = np.abs(up - y) < 1e-3  # a step across a jump says nothing
            exact = evaluate(derivative or "0.0 * dy", names | {"y": y, "dy": dy})
            assert smooth.mean() > 0.98
            np.testing.assert_allclose(exact[smooth], numeric[smooth], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("operator", ELEMENTWISE, ids=lambda operator: operator.name)
@pytest.mark.parametrize("shapes", [((4, 3), (4, 3), (4, 3)), ((2, 1, 3), (4, 1), (1,)), ((), (5,), ()), ((0, 2), (1, 2), (2,))])
def test_an_element_wise_gradient_is_summed_over_what_was_broadcast(operator: Operator, shapes) -> None:
    rng = np.random.default_rng(12)
    low, high = DOMAINS.get(operator.name, (-3, 3))
    arrays = [
        np.asarray(rng.integers(0, 2, shape)).astype(bool) if name == "condition" else np.asarray(rng.uniform(low, high, shape), np.float32)
        for name, shape in zip(operator.inputs, shapes, strict=False)
    ]
    attributes = fill_defaults(operator, {})
    dy = np.asarray(rng.standard_normal(np.broadcast_shapes(*(array.shape for array in arrays))), np.float32)
    names = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in zip(operator.inputs, arrays, strict=True)}
    names |= attributes
    y = evaluate(operator.expression, names)
    for array, derivative, gradient in zip(arrays, operator.gradient, gradients_of(operator, arrays, attributes, dy), strict=True):
        if array.dtype != np.float32:
            assert gradient is None
            continue
        whole = evaluate(derivative or "0.0 * dy", names | {"y": y, "dy": dy.astype(np.float64)})
        whole = np.broadcast_to(whole, dy.shape)
        extra = whole.ndim - array.ndim
        summed = whole.sum(axis=tuple(range(extra)))
        summed = summed.sum(axis=tuple(i for i, size in enumerate(array.shape) if size == 1), keepdims=True)
        assert gradient.shape == array.shape
        np.testing.assert_allclose(gradient, summed.reshape(array.shape), rtol=2e-4, atol=2e-5)


def test_derivatives_use_only_names_that_exist() -> None:
    for operator in ELEMENTWISE:
        known = {name.rstrip("?*") for name in operator.inputs} | set(operator.floats) | {"y", "dy"}
        for text in operator.gradient:
            for node in ast.walk(ast.parse(text or "0", mode="eval")):
                if isinstance(node, ast.Call):
                    assert node.func.id in OPERATORS, text
                elif isinstance(node, ast.Name) and node.id not in OPERATORS:
                    assert node.id in known, text


def test_zero_powers_and_logarithms_of_zero_give_no_nan() -> None:
    a, b = np.float32([0, 0, 2, -2]), np.float32([0, 2, 0, 2])
    da, db = gradients_of(OPERATORS["pow"], [a, b], {}, np.ones(4, np.float32))
    assert da.tolist() == [0, 0, 0, -4]
    assert db.tolist()[:2] == [0, 0]
    assert np.isfinite(db).all()


# -- structured: the adjoint identity ------------------------------------------------------------------------------------


def whole_numbers(rng: np.random.Generator, array: np.ndarray, distinct: bool) -> np.ndarray:
    """Small integers, with which float32 sums are exact; `distinct` ones have a single extreme in every window."""
    if array.dtype != np.float32:
        return array
    if distinct:
        return rng.permutation(array.size).reshape(array.shape).astype(np.float32)
    return np.asarray(rng.integers(-3, 4, array.shape), np.float32)


def check_adjoint(operator: Operator, inputs: list[np.ndarray], given: dict, rng: np.random.Generator) -> None:
    """⟨dy, J v⟩ = ⟨Jᵀ dy, v⟩, where J v is a difference of the reference: exact, as all are linear in each input or piecewise linear."""
    piecewise = operator.name in ("max_pool2d", "reduce_max", "reduce_min")
    attributes = fill_defaults(operator, {name: 1.0 if name == "value" else one for name, one in given.items()})
    arrays = [whole_numbers(rng, array, piecewise) for array in inputs]
    y = operator.reference(arrays, attributes)
    dy = np.asarray(rng.integers(-3, 4, y.shape), np.float32)
    for i, gradient in enumerate(gradients_of(operator, arrays, attributes, dy)):
        if gradient is None:
            continue
        assert gradient.shape == arrays[i].shape
        assert np.isfinite(gradient).all()
        for _ in range(2):
            v = np.asarray(rng.integers(-3, 4, arrays[i].shape), np.float32)
            step = np.float32(1 / 64 if piecewise else 1)
            up, down = ([*arrays[:i], arrays[i] + sign * step * v, *arrays[i + 1 :]] for sign in (1, -1))
            difference = operator.reference(up, attributes).astype(np.float64) - operator.reference(down, attributes)
            forward = float((dy * difference).sum() / (2 * float(step)))
            backward = float((gradient.astype(np.float64) * v).sum())
            scale = float(np.abs(dy * difference).sum()) + 1
            assert abs(forward - backward) <= 2e-5 * scale, (attributes, [a.shape for a in arrays], i)


@pytest.mark.parametrize("operator", [one for one in STRUCTURED if one.name != "reduce_prod"], ids=lambda operator: operator.name)
def test_a_structured_gradient_is_the_adjoint_of_the_derivative(operator: Operator) -> None:
    rng = np.random.default_rng(13)
    checked = 0
    for case in operator.cases(rng):
        if case.inputs[0].dtype == np.float32 and max(array.size for array in case.inputs) <= 9000:
            check_adjoint(operator, case.inputs, case.attributes, rng)
            checked += 1
    assert checked >= 4


@pytest.mark.parametrize("seed", range(40))
def test_gradients_of_random_windows(seed: int) -> None:
    """Convolutions and pools with every mixture of stride, dilation, groups and uneven padding, also of windows that do not fit."""
    rng = np.random.default_rng(seed)
    groups, depth, per_group = (int(one) for one in rng.integers(1, 4, 3))
    kernel, stride, dilation = ([int(one) for one in rng.integers(1, 4, 2)] for _ in range(3))
    size = [int(one) for one in rng.integers(1, 9, 2)]
    padding = [int(one) for one in rng.integers(0, 3, 4)]
    x = np.zeros((int(rng.integers(1, 3)), *size, groups * depth), np.float32)
    w, bias = np.zeros((*kernel, depth, groups * per_group), np.float32), np.zeros(groups * per_group, np.float32)
    check_adjoint(OPERATORS["conv2d"], [x, w, bias], {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, rng)
    padding = [min(one, kernel[i % 2] - 1) for i, one in enumerate(padding)]
    window = {"window": kernel, "stride": stride, "padding": padding}
    check_adjoint(OPERATORS["max_pool2d"], [x], window, rng)
    check_adjoint(OPERATORS["average_pool2d"], [x], {**window, "count_padding": bool(seed % 2)}, rng)


@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_random_slices_and_paddings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = [int(one) for one in rng.integers(1, 8, 3)]
    step = [int(one) for one in rng.choice([-3, -2, -1, 1, 2, 3], 3)]
    start = [int(rng.integers(0, size)) for size in shape]
    reach = [(size - 1 - first) // way + 1 if way > 0 else first // -way + 1 for size, first, way in zip(shape, start, step, strict=True)]
    size = [int(rng.integers(0, most + 1)) for most in reach]
    x = np.zeros(shape, np.float32)
    check_adjoint(OPERATORS["slice"], [x], {"start": start, "size": size, "step": step}, rng)
    low, high, interior = ([int(one) for one in rng.integers(0, 3, 3)] for _ in range(3))
    check_adjoint(OPERATORS["pad"], [x], {"low": low, "high": high, "interior": interior}, rng)


@pytest.mark.parametrize("zeros", [[], [(0, 1)], [(0, 1), (0, 2)], [(1, 0), (0, 0)]])
@pytest.mark.parametrize("axes", [[1], [0], [0, 1], []])
def test_the_gradient_of_a_product_holds_at_zeros(zeros, axes) -> None:
    rng = np.random.default_rng(14)
    x = rng.uniform(0.5, 2, (3, 4)) * rng.choice([-1, 1], (3, 4))
    for at in zeros:
        x[at] = 0
    dy = rng.standard_normal(np.prod(x, axis=tuple(axes)).shape)
    expected = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        expected[at] = (dy * (np.prod(up, axis=tuple(axes)) - np.prod(down, axis=tuple(axes)))).sum() / 2e-6
    for keep in (False, True):
        shaped = dy.reshape(np.prod(x, axis=tuple(axes), keepdims=keep).shape).astype(np.float32)
        (gradient,) = gradients_of(OPERATORS["reduce_prod"], [x.astype(np.float32)], {"axes": axes, "keep_dims": keep}, shaped)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_equal_extremes_share_the_gradient() -> None:
    x = np.float32([[2, 1, 2], [0, 0, 0]])
    (gradient,) = gradients_of(OPERATORS["reduce_max"], [x], {"axes": [1]}, np.float32([6, 3]))
    assert gradient.tolist() == [[3, 0, 3], [1, 1, 1]]
    picture = np.float32([5, 5]).reshape(1, 1, 2, 1)
    (gradient,) = gradients_of(OPERATORS["max_pool2d"], [picture], {"window": [1, 2]}, np.ones((1, 1, 1, 1), np.float32))
    assert gradient.reshape(-1).tolist() == [0.5, 0.5]


def test_an_average_of_infinities_has_a_finite_gradient() -> None:
    picture = np.float32([math.inf, math.nan]).reshape(1, 1, 2, 1)
    (gradient,) = gradients_of(OPERATORS["average_pool2d"], [picture], {"window": [1, 2]}, np.ones((1, 1, 1, 1), np.float32))
    assert gradient.reshape(-1).tolist() == [0.5, 0.5]


# -- whole graphs ---------------------------------------------------------------------------------------------------------


def numeric(run: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-2) -> np.ndarray:
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        found[at] = (run(up) - run(down)) / (float(up[at]) - float(down[at]))
    return found


def classifier() -> tuple[Graph, str]:
    """Cross-entropy of a small network with a softmax of separate operators."""
    rng = np.random.default_rng(15)
    b = GraphBuilder()
    x = b.input("x", "f32", [5, 4])
    labels = b.input("labels", "f32", [5, 3])
    w1 = b.constant(rng.standard_normal((4, 6)).astype(np.float32), "w1")
    w2 = b.constant(rng.standard_normal((6, 3)).astype(np.float32), "w2")
    bias = b.constant(rng.standard_normal(3).astype(np.float32), "bias")
    hidden = b.node("tanh", [b.node("matmul", [x, w1])])
    logits = b.node("matmul", [hidden, w2, bias])
    greatest = b.node("reduce_max", [logits], {"axes": [1], "keep_dims": True})
    powers = b.node("exp", [b.node("sub", [logits, greatest])])
    total = b.node("reduce_sum", [powers], {"axes": [1], "keep_dims": True})
    chances = b.node("div", [powers, total], output="chances")
    each = b.node("mul", [labels, b.node("log", [chances])])
    loss = b.node("neg", [b.node("reduce_mean", [each], {"axes": [0, 1]})], output="loss")
    b.output(loss)
    return b.graph, loss


def test_a_training_step_lowers_the_loss_and_its_gradient_is_known() -> None:
    graph, loss = classifier()
    rng = np.random.default_rng(16)
    x = rng.standard_normal((5, 4)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 5)]
    both = differentiate(graph, loss, ["w1", "bias", "x", "w2"])
    both.check()
    assert both.outputs[0] == "loss"
    assert [both.values[name].shape for name in both.outputs[1:]] == [(4, 6), (3,), (5, 4), (6, 3)]
    values = reference.run(both, {"x": x, "labels": labels})
    _, _, dbias, dx, _ = (values[name] for name in both.outputs)
    chances = reference.run(graph, {"x": x, "labels": labels}, keep=True)["chances"]
    np.testing.assert_allclose(dbias, (chances - labels).sum(axis=0) / 15, rtol=1e-4, atol=1e-6)  # the known gradient of softmax
    by_differences = numeric(lambda x: float(reference.run(graph, {"x": x, "labels": labels})["loss"]), x)
    np.testing.assert_allclose(dx, by_differences, rtol=2e-2, atol=2e-4)
    stepped = graph.copy()
    for name, gradient in zip(("w1", "bias", "w2"), (both.outputs[1], both.outputs[2], both.outputs[4]), strict=True):
        constant = graph.constants[name]
        stepped.constants[name] = type(constant)(constant.array - np.float32(0.1) * values[gradient])
    assert reference.run(stepped, {"x": x, "labels": labels})["loss"] < values["loss"]


def simple(*operators: str) -> tuple[Graph, str]:
    b = GraphBuilder()
    value = b.input("x", "f32", [3])
    for operator in operators:
        value = b.node(operator, [value])
    b.output(value)
    return b.graph, value


def test_a_second_derivative() -> None:
    graph, y = simple("tanh")
    once = differentiate(graph, y, ["x"])
    twice = differentiate(once, once.outputs[1], ["x"])
    x = np.float32([-0.5, 0.1, 2])
    values = reference.run(twice, {"x": x})
    np.testing.assert_allclose(values[twice.outputs[1]], -2 * np.tanh(x) * (1 - np.tanh(x) ** 2), rtol=1e-4, atol=1e-6)


def test_a_value_that_is_read_twice_gets_both_gradients() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [2])
    square = b.node("mul", [x, x])
    b.output(b.node("add", [square, x], output="y"))
    graph = differentiate(b.graph, "y", ["x", square])
    values = reference.run(graph, {"x": np.float32([3, -1])})
    assert values[graph.outputs[1]].tolist() == [7, -1]
    assert values[graph.outputs[2]].tolist() == [1, 1]


def test_what_does_not_matter_has_the_gradient_zero() -> None:
    b = GraphBuilder()
    x, z = b.input("x", "f32", [2]), b.input("z", "f32", [3, 1])
    unused = b.constant(np.float32([1, 2]), "unused")
    steps = b.node("floor", [x])
    counts = b.node("cast", [b.node("cast", [x], {"to": "i32"})], {"to": "f32"})
    b.output(b.node("add", [steps, counts], output="y"))
    graph = differentiate(b.graph, "y", [x, z, unused])
    values = reference.run(graph, {"x": np.float32([1.5, 2]), "z": np.zeros((3, 1), np.float32)})
    assert [values[name].tolist() for name in graph.outputs[1:]] == [[0, 0], [[0], [0], [0]], [0, 0]]


def test_the_output_itself() -> None:
    graph, y = simple("exp")
    both = differentiate(graph, y, [y])
    assert reference.run(both, {"x": np.zeros(3, np.float32)})[both.outputs[1]].tolist() == [1, 1, 1]


def test_the_given_graph_stays_as_it_was() -> None:
    graph, y = simple("exp", "sin")
    nodes, values = list(graph.nodes), dict(graph.values)
    differentiate(graph, y, ["x"])
    assert (graph.nodes, graph.values) == (nodes, values)


def test_symbolic_sizes() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [symbol("N"), 3])
    w = b.constant(np.ones((3, 2), np.float32), "w")
    b.output(b.node("reduce_sum", [b.node("matmul", [x, w])], {"axes": [0, 1]}, output="y"))
    graph = differentiate(b.graph, "y", [w])
    for count in (1, 4):
        values = reference.run(graph, {"x": np.ones((count, 3), np.float32)})
        assert values[graph.outputs[1]].tolist() == [[count] * 2] * 3
    mean = b.node("reduce_mean", [x], {"axes": [0]})
    with pytest.raises(GraphError, match="N is symbolic"):
        differentiate(b.graph, mean, [x])


def test_an_operator_without_a_gradient_is_named() -> None:
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 2, 2, 1])
    y = b.node("resize", [x], {"size": [4, 4]}, name="up/sample")
    with pytest.raises(GraphError, match=r"resize \(up/sample\) has no gradient: needs a transposed resampling"):
        differentiate(b.graph, y, ["x"])
    assert differentiate(b.graph, y, [y])  # nothing has to pass through it


@pytest.mark.parametrize(("output", "inputs", "message"), [
    ("nothing", ["x"], "no value 'nothing'"), ("y", ["nothing"], "no value 'nothing'"), ("i", ["x"], "'i' has dtype i32"), ("y", ["i"], "only f32"),
])  # fmt: skip
def test_wrong_values_are_told(output, inputs, message) -> None:
    b = GraphBuilder()
    b.input("x", "f32", [1])
    b.node("exp", ["x"], output="y")
    b.node("cast", ["x"], {"to": "i32"}, output="i")
    with pytest.raises(GraphError) as caught:
        differentiate(b.graph, output, inputs)
    assert message in str(caught.value)
