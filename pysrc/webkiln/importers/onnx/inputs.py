"""The inputs of an ONNX model: dtypes, shapes, symbols, and shapes that the user gives instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedOperatorError
from webkiln.graph.dims import Dim, Shape, parse_dim, symbol
from webkiln.graph.dtypes import FROM_SOURCE
from webkiln.importers.inputs import given_shape
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
        declared = _declared(value)
        shape = given_shape(value.name, declared, overrides[value.name]) if value.name in overrides else declared
        if shape is None:
            problem = Unsupported("INPUT", repr(value.name), "its rank is not known", f"Give its shape: --input {value.name}=SHAPE")
            raise UnsupportedOperatorError([problem])
        lowering.resized |= shape != declared
        lowering.names[value.name] = lowering.builder.input(value.name, canonical(dtype), shape)
        lowering.dtypes[value.name] = dtype
    lowering.offer_elements()


def _declared(value: Any) -> Shape | None:
    """The shape that the file gives: a name is a symbol (or an expression of symbols), and a size without a name gets one."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    dims: list[Dim] = []
    for axis, dim in enumerate(kind.shape.dim):
        if dim.HasField("dim_value") and dim.dim_value >= 0:
            dims.append(int(dim.dim_value))
        elif re.search(r"[A-Za-z0-9]", dim.dim_param):
            dims.append(_named(dim.dim_param))
        else:  # some exporters write "?" for every size that they do not know
            dims.append(symbol(_identifier(f"{value.name}_d{axis}")))
    return tuple(dims)


def _named(text: str) -> Dim:
    try:
        dim = parse_dim(text)
        return dim if not isinstance(dim, int) else symbol(_identifier(text))
    except FormatError:
        return symbol(_identifier(text))


def _identifier(text: str) -> str:
    """A name for a symbol: what is no letter, digit or `_` becomes `_`, and a digit does not stand first."""
    clean = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{clean}" if not clean or clean[0].isdigit() or clean in ("floordiv", "mod", "min", "max") else clean
