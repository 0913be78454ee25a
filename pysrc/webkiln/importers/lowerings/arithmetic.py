"""Arithmetic of integers, where the canonical operators mean something else."""

from __future__ import annotations

from webkiln.importers.emitter import Emitter


def integer_power(emitter: Emitter, base: str, exponent: str) -> str:
    """By repeated squaring. Beyond an exponent of 31 only 0, 1 and −1 have powers that fit, which an exponent of 32 or 33 gives too."""
    one, zero = emitter.like(1, base), emitter.like(0, base)
    size = emitter.node("abs", [exponent])
    parity = emitter.node("add", [emitter.like(32, size), emitter.node("mod", [size, emitter.like(2, size)])])
    left = emitter.node("where", [emitter.node("less", [size, emitter.like(32, size)]), size, parity])
    result, square = one, base
    for bit in range(6):
        odd = emitter.node("equal", [emitter.node("mod", [left, emitter.like(2, left)]), one])
        result = emitter.node("where", [odd, emitter.node("mul", [result, square]), result])
        if bit < 5:
            left = emitter.node("div", [left, emitter.like(2, left)])
            square = emitter.node("mul", [square, square])
    # The inverse of a larger integer is rounded to 0.
    gone = emitter.node("logical_and", [emitter.node("less", [exponent, zero]), emitter.node("greater", [emitter.node("abs", [base]), one])])
    return emitter.node("where", [gone, zero, result])


def floor_divide(emitter: Emitter, a: str, b: str) -> str:
    """The quotient rounded down; the canonical one of integers truncates, and is one too large where its remainder is not the floored one."""
    quotient = emitter.node("div", [a, b])
    if emitter.builder.dtype(a) == "f32":
        return emitter.node("floor", [quotient])
    truncated = emitter.node("sub", [a, emitter.node("mul", [quotient, b])])
    above = emitter.node("not_equal", [truncated, emitter.node("mod", [a, b])])
    return emitter.node("sub", [quotient, emitter.node("cast", [above], to="i32")])
