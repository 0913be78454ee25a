"""Fourier transforms of lengths that only a run tells: products with matrices that the run computes."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call


def turned(call: Call, steps: str, period: Dim) -> tuple[str, str]:
    """Cosine and sine of so many (i32, from 0) of `period` steps around a circle.

    The nearest quarter is found with integers, and only what is left is computed with floats: so the functions are exact at the quarters, and as
    symmetric as they should be, without which sums over a circle do not cancel.
    """
    size, four = call.length(period), call.like(4, steps)
    parts = call.node("mul", [steps, four])  # of four periods
    quarter = call.node("div", [call.node("add", [parts, call.length(period // 2)]), size])
    rest = call.node("sub", [parts, call.node("mul", [quarter, size])])
    angle = call.node("div", [call.cast(rest, "f32"), call.cast(size, "f32")])
    angle = call.node("mul", [angle, call.like(math.pi / 2, angle)])
    cos, sin = call.node("cos", [angle]), call.node("sin", [angle])
    quarter = call.node("mod", [quarter, four])
    is_odd = call.node("equal", [call.node("mod", [quarter, call.like(2, quarter)]), call.like(1, quarter)])
    cos, sin = call.node("where", [is_odd, sin, cos]), call.node("where", [is_odd, cos, sin])
    is_left = call.node("logical_or", [call.node("equal", [quarter, call.like(at, quarter)]) for at in (1, 2)])
    is_low = call.node("greater_equal", [quarter, call.like(2, quarter)])
    return call.node("where", [is_left, call.node("neg", [cos]), cos]), call.node("where", [is_low, call.node("neg", [sin]), sin])


def computed_transform(call: Call, x: str, length: Dim, inverse: bool, onesided: bool) -> str:
    """[…, n, 1 or 2] → […, k, 2] (k, 1 for a one-sided inverse) of what is cut or filled up with zeros to the length."""
    shape = call.builder.shape(x)
    axis, bins = len(shape) - 2, length // 2 + 1
    given = apply("min", shape[axis], bins if inverse and onesided else length)
    made = bins if onesided and not inverse else length
    rows = part(call, x, axis, 0, given)
    outer = shape[:axis] or [1]
    parts = [call.reshape(part(call, rows, axis + 1, i, 1), [*outer, given]) for i in range(2) if shape[-1] == 2 or i == 0]
    turns = call.node("mul", [call.reshape(call.places(given), [given, 1]), call.reshape(call.places(made), [1, made])])
    turns = call.node("mod", [call.node("add", [turns, call.checked(apply("max", given * made, 4 * length))]), call.length(length)])
    cos, sin = turned(call, turns, length)
    if inverse and onesided:
        twice = call.reshape(_twice(call, given, length), [given, 1])
        cos, sin = (call.node("mul", [one, twice]) for one in (cos, sin))
    if inverse:
        sin = call.node("neg", [sin])
    real = call.node("matmul", [parts[0], cos])
    imaginary = call.node("neg", [call.node("matmul", [parts[0], sin])])
    if len(parts) == 2:
        real = call.node("add", [real, call.node("matmul", [parts[1], sin])])
        imaginary = call.node("add", [imaginary, call.node("matmul", [parts[1], cos])])
    results = [call.reshape(one, [*shape[:axis], made, 1]) for one in ([real] if inverse and onesided else [real, imaginary])]
    value = call.node("concat", results, axis=axis + 1) if len(results) > 1 else results[0]
    if not inverse:
        return value
    return call.node("div", [value, call.cast(call.length(length), "f32")])


def _twice(call: Call, given: Dim, length: Dim) -> str:
    """How often each of the first half of a transform stands in the whole of it: once the first, and the middle one of an even length; else twice (f32)."""
    places = call.places(given)
    first = call.node("equal", [places, call.like(0, places)])
    middle = call.node("equal", [call.node("add", [places, places]), call.length(length)])
    once = call.node("logical_or", [first, middle])
    return call.node("sub", [call.constant(np.array(2, np.float32)), call.cast(once, "f32")])
