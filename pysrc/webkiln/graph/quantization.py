"""Constants that are stored as fewer bits and dequantized on loading."""

from __future__ import annotations

import math
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
        """The values in float32. `FormatError` when the parts do not fit together."""
        count = math.prod(self.shape)
        stored = (np.uint8, np.int8) if self.bits == 8 else (np.uint8,)
        raw = self.packed.reshape(-1)
        needed = -(-count * self.bits // 8)
        if raw.dtype not in stored or raw.size != needed:
            raise FormatError(
                f"{count} values of {self.bits} bits are {needed} bytes of uint8; {raw.size} of {raw.dtype} are stored for {list(self.shape)}"
            )
        raw = raw.view(np.uint8)
        if self.bits == 4:
            raw = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)
        elif self.bits == 16:
            raw = raw.view("<u2")
        q = raw[:count].astype(np.int32)
        if self.signed:
            q = np.where(q >= 1 << (self.bits - 1), q - (1 << self.bits), q)
        q = q.reshape(self.shape)
        scale = self._along(self.scale, "scale", "f").astype(np.float32)
        if self.zero_point is not None:
            q = q - self._along(self.zero_point, "zero_point", "iu").astype(np.int32)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(scale * q.astype(np.float32), np.float32)

    def _along(self, entries: np.ndarray, what: str, kinds: str) -> np.ndarray:
        """The entries, spread over the tensor."""
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
        count = math.prod(self.shape)
        if self.mask.dtype != np.uint8 or self.mask.size != -(-count // 8):
            raise FormatError(
                f"a mask of {-(-count // 8)} bytes of uint8 is needed for {list(self.shape)}; {self.mask.size} of {self.mask.dtype} are stored"
            )
        bits = np.unpackbits(self.mask.reshape(-1), bitorder="little")[:count].astype(bool)
        if int(bits.sum()) != self.present.size:
            raise FormatError(f"the mask marks {int(bits.sum())} of {count} elements; {self.present.size} are stored for {list(self.shape)}")
        whole = np.zeros(count, np.float32)
        whole[bits] = self.present.reshape(-1)
        return whole.reshape(self.shape)
