"""Reverse-mode differentiation, graph to graph, by the operator table's gradient rules."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from webkiln.errors import GraphError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.graph import Graph, Node
from webkiln.ops import OPERATORS, Operator, Unavailable

_BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal", ast.NotEq: "not_equal", ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
}  # fmt: skip


def differentiate(graph: Graph, output: str, inputs: Sequence[str]) -> Graph:
    """The graph that computes `output` and its gradients.

    `output`: an f32 value; where it has more than one element, the gradient is that of the elements' sum. `inputs`: the f32
    values (inputs, constants or results of nodes) to differentiate by.
    The outputs of the result are `output`, then a gradient of the same shape for each of `inputs`.
    Raises `GraphError` for a value that is not there or not f32, and for an operator on the way that has no gradient.
    """
    for name in (output, *inputs):
        if name not in graph.values:
            raise GraphError(f"the graph has no value {name!r} to differentiate")
        if graph.values[name].dtype != "f32":
            raise GraphError(f"{name!r} has dtype {graph.values[name].dtype}; only f32 is differentiated")
    builder = GraphBuilder(graph.restricted({output}).copy())
    for name in inputs:  # a value that the output does not need has the gradient zero
        builder.graph.values.setdefault(name, graph.values[name])
    gradients = _backpropagate(builder, output, set(inputs))
    results = [gradients[name] if name in gradients else _filled(builder, 0.0, name) for name in inputs]
    whole = builder.graph.restricted({output, *results})
    whole.outputs = [output, *results]
    return whole


def _backpropagate(builder: GraphBuilder, output: str, inputs: set[str]) -> dict[str, str]:
    """The gradient of every value between the inputs and the output, by name."""
    nodes = list(builder.graph.nodes)
    varying = set(inputs)
    for node in nodes:
        if varying.intersection(node.inputs):
            varying.update(name for name in node.outputs if builder.dtype(name) == "f32")
    gradients: dict[str, str] = {output: _filled(builder, 1.0, output)}
    for node in reversed(nodes):
        dy = gradients.get(node.outputs[0])
        wanted = {name for name in node.inputs if name in varying and builder.dtype(name) == "f32"}
        if dy is None or not wanted:
            continue
        for name, gradient in zip(node.inputs, _of_node(builder, node, dy), strict=True):
            if gradient and name in wanted:
                gradients[name] = builder.node("add", [gradients[name], gradient]) if name in gradients else gradient
    return gradients


def _of_node(builder: GraphBuilder, node: Node, dy: str) -> list[str]:
    """The gradient of each input of a node; `""` where it is zero."""
    if node.bodies:
        raise GraphError(f"{node.op}{f' ({node.name})' if node.name else ''} has no gradient: control flow is not differentiated")
    operator = OPERATORS[node.op]
    if isinstance(operator.gradient, Unavailable):
        where = f" ({node.name})" if node.name else ""
        raise GraphError(f"{node.op}{where} has no gradient: {operator.gradient.reason}")
    if isinstance(operator.gradient, tuple):
        return [_of_input(builder, operator, node, position, text, dy) for position, text in enumerate(operator.gradient)]
    return list(operator.gradient(builder, list(node.inputs), node.outputs[0], dy, node.attributes))


def _of_input(builder: GraphBuilder, operator: Operator, node: Node, position: int, text: str, dy: str) -> str:
    if not text or builder.dtype(node.inputs[position]) != "f32":
        return ""
    names = dict(zip(operator.inputs, node.inputs, strict=True))
    names.update(y=node.outputs[0], dy=dy)
    numbers = {name: float(node.attributes[name]) for name in operator.floats}
    value = _Expression(builder, names, numbers).add(ast.parse(text, mode="eval").body)
    return builder.sum_to(value, builder.shape(node.inputs[position]))


class _Expression:
    """Adds the nodes that compute a scalar expression element by element."""

    def __init__(self, builder: GraphBuilder, names: Mapping[str, str], numbers: Mapping[str, float]) -> None:
        self.builder, self.names, self.numbers = builder, names, numbers

    def add(self, tree: ast.expr) -> str:
        number = self._number(tree)
        if number is not None:
            return self.builder.scalar(number)
        if isinstance(tree, ast.Name) and tree.id in self.names:
            return self.names[tree.id]
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return self._node("neg", tree.operand)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
            return self._node(_BINARY[type(tree.op)], tree.left, tree.right)
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in _COMPARE:
            return self._node(_COMPARE[type(tree.ops[0])], tree.left, tree.comparators[0])
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in OPERATORS and not tree.keywords:
            return self._node(tree.func.id, *tree.args)
        raise GraphError(f"the derivative has {ast.unparse(tree)!r}, which is not in the language of derivatives")

    def _number(self, tree: ast.expr) -> float | None:
        if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
            return float(tree.value)
        if isinstance(tree, ast.Name):
            return self.numbers.get(tree.id)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub) and isinstance(tree.operand, ast.Constant):
            inner = self._number(tree.operand)
            return None if inner is None else -inner
        return None

    def _node(self, op: str, *operands: ast.expr) -> str:
        return self.builder.node(op, [self.add(operand) for operand in operands])


def _filled(builder: GraphBuilder, number: float, like: str) -> str:
    """A value of the shape of another, all of one number."""
    return builder.node("expand", [builder.scalar(number)], {"shape": builder.shape(like)})
