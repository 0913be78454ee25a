"""Conversions of element types."""

from __future__ import annotations

from webkiln.importers.lowerings.casting import cast_to
from webkiln.importers.onnx.dtypes import name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers


@lowers("Cast")
def cast(call: Call) -> Typed:
    return cast_to(call, name_of(call.integer("to", 0)))


@lowers("CastLike")
def cast_like(call: Call) -> Typed:
    return cast_to(call, call.dtype(1))
