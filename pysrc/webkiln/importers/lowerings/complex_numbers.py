"""Complex numbers as pairs of floats: a value of shape […, 2], whose last axis holds the real and the imaginary part."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Emitter
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.trigonometry import angle_of


def parts_of(emitter: Emitter, pairs: str) -> tuple[str, str]:
    """The real and the imaginary parts."""
    shape = emitter.builder.shape(pairs)
    real, imaginary = (emitter.reshape(part(emitter, pairs, len(shape) - 1, i, 1), shape[:-1]) for i in (0, 1))
    return real, imaginary


def pairs_of(emitter: Emitter, real: str, imaginary: str) -> str:
    """Pairs from real and imaginary parts of the same shape."""
    shape = emitter.builder.shape(real)
    return emitter.node("concat", [emitter.reshape(one, [*shape, 1]) for one in (real, imaginary)], axis=len(shape))


def from_real(emitter: Emitter, value: str) -> str:
    """Real numbers (f32) as complex ones."""
    zeros = emitter.node("expand", [emitter.like(0.0, value)], shape=emitter.builder.shape(value))
    return pairs_of(emitter, value, zeros)


def conjugate(emitter: Emitter, x: str) -> str:
    return emitter.node("mul", [x, emitter.constant(np.array([1, -1], np.float32))])


def multiply(emitter: Emitter, x: str, y: str) -> str:
    """`(a + bi)(c + di) = (ac − bd) + (ad + bc)i`."""
    (a, b), (c, d) = parts_of(emitter, x), parts_of(emitter, y)
    ac, bd, ad, bc = (emitter.node("mul", [p, q]) for p, q in ((a, c), (b, d), (a, d), (b, c)))
    return pairs_of(emitter, emitter.node("sub", [ac, bd]), emitter.node("add", [ad, bc]))


def divide(emitter: Emitter, x: str, y: str) -> str:
    """`x · conj(y) / |y|²`, where y is scaled first, so that no square overflows."""
    largest = _largest(emitter, y)
    scaled = emitter.node("div", [y, largest])
    length = emitter.node("reduce_sum", [emitter.node("mul", [scaled, scaled])], axes=[len(emitter.builder.shape(y)) - 1], keep_dims=True)
    product = multiply(emitter, x, conjugate(emitter, scaled))
    return emitter.node("div", [emitter.node("div", [product, length]), largest])


def magnitude(emitter: Emitter, x: str) -> str:
    """`√(a² + b²)`, of the parts divided by the greater one, so that no square overflows. An infinite part makes it infinite."""
    largest = _largest(emitter, x)
    is_plain = emitter.node("greater", [largest, emitter.like(0.0, largest)])
    is_plain = emitter.node("logical_and", [is_plain, emitter.node("logical_not", [emitter.node("is_inf", [largest])])])
    scaled = emitter.node("div", [x, emitter.node("where", [is_plain, largest, emitter.like(1.0, largest)])])
    total = emitter.node("reduce_sum", [emitter.node("mul", [scaled, scaled])], axes=[len(emitter.builder.shape(x)) - 1], keep_dims=True)
    length = emitter.node("mul", [emitter.node("sqrt", [total]), largest])
    found = emitter.node("where", [is_plain, length, largest])
    return emitter.reshape(found, emitter.builder.shape(x)[:-1])


def angle(emitter: Emitter, x: str) -> str:
    real, imaginary = parts_of(emitter, x)
    return angle_of(emitter, imaginary, real)


def exponential(emitter: Emitter, x: str) -> str:
    """`eᵃ (cos b + i sin b)`."""
    a, b = parts_of(emitter, x)
    length = emitter.node("exp", [a])
    return pairs_of(emitter, *(emitter.node("mul", [length, emitter.node(op, [b])]) for op in ("cos", "sin")))


def _largest(emitter: Emitter, x: str) -> str:
    """The greater of the magnitudes of both parts, [..., 1]."""
    return emitter.node("reduce_max", [emitter.node("abs", [x])], axes=[len(emitter.builder.shape(x)) - 1], keep_dims=True)
