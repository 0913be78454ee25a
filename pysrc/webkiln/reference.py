"""The reference runtime: a graph run with NumPy, operator by operator. What it gives is what every backend must give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from webkiln.errors import GraphError, InputError, ShapeError
from webkiln.graph.dims import Dim, Expression, evaluate, symbols_of
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.graph import Graph, Node, State
from webkiln.ops import OPERATORS, Operator

MAXIMUM_ELEMENTS = 2**31 - 1
Disturb = Callable[[str, int, np.ndarray], np.ndarray]


def run(
    graph: Graph, inputs: Mapping[str, np.ndarray], *, keep: bool = False, disturb: Disturb | None = None
) -> dict[str, np.ndarray]:
    """Run a graph.

    `inputs` maps every graph input to an array of its canonical dtype and shape; symbols take their values from the shapes, and from
    the elements where the graph says so.
    Returns the outputs and next states by value name; with `keep`, every value that a node makes. `disturb` may change each
    result, from its operator, the node's number and the array.
    """
    symbols = bind(graph, inputs)
    values: dict[str, np.ndarray] = {}
    last_use = {name: i for i, node in enumerate(graph.nodes) for name in node.inputs}
    results = graph.results()

    def read(name: str) -> np.ndarray:
        if name in values:
            return values[name]
        if name in graph.constants:
            return graph.constants[name].array
        return inputs[name]

    for i, node in enumerate(graph.nodes):
        operator = OPERATORS[node.op]
        attributes = concrete(node.attributes, symbols)
        arrays = [read(name) for name in node.inputs if name]
        if symbols:  # sizes that were unknown when the graph was built
            _check(operator, node, arrays, attributes)
        result = operator.reference(arrays, attributes)
        values[node.outputs[0]] = result if disturb is None else disturb(node.op, i, result)
        if not keep:
            for name in node.inputs:
                if last_use.get(name) == i and name not in results:
                    values.pop(name, None)
    return values if keep else {name: read(name) for name in sorted(results)}


def _check(operator: Operator, node: Node, arrays: list[np.ndarray], attributes: dict[str, Any]) -> None:
    where = f"{node.op}{' ' + repr(node.name) if node.name else ''}"
    try:
        shapes = operator.shape([list(array.shape) for array in arrays], attributes)
    except ShapeError as error:
        raise ShapeError(f"{where}: {error}") from None
    for shape in shapes:
        if min(shape, default=0) < 0 or math.prod(shape) > MAXIMUM_ELEMENTS:
            raise ShapeError(f"{where}: {shape} is no shape, or too large")


def initial_state(graph: Graph, state: State, symbols: Mapping[str, int]) -> np.ndarray:
    """What a state input holds in the first run."""
    if state.initial:
        return graph.constants[state.initial].array
    value = graph.values[state.input]
    return np.zeros([evaluate(dim, symbols) for dim in value.shape], CANONICAL[value.dtype])


def concrete(attributes: Mapping[str, Any], symbols: Mapping[str, int]) -> dict[str, Any]:
    """Attributes with symbolic sizes replaced by their values."""

    def value(item: Any) -> Any:
        if isinstance(item, Expression):
            return evaluate(item, symbols)
        return [value(one) for one in item] if isinstance(item, list) else item

    return {name: value(item) for name, item in attributes.items()}


def bind(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The values of the symbols that the inputs' shapes and elements determine; `InputError` for a wrong name, shape or dtype."""
    symbols = bind_elements(graph, inputs)
    for name in graph.inputs:
        if name not in inputs:
            raise InputError(f"the input {name!r} is missing; wanted: {', '.join(graph.inputs)}")
        wanted, array = graph.values[name], inputs[name]
        if array.dtype != CANONICAL[wanted.dtype]:
            raise InputError(f"the input {name!r} has dtype {array.dtype.name}, wanted {CANONICAL[wanted.dtype].name}")
        if not match_shape(wanted.shape, array.shape, symbols):
            raise InputError(
                f"the input {name!r} has shape {list(array.shape)}, wanted {show_shape(wanted.shape)}"
                + (f" with {', '.join(f'{key} = {size}' for key, size in symbols.items())}" if symbols else "")
            )
    for name in inputs:
        if name not in graph.inputs:
            raise InputError(f"there is no input {name!r}; wanted: {', '.join(graph.inputs)}")
    return symbols


def bind_elements(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The values of the symbols that stand for elements of the inputs; `InputError` where two elements give a symbol different values."""
    symbols: dict[str, int] = {}
    for name, names in graph.elements.items():
        array = inputs.get(name)
        if array is None or array.size != len(names):
            continue  # another signature's input, or one whose shape is wrong
        for one, element in zip(names, array.reshape(-1).tolist(), strict=True):
            if symbols.setdefault(one, element) != element:
                raise InputError(f"the input {name!r} holds {element} where {one} is {symbols[one]}")
    return symbols


def match_shape(wanted: tuple[Dim, ...], shape: tuple[int, ...], symbols: dict[str, int]) -> bool:
    """Whether a shape fits one with symbols; a symbol that is not bound yet is bound to what makes it fit.

    Symbols that stand alone come first, then those of linear dimensions such as `2*H + 1`.
    """
    if len(wanted) != len(shape):
        return False
    pairs = sorted(zip(wanted, shape, strict=True), key=lambda pair: not str(pair[0]).isidentifier())
    for dim, size in pairs:
        unknown = sorted(symbols_of(dim) - set(symbols))
        if len(unknown) == 1:
            _solve(dim, size, unknown[0], symbols)
        try:
            if evaluate(dim, symbols) != size:
                return False
        except GraphError:
            return False
    return True


def _solve(dim: Dim, size: int, unknown: str, symbols: dict[str, int]) -> None:
    """Bind the symbol as if the dimension were linear in it; whoever calls checks."""
    try:
        first, second = (evaluate(dim, {**symbols, unknown: value}) for value in (1, 2))
    except GraphError:
        return
    if first != second and (size - first) % (second - first) == 0 and (size - first) // (second - first) >= 0:
        symbols[unknown] = 1 + (size - first) // (second - first)


def show_shape(shape: tuple[Dim, ...]) -> str:
    return "[" + ", ".join(str(dim) for dim in shape) + "]"
