"""How each TFLite operator is expressed in canonical ones."""

from webkiln.importers.tflite.operators import (  # noqa: F401  (each registers its operators)
    bits,
    convolution,
    diagonals,
    elementwise,
    indexing,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    reduction,
    resizing,
    scattering,
    slicing,
)
from webkiln.importers.tflite.operators.registry import RULES

__all__ = ["RULES"]
