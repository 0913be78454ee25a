"""Computing with sizes at conversion: operators on integers that are known, though perhaps symbolic.

Chains such as Shape, Gather, Concat, Reshape disappear from the graph in this way.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from webkiln.errors import ShapeError
from webkiln.graph.dims import Dim, Expression, apply
from webkiln.importers.emitter import KNOWN_LIMIT, Refused
from webkiln.importers.known import decided, divide, ints, objects
from webkiln.importers.onnx.dtypes import NAMES, RANGES
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.ranges import slice_range

Known = Callable[[Call, list[np.ndarray]], "np.ndarray | list[np.ndarray] | None"]


def compute(call: Call) -> list[Typed] | None:
    """The outputs as arrays of sizes, when the operator is one of those below and all that it reads is known."""
    rule = _RULES.get(call.operation.type) if not call.operation.domain else None
    if rule is None or len(call) == 0 or not call.has(0):
        return None
    dtype = _dtype(call)
    if dtype not in RANGES and dtype != "bool":
        return None
    read = call.sizes_read()
    if read is None:
        return None
    inputs, only_run_tells = read
    try:
        result = rule(call, inputs)
    except (ValueError, IndexError, TypeError, ShapeError, Refused, ZeroDivisionError):
        return None  # the ordinary way says what is wrong
    return call.sizes_made(result, dtype, only_run_tells, call.operation.outputs)


def _dtype(call: Call) -> str:
    """The element type of the result."""
    kind = call.operation.type
    if kind == "Cast":
        return NAMES.get(call.integer("to", 0), "")
    if kind in _COMPARISONS or kind == "Not":
        return "bool"
    return call.dtype(1 if kind == "Where" else 0)


def _each(function: Callable[[Dim, Dim], Dim]) -> Known:
    def rule(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
        if call.version < 7:
            return None  # another kind of broadcasting
        return objects(np.frompyfunc(function, 2, 1)(inputs[0], inputs[1]))

    return rule


def _many(function: Callable[[Dim, Dim], Dim]) -> Known:
    def rule(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
        result = inputs[0]
        for other in inputs[1:]:
            result = objects(np.frompyfunc(function, 2, 1)(result, other))
        return result

    return rule


def _differ(a: Dim, b: Dim) -> bool:
    return bool(a < b or a > b)


_COMPARISONS = {
    "Equal": decided(lambda a, b: a == b, _differ),
    "Less": decided(lambda a, b: a < b, lambda a, b: a >= b),
    "LessOrEqual": decided(lambda a, b: a <= b, lambda a, b: a > b),
    "Greater": decided(lambda a, b: a > b, lambda a, b: a <= b),
    "GreaterOrEqual": decided(lambda a, b: a >= b, lambda a, b: a < b),
}


def _modulo(a: Dim, b: Dim) -> Dim:
    if b == 0:
        raise ValueError
    return a % b


def _cast(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    if _dtype(call) == "bool":
        return objects(np.frompyfunc(lambda a: _COMPARISONS["Equal"](a, 0) is False, 1, 1)(inputs[0]))
    return objects(np.frompyfunc(lambda a: a if isinstance(a, Expression) else int(a), 1, 1)(inputs[0]))


def _axes(call: Call, inputs: list[np.ndarray]) -> list[int] | None:
    """Axes as an input, or as the attribute that they were."""
    if len(inputs) > 1:
        return ints(inputs[1])
    return call.integers("axes") if call.given("axes") else None


def _squeeze(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    axes = _axes(call, inputs)
    return objects(np.squeeze(inputs[0], axis=tuple(axes) if axes is not None else None))


def _unsqueeze(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    return objects(np.expand_dims(inputs[0], tuple(_axes(call, inputs) or ())))


def _gather(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    axis = call.integer("axis", 0)
    picked = inputs[1].astype(np.int64)
    if ((picked < -inputs[0].shape[axis]) | (picked >= inputs[0].shape[axis])).any():
        raise ValueError
    return objects(np.take(inputs[0], picked, axis=axis))


def _slice(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    x = inputs[0]
    if call.version < 10:
        starts, ends, steps = call.integers("starts"), call.integers("ends"), None
        axes = call.integers("axes", range(len(starts)))
    else:
        starts, ends = ints(inputs[1]), ints(inputs[2])
        axes = ints(inputs[3]) if len(inputs) > 3 else list(range(len(starts)))
        steps = ints(inputs[4]) if len(inputs) > 4 else None
    for i, axis in enumerate(axes):
        step = steps[i] if steps else 1
        start, size = slice_range(starts[i], ends[i], step, x.shape[axis])
        if not isinstance(start, int) or not isinstance(size, int):
            return None
        x = np.take(x, [start + k * step for k in range(size)], axis=axis)
    return x


def _reshape(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    target = ints(inputs[1]) if len(inputs) > 1 else call.integers("shape")
    if not call.integer("allowzero", 0):
        target = [inputs[0].shape[i] if size == 0 else size for i, size in enumerate(target)]
    return inputs[0].reshape(target)


def _reduce(function: np.ufunc) -> Known:
    def rule(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
        axes = _axes(call, inputs)
        if not axes and call.integer("noop_with_empty_axes", 0):
            return inputs[0]
        return objects(function.reduce(inputs[0], axis=tuple(axes) if axes else None, keepdims=bool(call.integer("keepdims", 1))))

    return rule


def _where(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    def pick(condition: bool, a: Dim, b: Dim) -> Dim:
        return a if condition else b

    return objects(np.frompyfunc(pick, 3, 1)(*inputs))


def _expand(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    shape = ints(inputs[1])
    if math.prod(shape) > KNOWN_LIMIT:
        raise ValueError
    return inputs[0] * np.ones(shape, object) if inputs[0].dtype != bool else inputs[0]


def _tile(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    repeats = ints(inputs[1])
    if math.prod(repeats) * inputs[0].size > KNOWN_LIMIT:
        raise ValueError
    return np.tile(inputs[0], repeats)


def _range(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    start, limit, delta = (ints(one)[0] for one in inputs)
    if len(range(start, limit, delta)) > KNOWN_LIMIT:
        raise ValueError
    return objects(list(range(start, limit, delta)))


def _split(call: Call, inputs: list[np.ndarray]) -> list[np.ndarray]:
    axis = call.integer("axis", 0)
    lengths = ints(inputs[1]) if len(inputs) > 1 else call.integers("split")
    if not lengths:
        size = -(-inputs[0].shape[axis] // call.output_count)
        lengths = [min(size, inputs[0].shape[axis] - i * size) for i in range(call.output_count)]
    if sum(lengths) != inputs[0].shape[axis]:
        raise ValueError
    return list(np.split(inputs[0], np.cumsum(lengths)[:-1], axis=axis))


def _same(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0]


_RULES: dict[str, Known] = {
    "Add": _each(lambda a, b: a + b),
    "Sub": _each(lambda a, b: a - b),
    "Mul": _each(lambda a, b: a * b),
    "Div": _each(divide),
    "Max": _many(lambda a, b: apply("max", a, b)),
    "Min": _many(lambda a, b: apply("min", a, b)),
    "Sum": _many(lambda a, b: a + b),
    "Neg": lambda call, inputs: objects(np.frompyfunc(lambda a: a * -1, 1, 1)(inputs[0])),
    "Mod": lambda call, inputs: None if call.integer("fmod", 0) else objects(np.frompyfunc(_modulo, 2, 1)(inputs[0], inputs[1])),
    **{name: _each(function) for name, function in _COMPARISONS.items()},
    "And": _each(lambda a, b: bool(a and b)),
    "Or": _each(lambda a, b: bool(a or b)),
    "Not": lambda call, inputs: objects(np.frompyfunc(lambda a: not a, 1, 1)(inputs[0])),
    "Where": _where,
    "Cast": _cast,
    "Identity": _same,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": lambda call, inputs: np.concatenate(inputs, axis=call.integer("axis", 1)),
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "ReduceProd": _reduce(np.multiply),
    "ReduceSum": _reduce(np.add),
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
}
