"""Real numbers held as integers, `x = scale · (q − zero_point)`, to floats and back."""

from __future__ import annotations

import numpy as np

from webkiln.importers.elements import RANGES, canonical
from webkiln.importers.typed_emitter import TypedEmitter


def dequantized(emitter: TypedEmitter, value: str, scale: np.ndarray, zero_point: np.ndarray) -> str:
    """The floats that integers stand for; `scale` (f32) and `zero_point` (integers) broadcast with the value."""
    steps = emitter.wide(value)
    if zero_point.any():
        steps = emitter.node("sub", [steps, emitter.constant(zero_point.astype(np.int32))])
    return emitter.node("mul", [emitter.node("cast", [steps], to="f32"), emitter.constant(scale.astype(np.float32))])


def quantized(emitter: TypedEmitter, value: str, scale: np.ndarray, zero_point: np.ndarray, dtype: str) -> str:
    """Floats as the nearest integers of a type, halves away from zero, clipped to its range."""
    steps = rounded_away(emitter, emitter.node("div", [value, emitter.constant(scale.astype(np.float32))]))
    if zero_point.any():
        steps = emitter.node("add", [steps, emitter.constant(zero_point.astype(np.float32))])
    low, high = RANGES[dtype]
    clipped = emitter.node("clip", [steps], minimum=float(low), maximum=float(high))
    return emitter.cast(emitter.cast(clipped, "i32"), canonical(dtype))


def rounded_away(emitter: TypedEmitter, value: str) -> str:
    """The nearest integer, halves away from zero."""
    size = emitter.node("abs", [value])
    whole = emitter.node("floor", [size])
    # The fraction is exact, where adding a half before the floor would round.
    half = emitter.node("greater_equal", [emitter.node("sub", [size, whole]), emitter.like(0.5, value)])
    nearest = emitter.node("add", [whole, emitter.node("cast", [half], to="f32")])
    return emitter.node("mul", [nearest, emitter.node("sign", [value])])
