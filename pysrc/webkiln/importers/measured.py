"""Symbolic sizes as data."""

from __future__ import annotations

import numpy as np

from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Dim, Expression, apply
from webkiln.importers.emitter import add_constant


def measured(builder: GraphBuilder, dims: np.ndarray, name: str) -> str:
    """An array of sizes, some of them symbolic, as a value (i32): a sum of as many ones each, less another for what may be negative."""

    def counted(size: Dim) -> str:
        ones = builder.node("expand", [add_constant(builder, np.array(1, np.int32), f"{name}/one")], {"shape": [size]}, name)
        return builder.node("reduce_sum", [ones], {"axes": [0], "keep_dims": True}, name)

    parts = []
    for dim in dims.reshape(-1):
        if not isinstance(dim, Expression):
            parts.append(add_constant(builder, np.array([dim], np.int64), f"{name}/size"))
        elif dim >= 0:
            parts.append(counted(dim))
        else:
            parts.append(builder.node("sub", [counted(apply("max", dim, 0)), counted(apply("max", dim * -1, 0))], name=name))
    return builder.node("reshape", [builder.node("concat", parts, {"axis": 0}, name)], {"shape": list(dims.shape)}, name)
