"""What is known of an ONNX operator before it is looked at closely."""

from __future__ import annotations

from webkiln.errors import Unsupported
from webkiln.importers.onnx.hints import hint
from webkiln.importers.onnx.nodes import Operation

# Operators of ai.onnx change with the version of the set; later versions than this one are not known here.
NEWEST_VERSION = 28


def refusal(operation: Operation, is_known: bool) -> Unsupported | None:
    """Why an operation is not converted, whatever its inputs are. `is_known`: whether there is a lowering of this name."""
    if not is_known:
        return Unsupported(operation.kind, operation.where, "", hint(operation.kind))
    if not operation.domain and operation.version > NEWEST_VERSION:
        reason = f"operator set {operation.version} is newer than {NEWEST_VERSION}, the newest that is known"
        return Unsupported(operation.kind, operation.where, reason, "Export with an older opset")
    return None
