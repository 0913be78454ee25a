"""Values that may be missing: which are there is known at conversion, for a tensor is and an input that is left out is not."""

from __future__ import annotations

import numpy as np

from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers


@lowers("OptionalHasElement")
def optional_has_element(call: Call) -> Typed:
    return Typed(np.array(call.has(0)), "bool")


@lowers("OptionalGetElement")
def optional_get_element(call: Call) -> Typed:
    return call.same()
