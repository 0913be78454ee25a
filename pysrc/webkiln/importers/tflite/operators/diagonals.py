"""Diagonals of matrices."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import POSITIONS_LIMIT, Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers


def _on_diagonal(call: Call, rows: int, columns: int, diagonal: str, rest: str) -> str:
    """`diagonal` [..., 1, columns] where row and column are the same, `rest` elsewhere."""
    if rows * columns > POSITIONS_LIMIT:
        raise Refused(f"the diagonal of a matrix of {rows} × {columns}")
    return call.node("where", [call.constant(np.eye(rows, columns, dtype=bool)), diagonal, rest])


@lowers("MATRIX_DIAG")
def matrix_diag(call: Call) -> str:
    *before, size = call.sizes(0, "the diagonal")
    x = call.wide(call.value(0))
    return call.back(_on_diagonal(call, size, size, call.reshape(x, [*before, 1, size]), call.filled(0, x)))


@lowers("MATRIX_SET_DIAG")
def matrix_set_diag(call: Call) -> str:
    *before, rows, columns = call.sizes(0, "the matrix")
    length = min(rows, columns)
    if call.shape(1) != [*before, length]:
        call.fail(f"a diagonal of shape {call.shape(1)} does not fit {call.shape(0)}")
    diagonal = call.reshape(call.wide(call.value(1)), [*before, 1, length])
    if length < columns:
        none = [0] * (len(before) + 2)
        diagonal = call.node("pad", [diagonal], low=none, high=[*none[:-1], columns - length], interior=none, value=0.0)
    return call.back(_on_diagonal(call, rows, columns, diagonal, call.wide(call.value(0))))
