"""Operators on quantized tensors.

Three ways, the first that fits: operators that only move elements move the integers; operators with an integer rule (`RULES` of
`operators.integers`) compute as TFLite's reference kernels do, bit for bit; all others compute with the floats that the integers stand for,
and round the result to its integers, which is within one step of TFLite's kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dtypes import CANONICAL
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.quantization import dequantized, quantized
from webkiln.importers.tflite.constants import scale_integers
from webkiln.importers.tflite.file import Operator, Subgraph, Tensor
from webkiln.importers.tflite.lowering import Call, Lowering

# What moves elements, and keeps their integers when all tensors have one scale.
MOVING = frozenset(
    (
        "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CONCATENATION", "PACK", "UNPACK", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "GATHER", "GATHER_ND",
        "TILE", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "REVERSE_V2", "REVERSE_SEQUENCE", "MIRROR_PAD", "SELECT", "SELECT_V2",
        "TOPK_V2", "ARG_MAX", "ARG_MIN", "EMBEDDING_LOOKUP", "DENSIFY",
    )
)  # fmt: skip
# What reads the integers, whatever they stand for.
UNSCALED = frozenset(("SHAPE", "RANK", "CAST", "BITCAST", "ZEROS_LIKE"))
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
    assert tensor.quantization is not None
    scale, zero_point = tensor.quantization.scale, tensor.quantization.zero_point
    what = f"the quantization of {tensor.name!r}"
    if zero_point.size not in (0, scale.size):
        raise FormatError(f"{what} has {scale.size} scales and {zero_point.size} zero points")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise FormatError(f"{what} has a scale that is not above 0")
    return scale.astype(np.float32), zero_point.astype(np.int64) if zero_point.size else np.zeros(scale.size, np.int64)


def _spread(tensor: Tensor, rank: int) -> tuple[np.ndarray, np.ndarray]:
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


class FloatCall(Call):
    """An operator that sees the floats that integers stand for. Its results are rounded to the integers of the output."""

    def tensor(self, i: int) -> Tensor:
        return self._as_float(super().tensor(i))

    def output(self, i: int = 0) -> Tensor:
        return self._as_float(super().output(i))

    def _as_float(self, tensor: Tensor) -> Tensor:
        return replace(tensor, dtype="float32", quantization=None) if is_scaled(tensor, self.operator) else tensor

    def _scaled(self, i: int) -> Tensor | None:
        """Input `i` as the file has it, when its integers stand for floats."""
        tensor = super().tensor(i)
        return tensor if is_scaled(tensor, self.operator) else None

    def value(self, i: int) -> str:
        tensor = self._scaled(i)
        if tensor is None:
            return super().value(i)
        floats = self.lowering.floats
        if tensor.index not in floats:
            array = self.array(i)
            if array is not None:
                floats[tensor.index] = self.lowering.constant(array, self.lowering.labels[tensor.index])
            else:
                whole = self.lowering.value(tensor.index)
                floats[tensor.index] = dequantized(self, whole, *_spread(tensor, len(self.builder.shape(whole))))
        return floats[tensor.index]

    def array(self, i: int) -> np.ndarray | None:
        tensor, array = self._scaled(i), super().array(i)
        return array if tensor is None or array is None else scale_integers(array, tensor)

    def permuted(self, i: int, permutation: Sequence[int]) -> str:
        if self._scaled(i) is None:
            return super().permuted(i, permutation)
        array = self.array(i)
        return self.transpose(self.value(i), permutation) if array is None else self.constant(array.transpose(permutation))

    def known(self, i: int) -> np.ndarray | None:
        return None if self._scaled(i) else super().known(i)

    def finish(self, results: Sequence[str | np.ndarray]) -> list[str | np.ndarray]:
        """Results as the file's tensors hold them."""
        finished: list[str | np.ndarray] = []
        for i, result in enumerate(results):
            tensor = super().output(i)
            if not is_scaled(tensor, self.operator):
                finished.append(result)
                continue
            if not isinstance(result, str):
                result = self.constant(np.asarray(result, CANONICAL["f32"]))
            if tensor.dtype not in ("int8", "uint8", "int16"):
                # A float cannot hold the integers of 32 bits.
                raise Refused(f"floats rounded to {tensor.dtype}", "Use the float32 version of the model")
            finished.append(quantized(self, result, *_spread(tensor, len(self.builder.shape(result))), tensor.dtype))
        return finished


def call_for(lowering: Lowering, operator: Operator, options: str | None) -> Call:
    """An operator as its lowering function should see it."""
    scaled = scaled_tensors(lowering.subgraph, operator)
    if not scaled or (operator.name in MOVING and one_scale(scaled)):
        return Call(lowering, operator, options)
    return FloatCall(lowering, operator, options)
