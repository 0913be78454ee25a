"""Einstein sums."""

from __future__ import annotations

from webkiln.importers.lowerings.einsum import einstein_sum
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers


@lowers("Einsum")
def einsum(call: Call) -> str:
    return einstein_sum(call, call.text("equation", ""))
