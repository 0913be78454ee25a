"""Constants that are stored as fewer bits and dequantized on loading."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from webkiln.errors import FormatError


@dataclass(frozen=True)
class Affine:
    """`scale · (q − zero_point)`; `scale` and `zero_point` have an entry for each position (or block of positions) along `axis`.

    `packed` is U8: 4-bit values two to a byte (the low half first), 8-bit ones a byte each, 16-bit ones little-endian. With a `mask`
    (as that of `Masked`) it has only the elements whose bit is set; the others are 0.
    """

    packed: np.ndarray
    shape: tuple[int, ...]
    bits: int
    signed: bool
    axis: int | None
    scale: np.ndarray
    zero_point: np.ndarray | None = None
    block: int | None = None
    mask: np.ndarray | None = None

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def dequantize(self) -> np.ndarray:
        """The values in float32. `FormatError` when the parts do not fit together."""
        present = None if self.mask is None else unpacked_mask(self.mask, self.shape)
        count = self.count if present is None else int(present.sum())
        stored = (np.uint8, np.int8) if self.bits == 8 else (np.uint8,)
        needed = -(-count * self.bits // 8)
        if self.packed.dtype not in stored or self.packed.size != needed:
            raise FormatError(
                f"{count} values of {self.bits} bits are {needed} bytes of uint8; {self.packed.size} of {self.packed.dtype} are stored for {list(self.shape)}"
            )
        q = unpacked_values(self.packed, self.bits, self.signed, count)
        scale = self.spread(self.scale, "scale", "f").astype(np.float32)
        zero_point = np.zeros((), np.int64) if self.zero_point is None else self.spread(self.zero_point).astype(np.int64)
        if present is not None:
            whole = np.array(np.broadcast_to(zero_point, self.shape)).reshape(-1)
            whole[present] = q
            q = whole
        # In float64 the product is exact, so that it is rounded once, as in JavaScript.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(scale.astype(np.float64) * (q.reshape(self.shape) - zero_point), np.float32)

    def spread(self, entries: np.ndarray, what: str = "zero_point", kinds: str = "iu") -> np.ndarray:
        """Scales or zero points in a shape that goes with the tensor's. `FormatError` when there are too few or too many."""
        if self.axis is not None and not 0 <= self.axis < len(self.shape):
            raise FormatError(f"the axis {self.axis} is not one of {list(self.shape)}")
        wanted: list[int] = []
        if self.axis is not None and self.block is None:
            wanted = [1] * len(self.shape)
            wanted[self.axis] = self.shape[self.axis]
        elif self.axis is not None and self.block is not None:
            wanted = list(self.shape)
            wanted[self.axis] = -(-self.shape[self.axis] // self.block)
        if entries.dtype.kind not in kinds or entries.size != math.prod(wanted):
            raise FormatError(f"{math.prod(wanted)} entries of {what} are needed for {list(self.shape)}; {entries.size} of {entries.dtype} are stored")
        spread = entries.reshape(wanted)
        if self.axis is not None and self.block is not None:
            spread = np.repeat(spread, self.block, axis=self.axis).take(range(self.shape[self.axis]), axis=self.axis)
        return np.asarray(spread)


@dataclass(frozen=True)
class Masked:
    """Only the elements whose bit is set in `mask` (least significant first) are stored; the others are 0."""

    present: np.ndarray
    mask: np.ndarray
    shape: tuple[int, ...]

    def dequantize(self) -> np.ndarray:
        """The values in float32. `FormatError` when the parts do not fit together."""
        bits = unpacked_mask(self.mask, self.shape)
        count = bits.size
        if int(bits.sum()) != self.present.size:
            raise FormatError(f"the mask marks {int(bits.sum())} of {count} elements; {self.present.size} are stored for {list(self.shape)}")
        whole = np.zeros(count, np.float32)
        whole[bits] = self.present.reshape(-1)
        return whole.reshape(self.shape)


def unpacked_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A bit mask as a flat array of bool, one for each element of the shape. `FormatError` when it has another length."""
    count = math.prod(shape)
    if mask.dtype != np.uint8 or mask.size != -(-count // 8):
        raise FormatError(f"a mask of {-(-count // 8)} bytes of uint8 is needed for {list(shape)}; {mask.size} of {mask.dtype} are stored")
    return np.unpackbits(mask.reshape(-1), bitorder="little")[:count].astype(bool)


def unpacked_values(packed: np.ndarray, bits: int, signed: bool, count: int) -> np.ndarray:
    """The first `count` integers (int64) of bytes that hold them packed, as `Affine` says."""
    raw = packed.reshape(-1).view(np.uint8)
    if bits == 4:
        raw = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)
    elif bits == 16:
        raw = raw.view("<u2")
    q = raw[:count].astype(np.int64)
    return np.where(q >= 1 << (bits - 1), q - (1 << bits), q) if signed else q


def packed_values(values: np.ndarray, bits: int) -> np.ndarray:
    """Bytes that hold integers packed, as `Affine` says."""
    flat = values.reshape(-1).astype(np.int32)
    if bits != 4:
        return (flat & ((1 << bits) - 1)).astype(f"<u{bits // 8}").view(np.uint8)
    pairs = np.append(flat & 15, np.zeros(flat.size % 2, flat.dtype)).reshape(-1, 2)
    return np.asarray(pairs[:, 0] | pairs[:, 1] << 4, np.uint8)
