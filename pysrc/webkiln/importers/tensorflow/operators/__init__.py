"""How each operator of TensorFlow is expressed in canonical ones."""

from webkiln.importers.tensorflow.operators import (  # noqa: F401  (each registers its operators)
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
    slicing,
)
from webkiln.importers.tensorflow.registry import RULES

__all__ = ["RULES"]
