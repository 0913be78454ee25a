"""Element types of ONNX: by their numbers, and what holds them."""

from __future__ import annotations

from webkiln.importers.elements import CARRIERS, DEFAULTS, FLOATS, RANGES, canonical, carrier
from webkiln.importers.onnx.dtype_names import NAMES, name_of

__all__ = ["CARRIERS", "DEFAULTS", "FLOATS", "NAMES", "RANGES", "canonical", "carrier", "name_of"]
