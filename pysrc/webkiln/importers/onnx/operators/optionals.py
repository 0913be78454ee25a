"""Values that may be missing: which are there is known at conversion, for a tensor is and an input that is left out is not."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.named import Listed
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers


@lowers("Optional", sequences=True)
def optional(call: Call) -> Typed | Listed:
    if not call.has(0):
        raise Refused("an optional value that is never there")
    return _element(call)


@lowers("OptionalHasElement", sequences=True)
def optional_has_element(call: Call) -> Typed:
    return Typed(np.array(call.has(0)), "bool")


@lowers("OptionalGetElement", sequences=True)
def optional_get_element(call: Call) -> Typed | Listed:
    return _element(call)


def _element(call: Call) -> Typed | Listed:
    return Listed(call.sequence(0)) if call.name(0) in call.lowering.lists else call.same()
