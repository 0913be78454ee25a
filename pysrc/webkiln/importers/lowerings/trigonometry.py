"""Angles."""

from __future__ import annotations

import math

from webkiln.importers.emitter import Emitter


def angle_of(emitter: Emitter, y: str, x: str) -> str:
    """The angle of the point (x, y), where the signs of zeros and infinities count: `atan(y / x)`, turned by π for a negative x."""
    zero, quarter = emitter.like(0.0, x), emitter.like(math.pi / 4, x)
    infinite = emitter.node("logical_and", [emitter.node("is_inf", [y]), emitter.node("is_inf", [x])])
    diagonal = emitter.node("mul", [emitter.node("mul", [emitter.node("sign", [y]), emitter.node("sign", [x])]), quarter])
    angle = emitter.node("where", [infinite, diagonal, emitter.node("atan", [emitter.node("div", [y, x])])])
    # 0 / 0 is no number, but the angle is that of the axis.
    at_zero = emitter.node("logical_and", [emitter.node("equal", [y, zero]), emitter.node("equal", [x, zero])])
    angle = emitter.node("where", [at_zero, y, angle])
    turn = emitter.node("where", [_negative(emitter, y), emitter.like(-math.pi, x), emitter.like(math.pi, x)])
    return emitter.node("where", [_negative(emitter, x), emitter.node("add", [angle, turn]), angle])


def _negative(emitter: Emitter, value: str) -> str:
    """Whether the sign is negative, that of a zero too."""
    zero = emitter.like(0.0, value)
    is_zero = emitter.node("equal", [value, zero])
    return emitter.node("less", [emitter.node("where", [is_zero, emitter.node("reciprocal", [value]), value]), zero])
