"""Computing with sizes at conversion: operators on integers that are known, though perhaps symbolic.

Chains such as SHAPE, STRIDED_SLICE, PACK, RESHAPE disappear from the graph in this way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from webkiln.errors import ShapeError
from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import KNOWN_LIMIT, Refused
from webkiln.importers.known import broadcast_size, divide, ints, is_known, modulo, objects
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.slicing import strided_ranges

Known = Callable[[Call, list[np.ndarray]], "np.ndarray | list[np.ndarray] | None"]


def compute(call: Call) -> list[np.ndarray] | None:
    """The outputs as arrays of sizes, when the operator is one of those below and all that it reads is known."""
    rule = _RULES.get(call.operator.name)
    if rule is None or call.output_count == 0 or call.output().dtype not in ("int32", "int64") or len(call) == 0:
        return None
    inputs, elements = [], call.lowering.elements
    only_run_tells = False
    for i in range(len(call)):
        told = elements.arrays.get(call.label_of(i)) if call.has(i) else None
        known = told if told is not None else call.known(i) if call.has(i) else None
        if known is None:
            return None
        only_run_tells = only_run_tells or told is not None
        inputs.append(known)
    try:
        result = rule(call, inputs)
    except (ValueError, IndexError, TypeError, ShapeError, Refused):
        return None  # the ordinary way says what is wrong
    if result is None:
        return None
    results = result if isinstance(result, list) else [result]
    if not all(is_known(array, call.output().dtype) for array in results):
        return None
    if only_run_tells:  # an ordinary value too, in case that nothing asks for sizes
        for index, array in zip(call.operator.outputs, results, strict=False):
            elements.add_result(call.lowering.labels[index], array)
        return None
    return results


def _each(function: Callable[[Dim, Dim], Dim]) -> Known:
    def rule(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
        if call.operator.options_type and getattr(call.operator.options, "activation", 0):
            return None
        return objects(np.frompyfunc(function, 2, 1)(inputs[0], inputs[1]))

    return rule


def _divide_floor(a: Dim, b: Dim) -> Dim:
    if b == 0:
        raise ValueError
    return a // b


def _product(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    axes = tuple(int(axis) for axis in inputs[1].reshape(-1))
    return objects(np.multiply.reduce(inputs[0], axis=axes, keepdims=call.options.keep_dims))


def _strided_slice(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    starts, sizes, steps, shape = strided_ranges(call)
    picked = inputs[0]
    for axis, (start, size, step) in enumerate(zip(starts, sizes, steps, strict=True)):
        if not isinstance(start, int) or not isinstance(size, int) or not isinstance(step, int):
            return None
        picked = np.take(picked, [start + k * step for k in range(size)], axis=axis)
    return picked.reshape(ints(np.array(shape, object)))


def _slice(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    x, begin, size = inputs
    ends = [at + count if count != -1 else whole for at, count, whole in zip(begin, size, x.shape, strict=True)]
    return x[tuple(slice(int(at), int(end)) for at, end in zip(begin, ends, strict=True))]


def _gather(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    if call.options.batch_dims != 0:
        return None
    return objects(np.take(inputs[0], inputs[1].astype(np.int64), axis=call.options.axis))


def _broadcast(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    return np.broadcast_to(inputs[0], ints(inputs[1]))


def _fill(call: Call, inputs: list[np.ndarray]) -> np.ndarray | None:
    shape = ints(inputs[0])
    small = min(shape, default=0) >= 0 and math.prod(shape) <= KNOWN_LIMIT
    return np.full(shape, inputs[1].reshape(-1)[0], object) if small else None


def _broadcast_shapes(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    """The shape that two shapes broadcast to."""
    a, b = (list(one.reshape(-1)) for one in inputs)
    rank = max(len(a), len(b))
    a, b = [1] * (rank - len(a)) + a, [1] * (rank - len(b)) + b
    result = np.empty(rank, object)
    for i, (p, q) in enumerate(zip(a, b, strict=True)):
        result[i] = broadcast_size(p, q)
    return result


def _split(call: Call, inputs: list[np.ndarray]) -> list[np.ndarray]:
    return list(np.split(inputs[1], call.options.count, axis=int(inputs[0].reshape(-1)[0])))


def _unpack(call: Call, inputs: list[np.ndarray]) -> list[np.ndarray]:
    axis = call.options.axis
    return [objects(np.take(inputs[0], i, axis=axis)) for i in range(inputs[0].shape[axis])]


def _extreme(function: str) -> Callable[[Dim, Dim], Dim]:
    return lambda a, b: apply(function, a, b)


def _same(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0]


def _reshape(call: Call, inputs: Sequence[np.ndarray]) -> np.ndarray:
    return inputs[0].reshape(ints(inputs[1]) if len(inputs) > 1 else call.options.shape.tolist())


def _squeeze(call: Call, inputs: list[np.ndarray]) -> np.ndarray:
    axes = call.options.axes.tolist()
    return objects(np.squeeze(inputs[0], axis=tuple(axes) if axes else None))


_RULES: dict[str, Known] = {
    "ADD": _each(lambda a, b: a + b),
    "SUB": _each(lambda a, b: a - b),
    "MUL": _each(lambda a, b: a * b),
    "DIV": _each(divide),
    "FLOOR_DIV": _each(_divide_floor),
    "FLOOR_MOD": _each(modulo),
    "MAXIMUM": _each(_extreme("max")),
    "MINIMUM": _each(_extreme("min")),
    "CAST": _same,
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": lambda call, inputs: np.expand_dims(inputs[0], int(inputs[1].reshape(-1)[0])),
    "PACK": lambda call, inputs: np.stack(inputs, axis=call.options.axis),
    "UNPACK": _unpack,
    "CONCATENATION": lambda call, inputs: np.concatenate(inputs, axis=call.options.axis),
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "SPLIT": _split,
    "GATHER": _gather,
    "REDUCE_PROD": _product,
    "FILL": _fill,
    "BROADCAST_TO": _broadcast,
    "BROADCAST_ARGS": _broadcast_shapes,
}
