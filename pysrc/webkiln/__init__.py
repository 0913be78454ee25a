"""Webkiln: fires a trained model into something a web page can use, with the same numbers.

>>> model = webkiln.convert("pose.tflite")
>>> model.save("out/")
>>> outputs = model.run({"image": x})
>>> webkiln.results(model, outputs, {"image": x})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webkiln.browsers.session import Session
    from webkiln.errors import (
        BrowserError,
        FormatError,
        GalleryError,
        GraphError,
        HashError,
        InputError,
        OutputExistsError,
        ShapeError,
        UnsupportedFormatError,
        UnsupportedOperatorError,
        VerificationError,
        WebkilnError,
    )
    from webkiln.importers.inspection import Inspection, inspect
    from webkiln.model import Model, convert, load
    from webkiln.tasks import results
    from webkiln.version import VERSION as __version__

# The module of each public name; the others are in `errors`.
_HOMES = {
    "Inspection": "importers.inspection",
    "Model": "model",
    "Session": "browsers.session",
    "convert": "model",
    "inspect": "importers.inspection",
    "load": "model",
    "results": "tasks",
}

__all__ = [
    "BrowserError",
    "FormatError",
    "GalleryError",
    "GraphError",
    "HashError",
    "InputError",
    "Inspection",
    "Model",
    "OutputExistsError",
    "Session",
    "ShapeError",
    "UnsupportedFormatError",
    "UnsupportedOperatorError",
    "VerificationError",
    "WebkilnError",
    "__version__",
    "convert",
    "inspect",
    "load",
    "results",
]


def __getattr__(name: str) -> Any:
    """Names are loaded when first used, so that `webkiln --help` answers at once."""
    if name == "__version__":
        return importlib.import_module("webkiln.version").VERSION
    if name in __all__:
        return getattr(importlib.import_module(f"webkiln.{_HOMES.get(name, 'errors')}"), name)
    raise AttributeError(f"module 'webkiln' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
