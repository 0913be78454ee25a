"""Conversions of element types.

The floats of fewer than 32 bits are ways to store numbers: a model that computes in them is computed in float32.
"""

from __future__ import annotations

from webkiln.importers.elements import CARRIERS, FLOATS, RANGES, canonical
from webkiln.importers.emitter import Refused
from webkiln.importers.named import NamedCall, Typed


def cast_to(call: NamedCall, target: str) -> Typed:
    """Input 0 as elements of the source's type `target`."""
    source = call.dtype(0)
    known = (*FLOATS, *RANGES, "bool")
    # Floats of 8 bits and fewer are only read: they would have to be rounded to.
    if target not in known or source not in (*known, *CARRIERS):
        raise Refused(f"a conversion from {source} to {target}")
    if source == target:
        return call.same()
    value = call.cast(call.value(0), "i32" if target in RANGES and source not in ("uint8", "int8") else canonical(target))
    if target in RANGES and not _contains(target, source):
        value = call.narrow(call.wide(value), target)
    return Typed(call.cast(value, canonical(target)), target)


def _contains(target: str, source: str) -> bool:
    """Whether every value of an integer type is one of another."""
    if source == "bool":
        return True
    if source not in RANGES:
        return False
    return RANGES[target][0] <= RANGES[source][0] and RANGES[source][1] <= RANGES[target][1]
