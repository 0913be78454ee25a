"""Diagonals of matrices."""

from __future__ import annotations

from webkiln.graph.dims import Dim, apply
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.ops.rules import differ


def _on_diagonal(call: Call, rows: Dim, columns: Dim, diagonal: str, rest: str) -> str:
    """`diagonal` [..., 1, columns] where row and column are the same, `rest` elsewhere."""
    is_there = call.node("equal", [call.reshape(call.places(rows), [rows, 1]), call.places(columns)])
    return call.node("where", [is_there, diagonal, rest])


@lowers("MATRIX_DIAG")
def matrix_diag(call: Call) -> str:
    *before, size = call.shape(0)
    x = call.wide(call.value(0))
    return call.back(_on_diagonal(call, size, size, call.reshape(x, [*before, 1, size]), call.filled(0, x)))


@lowers("MATRIX_SET_DIAG")
def matrix_set_diag(call: Call) -> str:
    *before, rows, columns = call.shape(0)
    length, given = apply("min", rows, columns), call.shape(1)
    if len(given) != len(before) + 1 or any(differ(a, b) for a, b in zip(given, [*before, length], strict=True)):
        call.fail(f"a diagonal of shape {call.shape(1)} does not fit {call.shape(0)}")
    diagonal = call.reshape(call.wide(call.value(1)), [*before, 1, length])
    if length != columns:
        none: list[Dim] = [0] * (len(before) + 2)
        diagonal = call.node("pad", [diagonal], low=none, high=[*none[:-1], columns - length], interior=none, value=0.0)
    return call.back(_on_diagonal(call, rows, columns, diagonal, call.wide(call.value(0))))
