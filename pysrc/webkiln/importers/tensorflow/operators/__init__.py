"""How each operator of TensorFlow is expressed in canonical ones."""

from webkiln.importers.tensorflow.operators import (  # noqa: F401  (each registers its operators)
    complex_numbers,
    control_flow,
    convolution,
    elementwise,
    generation,
    indexing,
    linear,
    lists,
    movement,
    normalization,
    padding,
    pooling,
    reduction,
    resizing,
    scattering,
    selection,
    slicing,
    tables,
)
from webkiln.importers.tensorflow.registry import COMPLEX_RULES, RULES

__all__ = ["COMPLEX_RULES", "RULES"]
