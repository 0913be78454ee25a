"""Building graphs: nodes are added by operator name; dtypes and shapes are inferred and checked by the table's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from webkiln.errors import GraphError, ShapeError
from webkiln.graph.control import CONTROL, check_control
from webkiln.graph.dims import Dim, Expression
from webkiln.graph.graph import Constant, Graph, Node, State, Value
from webkiln.ops import OPERATORS, fill_defaults


def infer(op: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> tuple[dict[str, Any], list[Value]]:
    """The attributes with defaults, and the outputs' dtypes and shapes. `ShapeError` when a rule refuses."""
    if op not in OPERATORS:
        raise GraphError(f"there is no operator {op!r}")
    operator = OPERATORS[op]
    least = 1 if operator.variadic else len(operator.inputs) - operator.optional
    if len(inputs) < least or (len(inputs) > len(operator.inputs) and not operator.variadic):
        raise ShapeError(f"{op} takes {', '.join(operator.inputs)}, not {len(inputs)} inputs")
    filled = fill_defaults(operator, attributes)
    try:
        dtypes = operator.dtype([value.dtype for value in inputs], filled)
        shapes = operator.shape([list(value.shape) for value in inputs], filled)
    except ShapeError as error:
        raise ShapeError(f"{op}: {error}") from None
    return filled, [Value(dtype, tuple(shape)) for dtype, shape in zip(dtypes, shapes, strict=True)]


class GraphBuilder:
    """Adds to a graph; values are handled by their names.

    >>> b = GraphBuilder()
    >>> x = b.input("x", "f32", [1, 4])
    >>> b.output(b.node("relu", [x]))
    """

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = graph if graph is not None else Graph()

    def input(self, name: str, dtype: str, shape: Sequence[Dim]) -> str:
        self._define(name, Value(dtype, tuple(shape)))
        self.graph.inputs.append(name)
        return name

    def constant(self, array: np.ndarray, name: str = "constant") -> str:
        """A constant of a canonical dtype, or float16 (which stands for float32). Returns its name."""
        constant = Constant(np.asarray(array))
        name = self.graph.fresh(name)
        self._define(name, constant.value)
        self.graph.constants[name] = constant
        return name

    def scalar(self, number: Dim | float, dtype: type = np.float32) -> str:
        """A constant of rank 0. `GraphError` for a symbolic size, which is not a number yet."""
        if isinstance(number, Expression):
            raise GraphError(f"the constant {number} is symbolic; give this dimension a fixed size")
        return self.constant(np.asarray(number, dtype))

    def node(
        self, op: str, inputs: Sequence[str], attributes: Mapping[str, Any] | None = None, name: str = "", output: str = ""
    ) -> str:
        """Add a node with one output and return the output's name: `output`, or a fresh one."""
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        for value in given:
            if value not in self.graph.values:
                raise GraphError(f"{op} reads {value!r}, which is not defined")
        filled, results = infer(op, [self.graph.values[value] for value in given], attributes or {})
        result = output or self.graph.fresh(name or op)
        self._define(result, results[0])
        self.graph.nodes.append(Node(op, tuple(given), (result,), filled, name))
        return result

    def control(
        self,
        op: str,
        inputs: Sequence[str],
        bodies: Sequence[Graph],
        results: Sequence[Value],
        outputs: Sequence[str] = (),
        *,
        carried: int = 0,
        name: str = "",
    ) -> list[str]:
        """Add a control-flow operator (`graph/control.py`) and return its outputs' names: those given, or fresh ones.

        `results`: dtypes and shapes of the outputs, where sizes that only a run tells are symbols of their own.
        """
        if op not in CONTROL:
            raise GraphError(f"there is no control-flow operator {op!r}")
        for value in inputs:
            if value not in self.graph.values:
                raise GraphError(f"{op} reads {value!r}, which is not defined")
        check_control(op, [self.graph.values[value] for value in inputs], carried, bodies, results)
        names: list[str] = []
        for number, result in enumerate(results):
            names.append(outputs[number] if outputs else self.graph.fresh(name or op))
            self._define(names[-1], result)
        self.graph.nodes.append(Node(op, tuple(inputs), tuple(names), {"carried": carried} if op == "while" else {}, name, tuple(bodies)))
        return names

    def placeholder(self, value: Value, name: str) -> str:
        """A value that no node makes: an input of a body that is built here, until `cut` takes it away. Returns its name."""
        name = self.graph.fresh(name)
        self._define(name, value)
        return name

    def cut(self, first_node: int, inputs: Sequence[str], outputs: Sequence[str]) -> tuple[Graph, list[str]]:
        """Take the nodes since `first_node` out of the graph, as a graph of their own: the body of a control-flow operator.

        `inputs` are placeholders. Constants are in both graphs afterwards. Returns the body and the names of what else it reads: values of this
        graph, which are its last inputs, under the same names.
        """
        graph, nodes = self.graph, self.graph.nodes[first_node:]
        made = [output for node in nodes for output in node.outputs]
        own = {*made, *inputs}
        read = dict.fromkeys([*(name for node in nodes for name in node.inputs if name), *outputs])
        captured = [name for name in read if name not in own and name not in graph.constants]
        names = [*inputs, *captured]
        constants = {name: graph.constants[name] for name in read if name in graph.constants}
        values = {name: graph.values[name] for name in (*names, *constants, *made)}
        del graph.nodes[first_node:]
        for name in own:
            del graph.values[name]
        return Graph(names, list(outputs), nodes, constants, values), captured

    def renamed(self, value: str, name: str, first_node: int) -> str:
        """The new name, or one like it, of a value that was made since node `first_node`; any other value keeps its own."""
        graph = self.graph
        if not any(value in node.outputs for node in graph.nodes[first_node:]):
            return value
        name = graph.fresh(name)
        graph.values[name] = graph.values.pop(value)
        for i, node in enumerate(graph.nodes[first_node:], first_node):
            inputs, outputs = (tuple(name if one == value else one for one in names) for names in (node.inputs, node.outputs))
            graph.nodes[i] = replace(node, inputs=inputs, outputs=outputs)
        return name

    def output(self, name: str) -> None:
        self.graph.outputs.append(name)

    def state(self, input: str, output: str, initial: str = "") -> None:
        self.graph.state.append(State(input, output, initial))

    def shape(self, name: str) -> list[Dim]:
        return list(self.graph.values[name].shape)

    def dtype(self, name: str) -> str:
        return self.graph.values[name].dtype

    def array(self, name: str) -> np.ndarray | None:
        """The values of a constant; `None` for any other value."""
        constant = self.graph.constants.get(name)
        return None if constant is None else constant.array

    def sum_to(self, name: str, shape: Sequence[Dim]) -> str:
        """The sum over the axes along which a tensor of `shape` was broadcast."""
        wide = self.shape(name)
        extra = len(wide) - len(shape)
        axes = [i for i in range(len(wide)) if i < extra or (shape[i - extra] == 1 and wide[i] != 1)]
        if axes:
            name = self.node("reduce_sum", [name], {"axes": axes, "keep_dims": False})
        if self.shape(name) != list(shape):
            name = self.node("reshape", [name], {"shape": list(shape)})
        return name

    def _define(self, name: str, value: Value) -> None:
        if name in self.graph.values:
            raise GraphError(f"{name!r} is defined twice")
        self.graph.values[name] = value
