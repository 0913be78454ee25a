"""Small models, made by hand, for sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dtypes import canonical_dtype
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

Make = Callable[..., Model]


def make_scale(dtype: str = "float32", shape: Sequence[int] = (2, 3), factor: float = 2, name: str = "scale") -> Model:
    """`y = x · factor`, then `z = y + y`."""
    builder = GraphBuilder()
    x = builder.input("x", canonical_dtype(dtype), shape)
    kind = np.float32 if canonical_dtype(dtype) == "f32" else np.int32
    y = builder.node("mul", [x, builder.constant(np.asarray(factor, kind), "factor")], name="scaling", output="y")
    z = builder.node("add", [y, y], name="doubling", output="z")
    builder.output(y)
    builder.output(z)
    arguments = [Argument(value, value, dtype, tuple(shape)) for value in (x, y, z)]
    return Model(Bundle(builder.graph, [Signature("main", arguments[:1], arguments[1:])], name=name))


@pytest.fixture(scope="session")
def scale() -> Make:
    return make_scale
