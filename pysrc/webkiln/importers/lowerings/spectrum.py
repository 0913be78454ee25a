"""Fourier transforms, as products with constant matrices. Complex numbers are pairs along the last axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Emitter, Refused
from webkiln.importers.lowerings.movement import part


def transform(emitter: Emitter, x: str, length: int, inverse: bool, onesided: bool) -> str:
    """[…, n, 1 or 2] → […, k, 2] (k, 1 for a one-sided inverse), by one product over n and the complex axis together."""
    shape = emitter.builder.shape(x)
    size, parts = shape[-2], shape[-1]
    if not isinstance(size, int) or not isinstance(parts, int):
        raise Refused(f"a transform along an axis of size {size}, of {parts} parts, which are not fixed", FIX_SIZES)
    if parts not in (1, 2):
        emitter.fail(f"numbers of {parts} parts, expected 1 (real) or 2 (complex)")
    if length < 1:
        emitter.fail(f"a transform of {length} elements")
    bins = length // 2 + 1
    given = min(size, bins if inverse and onesided else length)
    if 2 * given * 2 * length > 2**24:
        raise Refused(f"a transform of {length} elements")
    n, k = np.arange(given), np.arange(bins if onesided and not inverse else length)
    angle = 2 * np.pi * (np.outer(n, k) % length) / length
    cos, sin = np.cos(angle), np.sin(angle) * (1 if inverse else -1)
    if inverse and onesided:
        # The other half are conjugates, whose real parts are the same and whose imaginary parts cancel.
        twice = np.where((n == 0) | ((length % 2 == 0) & (n == length // 2)), 1.0, 2.0)[:, None]
        table = np.stack([cos * twice, -sin * twice], 1)[..., None]  # [n, part, k, 1]
    else:
        table = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)  # [n, part, k, 2]
    table = table[:, :parts] / (length if inverse else 1)
    flat: list[Dim] = [*shape[:-2], given * parts]
    rows = emitter.reshape(part(emitter, x, len(shape) - 2, 0, given), flat)
    value = emitter.node("matmul", [rows if len(flat) > 1 else emitter.reshape(rows, [1, *flat]), emitter.constant(table.reshape(given * parts, -1).astype(np.float32))])
    return emitter.reshape(value, [*shape[:-2], table.shape[2], table.shape[3]])


def transform_axes(emitter: Emitter, x: str, lengths: Sequence[int], inverse: bool) -> str:
    """The transform of the last axes of complex numbers, [..., 2], as many as there are lengths, to which they are cut or filled up with zeros."""
    rank = len(emitter.builder.shape(x))
    for i, length in enumerate(lengths):
        x = _along(emitter, x, rank - 1 - len(lengths) + i, length, inverse)
    return x


def transform_real(emitter: Emitter, x: str, lengths: Sequence[int]) -> str:
    """The same of real numbers [...], of which only the half is given that tells the other: the first ⌊n / 2⌋ + 1 along the last axis."""
    value = transform(emitter, emitter.reshape(x, [*emitter.builder.shape(x), 1]), lengths[-1], inverse=False, onesided=True)
    rank = len(emitter.builder.shape(value))
    for i, length in enumerate(lengths[:-1]):
        value = _along(emitter, value, rank - 1 - len(lengths) + i, length, inverse=False)
    return value


def transform_to_real(emitter: Emitter, x: str, lengths: Sequence[int]) -> str:
    """The inverse of that: real numbers [...] from the half [..., 2]."""
    rank = len(emitter.builder.shape(x))
    for i, length in enumerate(lengths[:-1]):
        x = _along(emitter, x, rank - 1 - len(lengths) + i, length, inverse=True)
    value = transform(emitter, x, lengths[-1], inverse=True, onesided=True)
    return emitter.reshape(value, emitter.builder.shape(value)[:-1])


def _along(emitter: Emitter, x: str, axis: int, length: int, inverse: bool) -> str:
    """The transform of one axis of complex numbers."""
    size = emitter.builder.shape(x)[axis]
    if length == 1 and size > 0:  # of one element, it is that element
        return part(emitter, x, axis, 0, 1)
    last = len(emitter.builder.shape(x)) - 2
    swapped = list(range(last + 2))
    swapped[axis], swapped[last] = last, axis
    value = transform(emitter, emitter.transpose(x, swapped), length, inverse, onesided=False)
    return emitter.transpose(value, swapped)
