"""What lowering functions of every format share: adding nodes and constants for one operator of the source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from webkiln.errors import FormatError, GraphError, ShapeError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import MAXIMUM_ELEMENTS, MAXIMUM_LENGTH, Dim, extent, is_unsized
from webkiln.graph.dtypes import to_canonical
from webkiln.ops import OPERATORS, fill_defaults

POSITIONS_LIMIT = 2**20
KNOWN_LIMIT = 1024  # elements; computations on sizes are short
UNFORESEEN = (GraphError, ValueError, IndexError, ArithmeticError, MemoryError)
"""What comes of numbers in a file that no check foresaw, such as sizes that NumPy does not take: the file is wrong there."""
FIX_SIZES = "Fix the sizes of the inputs: --input NAME=SHAPE"


class Refused(Exception):
    """This operator cannot be converted as it is used here."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class Emitter(ABC):
    """Adds to a graph on behalf of one operator of a source, under names made from `label`."""

    def __init__(self, builder: GraphBuilder, label: str) -> None:
        self.builder = builder
        self.label = label

    @property
    @abstractmethod
    def where(self) -> str:
        """The operator's place in the source."""

    def read_sizes(self) -> Iterable[Dim]:
        """The sizes that the operator reads: those of its inputs, and inputs that are sizes."""
        return ()

    def node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node. A dtype that the operator does not take is refused; a shape that does not fit is an error in the file."""
        dtypes = [self.builder.dtype(value) for value in inputs if value]
        try:
            value = self.builder.node(op, inputs, attributes, self.label, self.builder.graph.fresh(f"{self.label}/{op}"))
        except ShapeError as error:
            try:
                OPERATORS[op].dtype(dtypes, fill_defaults(OPERATORS[op], attributes))
            except ShapeError:
                raise Refused(f"elements of the dtypes {', '.join(dtypes)} are not computed with") from None
            self.fail(str(error))
        if any(len(str(size)) > MAXIMUM_LENGTH for size in self.builder.shape(value)):
            raise Refused("a size that would be too long an expression", FIX_SIZES)
        count = extent(self.builder.shape(value))
        if count > MAXIMUM_ELEMENTS:
            self.fail(f"it makes {count} elements, more than the {MAXIMUM_ELEMENTS} that a tensor may have")
        return value

    def constant(self, array: np.ndarray) -> str:
        return add_constant(self.builder, array, f"{self.label}/constant")

    def like(self, number: float, value: str) -> str:
        """A scalar constant of the dtype of a value."""
        return self.constant(np.asarray(number, np.int32 if self.builder.dtype(value) == "i32" else np.float32))

    def reshape(self, value: str, shape: Sequence[Dim]) -> str:
        """The value in another shape; itself when it has that shape already."""
        return value if self.builder.shape(value) == list(shape) else self.node("reshape", [value], shape=list(shape))

    def transpose(self, value: str, permutation: Sequence[int]) -> str:
        """The value with its axes permuted; itself when nothing moves."""
        moved = list(permutation)
        return value if moved == sorted(moved) else self.node("transpose", [value], permutation=moved)

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front; an error when there is no such axis."""
        if not -rank <= axis < rank:
            self.fail(f"axis {axis} does not exist in rank {rank}")
        return axis % rank

    def positions(self, count: int) -> np.ndarray:
        """0 … count − 1, as a constant would hold them; refused when that would be absurdly long."""
        if not 0 <= count <= POSITIONS_LIMIT:
            raise Refused(f"a constant of {count} positions")
        return np.arange(count, dtype=np.int32)

    def fail(self, problem: str) -> NoReturn:
        """The file is wrong here, unless sizes that only a run tells could be right."""
        if any(is_unsized(size) for size in self.read_sizes()):
            raise Refused(f"{problem}, as far as is known before the model runs", "Make it a constant in the source model")
        raise FormatError(f"{self.where}: {problem}")


def add_constant(builder: GraphBuilder, array: np.ndarray, name: str) -> str:
    """Add a constant; float16 stays as it is, everything else becomes canonical."""
    if array.dtype != np.float16:
        array = to_canonical(array, f"the constant {name!r}")
    return builder.constant(np.asarray(array, order="C"), name)
