"""Lists of tensors of one shape. A list is held as one tensor, its elements along the first axis.

Until the shape of the elements is known, one that is 0 along some axis stands for it: such a list has nothing in it that anyone reads.
"""

from __future__ import annotations

import numpy as np

from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.graph import Value
from webkiln.importers.elements import LIST
from webkiln.importers.emitter import Emitter


def list_of(dtype: str) -> str:
    """The type of a list of elements of a type."""
    return dtype if is_list(dtype) else dtype + LIST


def is_list(dtype: str) -> bool:
    return dtype.endswith(LIST)


def element_of(dtype: str) -> str:
    """The element type of a list; a tensor is the list of what lies along its first axis."""
    return dtype.removesuffix(LIST)


def zeros(call: Emitter, value: Value) -> str:
    return call.node("expand", [call.constant(np.zeros((), CANONICAL[value.dtype]))], shape=list(value.shape))
