"""The inputs of an ONNX model: dtypes, shapes, symbols, and shapes that the user gives instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedOperatorError
from webkiln.graph.dtypes import FROM_SOURCE
from webkiln.importers.inputs import given_shape
from webkiln.importers.onnx.declared import declared_shape
from webkiln.importers.onnx.dtypes import canonical, name_of
from webkiln.importers.onnx.lowering import Lowering

_ONLY_TENSORS = "Only tensors of numbers are converted: give each of its parts as an input or output of its own"


def tensor_type(value: Any) -> str:
    """The element type of an input or output; `UnsupportedOperatorError` for what is no tensor of numbers that NumPy has."""
    kind = value.type
    if not kind.HasField("tensor_type"):
        found = next((name for name in ("sequence_type", "map_type", "optional_type", "sparse_tensor_type") if kind.HasField(name)), "unknown type")
        raise UnsupportedOperatorError([Unsupported("INPUT", repr(value.name), f"a value that is no tensor ({found.replace('_type', '')})", _ONLY_TENSORS)])
    dtype = name_of(kind.tensor_type.elem_type)
    if dtype not in FROM_SOURCE:
        raise UnsupportedOperatorError([Unsupported("INPUT", repr(value.name), f"elements of the dtype {dtype}", _ONLY_TENSORS)])
    return dtype


def add_inputs(lowering: Lowering, inputs: Sequence[Any], overrides: Mapping[str, Sequence[int | str]]) -> None:
    """Define the graph's inputs. `InputError` for an override that fits none."""
    names = [value.name for value in inputs]
    if len(set(names)) < len(names) or not all(names):
        raise FormatError(f"the inputs {names} of the model are not named uniquely")
    for name in overrides:
        if name not in names:
            raise InputError(f"there is no input {name!r}; the model takes: {', '.join(map(repr, names)) or 'none'}")
    for value in inputs:
        dtype = tensor_type(value)
        declared = declared_shape(value)
        shape = given_shape(value.name, declared, overrides[value.name]) if value.name in overrides else declared
        if shape is None:
            problem = Unsupported("INPUT", repr(value.name), "its rank is not known", f"Give its shape: --input {value.name}=SHAPE")
            raise UnsupportedOperatorError([problem])
        lowering.resized |= shape != declared
        lowering.names[value.name] = lowering.builder.input(value.name, canonical(dtype), shape)
        lowering.dtypes[value.name] = dtype
    lowering.offer_elements()
