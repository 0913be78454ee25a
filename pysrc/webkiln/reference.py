"""The reference runtime: a graph run with NumPy, operator by operator. What it gives is what every backend must give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from webkiln.errors import GraphError, InputError, ShapeError
from webkiln.graph.control import MAXIMUM_ITERATIONS
from webkiln.graph.dims import MAXIMUM_ELEMENTS, Dim, Expression, Unsized, evaluate, symbols_of
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.graph import Graph, Node, State, Value
from webkiln.ops import OPERATORS, Operator

Disturb = Callable[[str, int, list[np.ndarray], dict[str, Any], np.ndarray], np.ndarray]


def run(
    graph: Graph, inputs: Mapping[str, np.ndarray], *, keep: bool = False, disturb: Disturb | None = None
) -> dict[str, np.ndarray]:
    """Run a graph.

    `inputs` maps every graph input to an array of its canonical dtype and shape; symbols take their values from the shapes, and from
    the elements where the graph says so.
    Returns the outputs and next states by value name; with `keep`, every value that a node makes. `disturb` may change each
    result, from its operator, the node's number, the inputs, the attributes and the array.
    """
    return _compute(graph, inputs, bind(graph, inputs), keep, disturb)


def _compute(
    graph: Graph, inputs: Mapping[str, np.ndarray], symbols: dict[str, int], keep: bool, disturb: Disturb | None
) -> dict[str, np.ndarray]:
    """The results, or with `keep` all values; symbols that only the run tells are added to `symbols`."""
    values: dict[str, np.ndarray] = {}
    last_use = {name: i for i, node in enumerate(graph.nodes) for name in node.inputs}
    results = graph.results()

    def read(name: str) -> np.ndarray:
        if name in values:
            return values[name]
        if name in graph.constants:
            return graph.constants[name].array
        return inputs[name]

    for name in graph.elements:
        if name in graph.constants:
            _tell(graph, name, read(name), symbols)
    for i, node in enumerate(graph.nodes):
        arrays = [read(name) for name in node.inputs if name]
        if node.bodies:
            made = _CONTROL[node.op](graph, node, arrays, symbols, disturb)
        else:
            operator = OPERATORS[node.op]
            attributes = concrete(node.attributes, symbols)
            if symbols:  # sizes that were unknown when the graph was built
                _check(operator, node, arrays, attributes)
            result = operator.reference(arrays, attributes)
            made = [result if disturb is None else disturb(node.op, i, arrays, attributes, result)]
        for name, array in zip(node.outputs, made, strict=True):
            values[name] = array
            if name in graph.elements:
                _tell(graph, name, array, symbols)
        if not keep:
            for name in node.inputs:
                if last_use.get(name) == i and name not in results:
                    values.pop(name, None)
    return values if keep else {name: read(name) for name in sorted(results)}


def _tell(graph: Graph, name: str, array: np.ndarray, symbols: dict[str, int]) -> None:
    """Bind the symbols that stand for the elements of a value that was computed."""
    for symbol, element in zip(graph.elements[name], array.reshape(-1).tolist(), strict=True):
        if symbols.setdefault(symbol, element) != element:
            raise InputError(f"{name!r}, which is computed from the inputs, holds {element} where {symbol} is {symbols[symbol]}")


def _if(graph: Graph, node: Node, arrays: list[np.ndarray], symbols: dict[str, int], disturb: Disturb | None) -> list[np.ndarray]:
    then, otherwise = node.bodies
    made = _call(node, then if arrays[0].reshape(-1)[0] else otherwise, arrays[1:], symbols, disturb)
    _fit(graph, node, made, symbols)
    return made


def _while(graph: Graph, node: Node, arrays: list[np.ndarray], symbols: dict[str, int], disturb: Disturb | None) -> list[np.ndarray]:
    condition, body = node.bodies
    count = node.attributes["carried"]
    carried, invariants = arrays[:count], arrays[count:]
    stacked: list[list[np.ndarray]] = [[] for _ in node.outputs[count:]]
    for _ in range(MAXIMUM_ITERATIONS):
        if not _call(node, condition, carried + invariants, symbols, disturb)[0].reshape(-1)[0]:
            break
        made = _call(node, body, carried + invariants, symbols, disturb)
        carried = made[:count]
        for rows, array in zip(stacked, made[count:], strict=True):
            if rows and rows[0].shape != array.shape:
                raise ShapeError(f"{show_node(node)}: it stacks {list(array.shape)} on {list(rows[0].shape)}")
            rows.append(array)
    else:
        raise InputError(f"{show_node(node)} does not end within {MAXIMUM_ITERATIONS} iterations on these inputs")
    results = list(carried)
    _fit(graph, node, results, symbols)
    for name, rows in zip(node.outputs[count:], stacked, strict=True):
        results.append(np.stack(rows) if rows else _no_rows(graph.values[name], symbols))
    _fit(graph, node, results, symbols)
    return results


def _no_rows(value: Value, symbols: Mapping[str, int]) -> np.ndarray:
    """What a loop stacks that never runs: sizes that only its body would tell are 0."""
    known = [0 if symbols_of(dim) - set(symbols) else evaluate(dim, symbols) for dim in value.shape[1:]]
    return np.zeros([0, *known], CANONICAL[value.dtype])


_CONTROL = {"if": _if, "while": _while}


def _call(node: Node, body: Graph, arrays: list[np.ndarray], symbols: Mapping[str, int], disturb: Disturb | None) -> list[np.ndarray]:
    """Run a body on its inputs, in order; it knows the symbols of the graph around it."""
    known = dict(symbols)
    for name, array in zip(body.inputs, arrays, strict=True):
        if not match_shape(body.values[name].shape, array.shape, known):
            raise ShapeError(f"{show_node(node)}: its body is given {list(array.shape)} for {name!r}, wanted {show_shape(body.values[name].shape)}")
    for name in body.elements:
        if name in body.inputs:
            _tell(body, name, arrays[body.inputs.index(name)], known)
    made = _compute(body, dict(zip(body.inputs, arrays, strict=True)), known, False, disturb)
    return [made[name] for name in body.outputs]


def _fit(graph: Graph, node: Node, made: list[np.ndarray], symbols: dict[str, int]) -> None:
    """Bind the symbols in the shapes of what a control-flow operator gives."""
    for name, array in zip(node.outputs, made, strict=False):
        if not match_shape(graph.values[name].shape, array.shape, symbols):
            raise ShapeError(f"{show_node(node)} gives {list(array.shape)} for {name!r}, wanted {show_shape(graph.values[name].shape)}")


def show_node(node: Node) -> str:
    return f"{node.op}{' ' + repr(node.name) if node.name else ''}"


def _check(operator: Operator, node: Node, arrays: list[np.ndarray], attributes: dict[str, Any]) -> None:
    where = show_node(node)
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
    if first == second or (size - first) % (second - first) != 0:
        return
    value = 1 + (size - first) // (second - first)
    if value >= (unknown.minimum if isinstance(unknown, Unsized) else 1):
        symbols[unknown] = value


def show_shape(shape: tuple[Dim, ...]) -> str:
    return "[" + ", ".join(str(dim) for dim in shape) + "]"
