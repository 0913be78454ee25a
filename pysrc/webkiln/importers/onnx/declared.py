"""The shapes that an ONNX file declares."""

from __future__ import annotations

import re
from typing import Any

from webkiln.errors import FormatError
from webkiln.graph.dims import Dim, Shape, parse_dim, symbol


def declared_shape(value: Any) -> Shape | None:
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
