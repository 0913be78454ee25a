"""Whole numbers at equal distances, of which only a run may tell the first, the number and the distance."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.emitter import POSITIONS_LIMIT
from webkiln.importers.ranges import told_count
from webkiln.importers.typed_emitter import TypedEmitter


def progression(emitter: TypedEmitter, start: Dim, count: Dim, step: Dim) -> str:
    """`count` numbers from `start` in steps of `step` (i32)."""
    return emitter.node("add", [emitter.node("mul", [emitter.places(count), emitter.signed(step)]), emitter.signed(start)])


def counted_floats(emitter: TypedEmitter, elements: ElementSymbols, start: str, limit: str, step: str) -> str:
    """The same of floats, which are values: the run counts them, and tells their number."""
    start, limit, step = (emitter.reshape(value, []) for value in (start, limit, step))
    steps = emitter.node("ceil", [emitter.node("div", [emitter.node("sub", [limit, start]), step])])
    count = emitter.cast(emitter.node("max", [steps, emitter.like(0.0, steps)]), "i32")
    # A size below 0, which a run refuses, in place of one that is absurdly long, as in steps of 0.
    limited = emitter.node("greater", [count, emitter.like(POSITIONS_LIMIT, count)])
    count = emitter.node("where", [limited, emitter.like(-1, count), count])
    (number,) = elements.told(emitter.builder.graph, count, -1, POSITIONS_LIMIT)
    places = emitter.cast(emitter.places(number), "f32")
    return emitter.node("add", [emitter.node("mul", [places, step]), start])


def counted(emitter: TypedEmitter, start: Dim, limit: Dim, step: Dim) -> str:
    """The numbers from `start` up or down to `limit`, without that, in steps of `step` (i32)."""
    if step == 0:
        emitter.fail(f"a range from {start} to {limit} in steps of 0")
    return progression(emitter, start, told_count(start, limit, step), step)
