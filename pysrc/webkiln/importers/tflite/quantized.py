"""Operators on quantized tensors.

Three ways, the first that fits: operators that only move elements move the integers; those of `integers.py` compute with integers as
TFLite does, bit for bit; all others compute with the floats that the integers stand for, and round the result to its integers, which is
within one step of TFLite's kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from webkiln.graph.dtypes import CANONICAL
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.quantization import dequantized, quantized
from webkiln.importers.tflite.constants import scale_integers
from webkiln.importers.tflite.file import Operator, Tensor
from webkiln.importers.tflite.integers import INTEGERS, IntegerCall, computes
from webkiln.importers.tflite.lowering import Call, Lowering
from webkiln.importers.tflite.operators.registry import Rule
from webkiln.importers.tflite.scales import is_scaled, one_scale, scaled_tensors, spread_parameters

# What moves elements, and keeps their integers when all tensors have one scale.
MOVING = frozenset(
    (
        "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CONCATENATION", "PACK", "UNPACK", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "GATHER", "GATHER_ND",
        "TILE", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "REVERSE_V2", "REVERSE_SEQUENCE", "MIRROR_PAD", "SELECT", "SELECT_V2",
        "TOPK_V2", "ARG_MAX", "ARG_MIN", "EMBEDDING_LOOKUP", "DENSIFY",
    )
)  # fmt: skip


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
                floats[tensor.index] = dequantized(self, whole, *spread_parameters(tensor, len(self.builder.shape(whole))))
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
            finished.append(quantized(self, result, *spread_parameters(tensor, len(self.builder.shape(result))), tensor.dtype))
        return finished


def lower_scaled(lowering: Lowering, operator: Operator, rule: Rule) -> Sequence[str | np.ndarray]:
    """The outputs of an operator, some of whose tensors are quantized."""
    scaled = scaled_tensors(lowering.subgraph, operator)
    if operator.name in MOVING and one_scale(scaled):
        return _listed(rule.lower(Call(lowering, operator, rule.options)))
    if computes(lowering.subgraph, operator):
        call = IntegerCall(lowering, operator, rule.options)
        return _listed(INTEGERS[operator.name](call) if operator.name in INTEGERS else rule.lower(call))
    floats = FloatCall(lowering, operator, rule.options)
    return floats.finish(_listed(rule.lower(floats)))


def _listed(result: str | np.ndarray | Sequence[str | np.ndarray]) -> Sequence[str | np.ndarray]:
    return [result] if isinstance(result, (str, np.ndarray)) else result
