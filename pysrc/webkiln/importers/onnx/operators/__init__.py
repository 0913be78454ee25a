"""How each ONNX operator is expressed in canonical ones."""

from webkiln.importers.onnx.operators import (  # noqa: F401  (each registers its operators)
    activation,
    attention,
    bits,
    casting,
    control,
    convolution,
    einsum,
    elementwise,
    features,
    fused,
    generation,
    indexing,
    linear,
    linear_models,
    loss,
    movement,
    normalization,
    optionals,
    padding,
    pooling,
    quantization,
    quantized_fused,
    recurrence,
    reduction,
    regions,
    resizing,
    sampling,
    scattering,
    sequences,
    spectrum,
    tree_ensembles,
)
from webkiln.importers.onnx.registry import RULES

__all__ = ["RULES"]
