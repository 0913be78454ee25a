"""Computing with sizes at conversion: operators on integers that are known, though perhaps symbolic.

Chains such as Shape, StridedSlice, Pack, Reshape disappear from the graph in this way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count

import numpy as np

from webkiln.errors import FormatError, ShapeError
from webkiln.graph.dims import Dim, apply
from webkiln.importers.elements import RANGES
from webkiln.importers.emitter import KNOWN_LIMIT, Refused
from webkiln.importers.known import broadcast_size, decided, divide, ints, modulo, objects
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.nodes import result_name
from webkiln.importers.tensorflow.strides import strided_ranges

Known = Callable[[Call, list[np.ndarray]], "np.ndarray | list[np.ndarray] | None"]


def compute(call: Call) -> list[Typed] | None:
    """The results as arrays of sizes, when the operator is one of those below and all that it reads is known."""
    rule = _RULES.get(call.source.op)
    if rule is None or len(call) == 0:
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
    except (ValueError, IndexError, TypeError, ShapeError, FormatError, Refused, ZeroDivisionError):
        return None  # the ordinary way says what is wrong
    return call.sizes_made(result, dtype, only_run_tells, (result_name(call.source.name, i) for i in count()))


def _dtype(call: Call) -> str:
    """The element type of the result."""
    op = call.source.op
    if op == "Cast":
        return call.text("DstT")
    if op in _COMPARISONS or op.startswith("Logical"):
        return "bool"
    return call.dtype({"Split": 1, "Fill": 1, "Select": 1, "SelectV2": 1}.get(op, 0))


def _each(function: Callable[[Dim, Dim], Dim]) -> Known:
    return lambda call, inputs: objects(np.frompyfunc(function, 2, 1)(inputs[0], inputs[1]))


def _floor_divide(a: Dim, b: Dim) -> Dim:
    if b == 0:
        raise ValueError
    return a // b


_COMPARISONS = {
    "Equal": decided(lambda a, b: a == b, lambda a, b: bool(a < b or a > b)),
    "NotEqual": decided(lambda a, b: bool(a < b or a > b), lambda a, b: a == b),
    "Less": decided(lambda a, b: a < b, lambda a, b: a >= b),
    "LessEqual": decided(lambda a, b: a <= b, lambda a, b: a > b),
    "Greater": decided(lambda a, b: a > b, lambda a, b: a <= b),
    "GreaterEqual": decided(lambda a, b: a >= b, lambda a, b: a < b),
}


def _same(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0]


def _cast(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    return None if _dtype(call) == "bool" or call.dtype(0) not in RANGES else inputs[0]


def _reduce(function: np.ufunc) -> Known:
    def rule(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
        return objects(function.reduce(inputs[0], axis=tuple(ints(inputs[1])), keepdims=call.flag("keep_dims")))

    return rule


def _strided_slice(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    starts, sizes, steps, shape = strided_ranges(call)
    picked = inputs[0]
    for axis, (start, size, step) in enumerate(zip(starts, sizes, steps, strict=True)):
        if not isinstance(start, int) or not isinstance(size, int) or not isinstance(step, int):
            return None
        picked = np.take(picked, [start + k * step for k in range(size)], axis=axis)
    return picked.reshape(ints(np.array(shape, object)))


def _slice(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    x, begin, size = inputs[0], ints(inputs[1]), ints(inputs[2])
    ends = [whole if count == -1 else at + count for at, count, whole in zip(begin, size, x.shape, strict=True)]
    if any(at < 0 or end > whole for at, end, whole in zip(begin, ends, x.shape, strict=True)):
        raise ValueError
    return x[tuple(slice(at, end) for at, end in zip(begin, ends, strict=True))]


def _gather(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    if call.integer("batch_dims", 0):
        return None
    places = inputs[1].astype(np.int64)
    if (places < 0).any():
        raise ValueError
    return objects(np.take(inputs[0], places, axis=ints(inputs[2])[0] if len(inputs) > 2 else 0))


def _fill(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    shape = ints(inputs[0])
    return np.full(shape, inputs[1].reshape(-1)[0], object) if math.prod(shape) <= KNOWN_LIMIT else None


def _range(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    places = range(*(ints(one)[0] for one in inputs))
    if len(places) > KNOWN_LIMIT:
        raise ValueError
    return objects(list(places))


def _concat(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    if call.source.op == "ConcatV2":
        return np.concatenate(inputs[:-1], axis=ints(inputs[-1])[0])
    return np.concatenate(inputs[1:], axis=ints(inputs[0])[0])


def _squeeze(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    axes = call.integers("squeeze_dims") or call.integers("axis")
    return objects(np.squeeze(inputs[0], axis=tuple(axes) if axes else None))


def _unpack(call: Call, inputs: list[np.ndarray]) -> list[np.ndarray]:
    axis = call.integer("axis", 0)
    return [objects(np.take(inputs[0], i, axis=axis)) for i in range(inputs[0].shape[axis])]


def _split(call: Call, inputs: list[np.ndarray]) -> list[np.ndarray]:
    return list(np.split(inputs[1], call.integer("num_split", 1), axis=ints(inputs[0])[0]))


def _broadcast_shapes(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    """The shape that two shapes broadcast to."""
    a, b = (list(one.reshape(-1)) for one in inputs)
    rank = max(len(a), len(b))
    a, b = [1] * (rank - len(a)) + a, [1] * (rank - len(b)) + b
    return objects([broadcast_size(p, q) for p, q in zip(a, b, strict=True)])


def _select(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    def pick(condition: bool, a: Dim, b: Dim) -> Dim:
        return a if condition else b

    return objects(np.frompyfunc(pick, 3, 1)(*inputs))


_RULES: dict[str, Known] = {
    **dict.fromkeys(("Add", "AddV2"), _each(lambda a, b: a + b)),
    "Sub": _each(lambda a, b: a - b),
    "Mul": _each(lambda a, b: a * b),
    **dict.fromkeys(("Div", "TruncateDiv"), _each(divide)),
    "FloorDiv": _each(_floor_divide),
    "FloorMod": _each(modulo),
    "Maximum": _each(lambda a, b: apply("max", a, b)),
    "Minimum": _each(lambda a, b: apply("min", a, b)),
    "Neg": lambda call, inputs: objects(np.frompyfunc(lambda a: a * -1, 1, 1)(inputs[0])),
    **{name: _each(function) for name, function in _COMPARISONS.items()},
    "LogicalAnd": _each(lambda a, b: bool(a and b)),
    "LogicalOr": _each(lambda a, b: bool(a or b)),
    "LogicalNot": lambda call, inputs: objects(np.frompyfunc(lambda a: not a, 1, 1)(inputs[0])),
    **dict.fromkeys(("Select", "SelectV2"), _select),
    "Cast": _cast,
    **dict.fromkeys(("Identity", "Snapshot", "StopGradient", "PlaceholderWithDefault"), _same),
    "Reshape": lambda call, inputs: inputs[0].reshape(ints(inputs[1])),
    "Squeeze": _squeeze,
    "ExpandDims": lambda call, inputs: np.expand_dims(inputs[0], ints(inputs[1])[0]),
    "Pack": lambda call, inputs: np.stack(inputs, axis=call.integer("axis", 0)),
    "Unpack": _unpack,
    "Concat": _concat,
    "ConcatV2": _concat,
    "StridedSlice": _strided_slice,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "GatherV2": _gather,
    "Prod": _reduce(np.multiply),
    "Sum": _reduce(np.add),
    "Fill": _fill,
    "Range": _range,
    "BroadcastArgs": _broadcast_shapes,
}
