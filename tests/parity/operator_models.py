"""Models made of one operator's test cases: a node a case, so that thousands of cases need few models."""

from __future__ import annotations

import numpy as np
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.ops import OPERATORS
from webkiln.ops.table import Case

DTYPES = {dtype: name for name, dtype in CANONICAL.items()}


def operator_cases(name: str, seed: int = 0) -> list[Case]:
    return list(OPERATORS[name].cases(np.random.default_rng(seed)))


def operator_model(name: str, cases: list[Case], *, constants: bool) -> tuple[Model, dict[str, np.ndarray]]:
    """A model with an output `y0`, `y1`, … a case, and its inputs.

    With `constants`, all inputs but the first of each case are constants, as weights are.
    """
    builder = GraphBuilder()
    signature = Signature("cases", [], [])
    feeds: dict[str, np.ndarray] = {}
    for number, case in enumerate(cases):
        names = []
        for position, array in enumerate(case.inputs):
            key = f"x{number}_{position}"
            if constants and position:
                names.append(builder.constant(array, key))
                continue
            names.append(builder.input(key, DTYPES[array.dtype], array.shape))
            signature.inputs.append(Argument(key, key, array.dtype.name, array.shape))
            feeds[key] = array
        value = builder.node(name, names, case.attributes, output=f"y{number}")
        result = builder.graph.values[value]
        signature.outputs.append(Argument(value, value, CANONICAL[result.dtype].name, result.shape))
        builder.output(value)
    return Model(Bundle(builder.graph, [signature], name=name)), feeds
