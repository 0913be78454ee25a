"""How each ONNX operator is expressed in canonical ones."""

from webkiln.importers.onnx.operators import (  # noqa: F401  (each registers its operators)
    activation,
    attention,
    bits,
    casting,
    convolution,
    einsum,
    elementwise,
    generation,
    indexing,
    linear,
    loss,
    movement,
    normalization,
    padding,
    pooling,
    quantization,
    recurrence,
    reduction,
    resizing,
    scattering,
)
from webkiln.importers.onnx.operators.registry import RULES

__all__ = ["RULES"]
