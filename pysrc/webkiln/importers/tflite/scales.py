"""Which tensors are quantized, and the scales and zero points that say what their integers stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from webkiln.errors import FormatError
from webkiln.importers.tflite.file import Operator, Subgraph, Tensor

# What reads the integers, whatever they stand for.
UNSCALED = frozenset(("SHAPE", "RANK", "CAST", "BITCAST", "ZEROS_LIKE", "IF", "WHILE"))
# Where 32-bit integers with a scale stand for real numbers too: as a bias, and in conversions.
WIDE = frozenset(("QUANTIZE", "DEQUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D", "CONV_3D_TRANSPOSE", "FULLY_CONNECTED", "BATCH_MATMUL"))


def is_scaled(tensor: Tensor, operator: Operator) -> bool:
    """Whether an operator takes a tensor's integers for real numbers."""
    narrow = tensor.dtype in ("int8", "uint8", "int16")
    wide = tensor.dtype in ("int32", "int64") and operator.name in WIDE
    return (narrow or wide) and tensor.quantized and operator.name not in UNSCALED


def scaled_tensors(subgraph: Subgraph, operator: Operator) -> list[Tensor]:
    tensors = [subgraph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return [tensor for tensor in tensors if is_scaled(tensor, operator)]


def one_scale(tensors: Sequence[Tensor]) -> bool:
    """Whether all tensors have the same scale and zero point, for all their elements."""
    pairs = {(scale.tobytes(), zero_point.tobytes()) for scale, zero_point in map(parameters, tensors)}
    return len(pairs) == 1 and all(parameters(tensor)[0].size == 1 for tensor in tensors)


def parameters(tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Scale (f32) and zero point (i64) of a quantized tensor, of one number or of one for each position of its axis."""
    if tensor.quantization is None or not tensor.quantized:
        raise FormatError(f"the tensor {tensor.name!r} has no scale, where others of the operator have one")
    scale, zero_point = np.asarray(tensor.quantization.scale), np.asarray(tensor.quantization.zero_point)
    what = f"the quantization of {tensor.name!r}"
    if zero_point.size not in (0, scale.size):
        raise FormatError(f"{what} has {scale.size} scales and {zero_point.size} zero points")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise FormatError(f"{what} has a scale that is not above 0")
    return scale.astype(np.float32), zero_point.astype(np.int64) if zero_point.size else np.zeros(scale.size, np.int64)


def spread_parameters(tensor: Tensor, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point in shapes that broadcast with the tensor."""
    scale, zero_point = parameters(tensor)
    assert tensor.quantization is not None
    axis = tensor.quantization.axis
    if scale.size == 1:
        return scale.reshape(()), zero_point.reshape(())
    if not 0 <= axis < rank:
        raise FormatError(f"the quantization of {tensor.name!r} is along axis {axis} of rank {rank}")
    shape = [-1 if i == axis else 1 for i in range(rank)]
    return scale.reshape(shape), zero_point.reshape(shape)
