"""Constants that are stored as fewer bits and dequantized on loading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from webkiln.errors import FormatError


@dataclass(frozen=True)
class Affine:
    """`scale · (q − zero_point)`; `scale` and `zero_point` have an entry for each position (or block of positions) along `axis`.

    `packed` is U8: 4-bit values two to a byte (the low half first), 8-bit ones a byte each, 16-bit ones little-endian.
    """

    packed: np.ndarray
    shape: tuple[int, ...]
    bits: int
    signed: bool
    axis: int | None
    scale: np.ndarray
    zero_point: np.ndarray | None = None
    block: int | None = None

    def dequantize(self) -> np.ndarray:
        """The values in float32."""
        count = int(np.prod(self.shape))
        raw = self.packed.reshape(-1).view(np.uint8)
        if self.bits == 4:
            raw = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)
        elif self.bits == 16:
            raw = raw.view("<u2")
        if raw.size < count:
            raise FormatError(f"{raw.size} quantized values are stored for the shape {list(self.shape)}")
        q = raw[:count].astype(np.int64)
        if self.signed:
            q = np.where(q >= 1 << (self.bits - 1), q - (1 << self.bits), q)
        q = q.reshape(self.shape)
        zero_point = 0 if self.zero_point is None else self._along(self.zero_point.astype(np.int64))
        return (self._along(self.scale.astype(np.float32)) * (q - zero_point).astype(np.float32)).astype(np.float32)

    def _along(self, entries: np.ndarray) -> np.ndarray:
        """The entries, spread over the tensor."""
        if self.axis is None:
            return entries.reshape(())
        size = self.shape[self.axis]
        if self.block is None:
            shape = [1] * len(self.shape)
            shape[self.axis] = size
            return entries.reshape(shape)
        blocks = -(-size // self.block)
        return np.repeat(
            entries.reshape(*self.shape[: self.axis], blocks, *self.shape[self.axis + 1 :]), self.block, axis=self.axis
        ).take(range(size), axis=self.axis)


@dataclass(frozen=True)
class Masked:
    """Only the elements whose bit is set in `mask` (least significant first) are stored; the others are 0."""

    present: np.ndarray
    mask: np.ndarray
    shape: tuple[int, ...]

    def dequantize(self) -> np.ndarray:
        count = int(np.prod(self.shape))
        bits = np.unpackbits(self.mask.reshape(-1), bitorder="little")[:count].astype(bool)
        if bits.size != count or int(bits.sum()) != self.present.size:
            raise FormatError(f"the mask marks {int(bits.sum())} of {bits.size} elements; {self.present.size} are stored for {list(self.shape)}")
        whole = np.zeros(count, self.present.dtype)
        whole[bits] = self.present.reshape(-1)
        return whole.reshape(self.shape).astype(np.float32)
