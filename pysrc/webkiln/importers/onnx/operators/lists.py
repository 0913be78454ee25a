"""Sequences of tensors whose number is known at conversion: none of them is left in the graph."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.slicing import parts
from webkiln.importers.named import Listed
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.control import as_value, body
from webkiln.importers.onnx.registry import lowers

LENGTH_LIMIT = 4096


@lowers("SequenceEmpty")
def sequence_empty(call: Call) -> Listed:
    return Listed(())


@lowers("SequenceConstruct")
def sequence_construct(call: Call) -> Listed:
    return Listed(tuple(call.same(i) for i in range(len(call))))


@lowers("SequenceInsert", sequences=True)
def sequence_insert(call: Call) -> Listed:
    """Before a position; at the end when none is given."""
    values = call.sequence(0)
    at = _position(call, 2, len(values), last=len(values)) if call.has(2) else len(values)
    return Listed((*values[:at], call.same(1), *values[at:]))


@lowers("SequenceErase", sequences=True)
def sequence_erase(call: Call) -> Listed:
    values = call.sequence(0)
    at = _position(call, 1, len(values)) if call.has(1) else len(values) - 1
    return Listed((*values[:at], *values[at + 1 :]))


@lowers("SequenceAt", sequences=True)
def sequence_at(call: Call) -> Typed:
    values = call.sequence(0)
    return values[_position(call, 1, len(values))]


@lowers("SequenceLength", sequences=True)
def sequence_length(call: Call) -> np.ndarray:
    return np.array(len(call.sequence(0)), np.int64)


@lowers("SplitToSequence")
def split_to_sequence(call: Call) -> Listed:
    """Parts of one element, whose axis may go, or of sizes that are given, of which one number stands for all but the last."""
    shape, dtype = call.shape(0), call.dtype(0)
    axis = call.axis(call.integer("axis", 0), len(shape))
    whole = shape[axis]
    if call.has(1) and len(call.shape(1)) == 1:
        sizes: list[Dim] = call.dims(1, "the sizes")
    elif not isinstance(whole, int):
        raise Refused(f"as many parts as {whole} elements need", FIX_SIZES)
    else:
        size = call.ints(1, "the size")[0] if call.has(1) else 1
        if size < 1 or -(-whole // size) > LENGTH_LIMIT:
            raise Refused(f"{whole} elements in parts of {size}: at most {LENGTH_LIMIT} parts are made")
        sizes = [min(size, whole - at) for at in range(0, whole, size)]
    made = parts(call, call.value(0), axis, sizes)
    if not call.has(1) and not call.integer("keepdims", 1):
        made = [call.reshape(one, [*shape[:axis], *shape[axis + 1 :]]) for one in made]
    return Listed(tuple(Typed(one, dtype) for one in made))


@lowers("ConcatFromSequence", sequences=True)
def concat_from_sequence(call: Call) -> Typed:
    values = call.sequence(0)
    if not values:
        raise Refused("a sequence without values, whose shape is not known")
    rows, dtype, is_new = [as_value(call, value) for value in values], values[0].dtype, call.integer("new_axis", 0)
    shape = call.builder.shape(rows[0])
    axis = call.axis(call.integer("axis", 0), len(shape) + is_new)
    if is_new:
        rows = [call.reshape(row, [*shape[:axis], 1, *shape[axis:]]) for row in rows]
    return Typed(call.node("concat", rows, axis=axis), dtype)


@lowers("SequenceMap", sequences=True)
def sequence_map(call: Call) -> list[Listed]:
    """A graph on each element of the first sequence, with those of the other ones at the same place; tensors are given to all."""
    graph, length = call.graph("body"), len(call.sequence(0))
    formal = [one.name for one in graph.input]
    columns = [call.sequence(i) if call.name(i) in call.lowering.lists else (call.same(i),) * length for i in range(len(call))]
    if len(formal) != len(columns) or any(len(column) != length for column in columns):
        call.fail(f"its body takes {len(formal)} inputs, and the sequences have {', '.join(str(len(column)) for column in columns)} values")
    rounds = [body(call, graph, str(k), dict(zip(formal, row, strict=True))) for k, row in enumerate(zip(*columns, strict=True))]
    return [Listed(tuple(row[i] for row in rounds)) for i in range(len(graph.output))]


def _position(call: Call, i: int, length: int, last: int | None = None) -> int:
    """Input `i` as a position in a sequence, from the front; one from behind is negative."""
    (at,) = call.ints(i, "the position")
    if not -length <= at <= (length - 1 if last is None else last):
        call.fail(f"position {at} in a sequence of {length}")
    return at + length if at < 0 else at
