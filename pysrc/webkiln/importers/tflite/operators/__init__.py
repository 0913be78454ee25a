"""How each TFLite operator is expressed in canonical ones."""

from webkiln.importers.tflite.operators import (  # noqa: F401  (each registers its operators)
    bits,
    complex_numbers,
    control_flow,
    convolution,
    detection,
    diagonals,
    elementwise,
    indexing,
    linear,
    movement,
    normalization,
    padding,
    pooling,
    recurrence,
    reduction,
    resizing,
    scattering,
    selection,
    slicing,
    variables,
)
from webkiln.importers.tflite.operators.registry import COMPLEX_RULES, RULES

__all__ = ["COMPLEX_RULES", "RULES"]
