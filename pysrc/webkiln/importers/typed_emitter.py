"""An emitter that knows the source's element types: integers of few bits, truth values, and sizes as values."""

from __future__ import annotations

import numpy as np

from webkiln.graph.dims import MAXIMUM_ELEMENTS, Dim, apply
from webkiln.graph.dtypes import CANONICAL
from webkiln.importers.elements import RANGES, canonical
from webkiln.importers.emitter import Emitter


class TypedEmitter(Emitter):
    """Adds nodes whose values stand for elements of the source's types."""

    # Computing with integers of few bits: as 32 bits, then wrapped again.

    def wide(self, value: str) -> str:
        """8-bit integers and truth values as 32-bit integers: the same values."""
        return self.cast(value, "i32") if self.builder.dtype(value) in ("u8", "i8", "bool") else value

    def cast(self, value: str, to: str) -> str:
        """The value in another canonical dtype; itself when it has that."""
        return value if self.builder.dtype(value) == to else self.node("cast", [value], to=to)

    def narrow(self, value: str, dtype: str) -> str:
        """32-bit integers as the source's type, wrapped to its range."""
        if self.builder.dtype(value) != "i32" or canonical(dtype) not in ("i32", "u8", "i8"):
            return value
        if dtype in ("int16", "uint16", "int4", "uint4", "int2", "uint2"):
            low, high = RANGES[dtype]
            wrapped = self.node("mod", [self.node("sub", [value, self.like(low, value)]), self.like(high - low + 1, value)])
            value = self.node("add", [wrapped, self.like(low, value)])
        return self.cast(value, canonical(dtype))

    def places(self, size: Dim) -> str:
        """0 … size − 1 (i32): a constant, or when the size is symbolic a running sum of ones."""
        if isinstance(size, int):
            return self.constant(self.positions(size))
        ones = self.node("expand", [self.constant(np.array(1, np.int32))], shape=[size])
        return self.node("cumulative_sum", [ones], axis=0, exclusive=True)

    def length(self, size: Dim) -> str:
        """A size as a value (i32): a constant, or when it is symbolic a sum of ones."""
        if isinstance(size, int):
            return self.constant(np.array(size, np.int32))
        ones = self.node("expand", [self.constant(np.array(1, np.int32))], shape=[size])
        return self.node("reduce_sum", [ones], axes=[0], keep_dims=False)

    def signed(self, dim: Dim) -> str:
        """A dimension that may be negative as a value (i32)."""
        if isinstance(dim, int) or dim >= 0:
            return self.length(dim)
        return self.node("sub", [self.length(apply("max", 0, dim)), self.length(apply("max", 0, dim * -1))])

    def checked(self, number: Dim) -> str:
        """0 (i32); a run refuses a number that 32 bits do not hold, as the size below 0 that this then is."""
        return self.length(apply("min", 0, MAXIMUM_ELEMENTS - number))

    def filled(self, number: float, value: str) -> str:
        """A scalar constant of the canonical dtype of a value, of whichever kind."""
        return self.constant(np.asarray(number).astype(CANONICAL[self.builder.dtype(value)]))
