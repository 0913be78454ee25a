"""Element types of TensorFlow: their numbers and names."""

from __future__ import annotations

# By the number in a file; names are NumPy's where NumPy has the type.
NAMES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    14: "bfloat16",
    15: "qint16",
    16: "quint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
_SPELLED = {"float": "float32", "double": "float64", "half": "float16"}


def name_of(dtype: int | str) -> str:
    """The name of an element type, from its number or from a word such as `DT_FLOAT`."""
    if isinstance(dtype, int):
        return NAMES.get(dtype, f"number {dtype}")
    word = dtype.removeprefix("DT_").lower()
    return _SPELLED.get(word, word)
