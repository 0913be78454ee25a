"""Float tensors in fewer bits: what each kind of precision makes of one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from webkiln.errors import WebkilnError
from webkiln.graph.quantization import Affine, packed_values
from webkiln.precision.channels import Axes

KINDS = {"f32": 32, "f16": 16, "uint16": 16, "int8": 8, "uint8": 8, "int4": 4}
"""The kinds, with their bits a value."""

BLOCK = 32
_SMALLEST_HALF = 2.0**-17  # whose next larger number in float16 is 0.8 % away: a step as much larger is no loss
_SHRINKING = (1.0, 0.95, 0.9, 0.85, 0.8)  # of a block's range: what is cut off may cost less than coarser steps


def check_kind(kind: str) -> None:
    """Raise `WebkilnError` unless `kind` is one of `KINDS`."""
    if kind not in KINDS:
        raise WebkilnError(f"there is no precision {kind!r}; known: {', '.join(KINDS)}")


def encode(array: np.ndarray, kind: str, axes: Axes) -> np.ndarray | Affine | None:
    """A float32 tensor as `kind` stores it; None where `kind` cannot hold its values (infinite ones, or too large for float16).

    - `f32`, `f16`: as such.
    - `uint16`, `uint8`: `scale · (q − zero_point)` with a scale and a zero point for each channel, from its smallest to its largest value.
      0 is always a value, so that what is 0 stays 0.
    - `int8`: `scale · q`, q from −127 to 127, with a scale for each channel.
    - `int4`: `scale · q`, q from −8 to 7, with a scale for each run of 32 values along the contracted axis, or for each channel where that
      axis is no longer than that. −8 stands for the value of the largest magnitude, whose sign the scale takes, so that no step is wasted.
    """
    check_kind(kind)
    if kind == "f32":
        return array
    if kind == "f16":
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        return half if np.array_equal(np.isfinite(half), np.isfinite(array)) else None
    if not np.isfinite(array).all():
        return None
    with np.errstate(over="raise"):
        try:
            if kind == "int4":
                return _blocks(array, axes)
            return _symmetric(array, axes.channel) if kind == "int8" else _affine(array, KINDS[kind], axes.channel)
        except FloatingPointError:  # a range that float32 does not hold
            return None


def _symmetric(array: np.ndarray, axis: int | None) -> Affine:
    scale = _stored_scale(_over_others(np.abs(array), axis, np.max) / np.float32(127))
    q = np.clip(np.rint(array / _usable(scale)), -127, 127).astype(np.int8)
    return Affine(packed_values(q, 8), array.shape, 8, True, axis, scale.reshape(-1))


def _affine(array: np.ndarray, bits: int, axis: int | None) -> Affine:
    most = (1 << bits) - 1
    low = np.minimum(_over_others(array, axis, np.min), 0).astype(np.float64)
    high = np.maximum(_over_others(array, axis, np.max), 0).astype(np.float64)
    scale = _stored_scale(((high - low) / most).astype(np.float32))
    usable = _usable(scale).astype(np.float64)
    dtype = np.dtype(f"<u{bits // 8}")
    zero_point = np.clip(np.rint(-low / usable), 0, most)
    q = np.clip(np.rint(array / usable) + zero_point, 0, most).astype(np.int32)
    return Affine(packed_values(q, bits), array.shape, bits, False, axis, scale.reshape(-1), zero_point.reshape(-1).astype(dtype))


def _blocks(array: np.ndarray, axes: Axes) -> Affine:
    axis = axes.contracted
    if axis is None or array.shape[axis] <= BLOCK:
        every = tuple(one for one in range(array.ndim) if one != axes.channel)
        scale, q = _nibbles(array, every)
        return Affine(packed_values(q, 4), array.shape, 4, True, axes.channel, scale.reshape(-1))
    # Runs become an axis of their own, the last one filled up with zeros, which change no run's range.
    runs = -(-array.shape[axis] // BLOCK)
    padding = [(0, runs * BLOCK - size if one == axis else 0) for one, size in enumerate(array.shape)]
    split = np.pad(array, padding).reshape(*array.shape[:axis], runs, BLOCK, *array.shape[axis + 1 :])
    scale, q = _nibbles(split, (axis + 1,))
    joined = q.reshape(*array.shape[:axis], runs * BLOCK, *array.shape[axis + 1 :]).take(range(array.shape[axis]), axis=axis)
    return Affine(packed_values(joined, 4), array.shape, 4, True, axis, scale.squeeze(axis + 1), block=BLOCK)


def _nibbles(array: np.ndarray, within: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scales of the groups that lie along the axes `within`, which stay with size 1, and the values −8 … 7: of some ranges, the one that is
    nearest to each group in the least-squares sense."""
    low, high = array.min(axis=within, keepdims=True, initial=0), array.max(axis=within, keepdims=True, initial=0)
    extreme = np.where(-low > high, low, high)
    scale, q, least = np.zeros_like(extreme), np.zeros(array.shape, np.int8), np.full_like(extreme, np.inf, dtype=np.float64)
    for share in _SHRINKING:
        tried = _stored_scale((extreme / -8 * share).astype(np.float32)).astype(np.float32)
        rounded = np.clip(np.rint(array / _usable(tried)), -8, 7)
        error = np.square(array.astype(np.float64) - tried * rounded).sum(axis=within, keepdims=True)
        better = error < least
        least, scale, q = np.where(better, error, least), np.where(better, tried, scale), np.where(better, rounded, q).astype(np.int8)
    return _stored_scale(scale), q


def _over_others(array: np.ndarray, axis: int | None, reduce: Callable[..., np.ndarray]) -> np.ndarray:
    """A reduction over all axes but one, which all stay."""
    return np.asarray(reduce(array, axis=tuple(one for one in range(array.ndim) if one != axis), keepdims=True, initial=0))


def _stored_scale(scale: np.ndarray) -> np.ndarray:
    """Scales in float16, rounded away from 0 so that no value is cut off, where that makes no step much larger; else in float32."""
    size = np.abs(scale[scale != 0])
    if size.size and (size.min() < _SMALLEST_HALF or size.max() > 60000):
        return scale.astype(np.float32)
    half = scale.astype(np.float16)
    return np.where(np.abs(half) < np.abs(scale), np.nextafter(half, np.copysign(np.float16(np.inf), half)), half).astype(np.float16)


def _usable(scale: np.ndarray) -> np.ndarray:
    """Scales to divide by: 1 for a group that is 0 all over."""
    return np.where(scale == 0, 1, scale).astype(np.float32)
