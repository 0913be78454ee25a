"""Products of matrices."""

from __future__ import annotations

from webkiln.importers.lowerings.einsum import einstein_sum
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.operators.fusion import after_fused, fused_bias
from webkiln.importers.tensorflow.registry import lowers


def _operands(call: Call, swapped: tuple[bool, bool]) -> list[str]:
    """Both matrices, their last two axes exchanged where that is asked for."""
    operands = []
    for i, swap in enumerate(swapped):
        rank = call.rank(i)
        if rank < 2:
            call.fail(f"input {i} has rank {rank}, expected at least 2")
        order = [*range(rank - 2), rank - 1, rank - 2]
        operands.append(call.wide(call.lowering.permuted(call.name(i), order) if swap else call.value(i)))
    return operands


@lowers("MatMul", "_FusedMatMul")
def matmul(call: Call) -> Typed:
    bias = fused_bias(call, call.sizes(1, "the second matrix")[0 if call.flag("transpose_b") else -1]) if call.given("fused_ops") else ""
    product = call.node("matmul", [*_operands(call, (call.flag("transpose_a"), call.flag("transpose_b"))), *([bias] if bias else [])])
    return call.back(after_fused(call, product))


@lowers("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def batch_matmul(call: Call) -> Typed:
    return call.back(call.node("matmul", _operands(call, (call.flag("adj_x"), call.flag("adj_y")))))


@lowers("Einsum")
def einsum(call: Call) -> str:
    return einstein_sum(call, call.text("equation"))
