"""Whole numbers at equal distances, of which only a run may tell the first, the number and the distance."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.ranges import told_count
from webkiln.importers.typed_emitter import TypedEmitter


def progression(emitter: TypedEmitter, start: Dim, count: Dim, step: Dim) -> str:
    """`count` numbers from `start` in steps of `step` (i32)."""
    return emitter.node("add", [emitter.node("mul", [emitter.places(count), emitter.signed(step)]), emitter.signed(start)])


def counted(emitter: TypedEmitter, start: Dim, limit: Dim, step: Dim) -> str:
    """The numbers from `start` up or down to `limit`, without that, in steps of `step` (i32)."""
    if step == 0:
        emitter.fail(f"a range from {start} to {limit} in steps of 0")
    return progression(emitter, start, told_count(start, limit, step), step)
