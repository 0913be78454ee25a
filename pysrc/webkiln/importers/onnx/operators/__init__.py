"""How each ONNX operator is expressed in canonical ones."""

from webkiln.importers.onnx.operators import (  # noqa: F401  (each registers its operators)
    activation,
    casting,
    convolution,
    elementwise,
    generation,
    indexing,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    reduction,
)
from webkiln.importers.onnx.operators.registry import RULES

__all__ = ["RULES"]
