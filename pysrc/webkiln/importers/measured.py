"""Symbolic sizes as data."""

from __future__ import annotations

import numpy as np

from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Expression
from webkiln.importers.emitter import FIX_SIZES, Refused, add_constant


def measured(builder: GraphBuilder, dims: np.ndarray, name: str) -> str:
    """An array of sizes, some of them symbolic, as a value (i32): a sum of as many ones each. Refused for what may be negative."""
    parts = []
    for dim in dims.reshape(-1):
        if not isinstance(dim, Expression):
            parts.append(add_constant(builder, np.array([dim], np.int64), f"{name}/size"))
        elif dim >= 0:
            ones = builder.node("expand", [add_constant(builder, np.array(1, np.int32), f"{name}/one")], {"shape": [dim]}, name)
            parts.append(builder.node("reduce_sum", [ones], {"axes": [0], "keep_dims": True}, name))
        else:
            raise Refused(f"{name!r} is computed from sizes that are not fixed, may be negative ({dim}), and is used as data", FIX_SIZES)
    return builder.node("reshape", [builder.node("concat", parts, {"axis": 0}, name)], {"shape": list(dims.shape)}, name)
