"""Element types of sources, by names that are NumPy's where NumPy has the type, and the canonical dtypes that stand for them."""

from __future__ import annotations

from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE
from webkiln.importers.emitter import Refused

# Types that NumPy does not have, held as one that it has: the values are the same.
CARRIERS = {
    "bfloat16": "float32",
    "float8e4m3fn": "float32",
    "float8e4m3fnuz": "float32",
    "float8e5m2": "float32",
    "float8e5m2fnuz": "float32",
    "float4e2m1": "float32",
    "float8e8m0": "float32",
    "uint4": "uint8",
    "int4": "int8",
    "uint2": "uint8",
    "int2": "int8",
}
RANGES = {
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int2": (-2, 1),
    "uint2": (0, 3),
}
LIST = " list"  # after an element type: of a list of such tensors, which is held as one tensor
FLOATS = ("float32", "float16", "float64", "bfloat16")
DEFAULTS = {"f32": "float32", "i32": "int64", "u8": "uint8", "i8": "int8", "bool": "bool"}


def carrier(dtype: str) -> str:
    """The NumPy type that holds values of an element type."""
    element = dtype.removesuffix(LIST)
    return CARRIERS.get(element, element)


def canonical(dtype: str) -> str:
    """The canonical dtype that stands for an element type; refused for text, complex numbers and what is unknown."""
    held = carrier(dtype)
    if held not in FROM_SOURCE:
        raise Refused(f"elements of the dtype {dtype}", "Only numbers and booleans are converted; export the model with this part left out")
    return FROM_SOURCE[held]


def held_as(dtype: str) -> str:
    """The same, also for complex numbers: the dtype of their parts."""
    return "f32" if dtype in COMPLEX else canonical(dtype)
