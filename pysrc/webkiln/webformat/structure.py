"""The structure of model.json: its version, the features that it requires, and the JSON Schema."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from webkiln.errors import FormatError

FORMAT_VERSION = 1
FEATURES = ("state", "quantization", "values", "elements", "control", "masked")


def check_version(model: Mapping[str, Any]) -> None:
    """Refuse what is not this format, a future version, and unknown required features by name."""
    if model.get("format") != "webkiln":
        raise FormatError(f"model.json has the format {model.get('format')!r}, wanted 'webkiln'")
    if model.get("version") != FORMAT_VERSION:
        raise FormatError(
            f"model.json has format version {model.get('version')!r}; this webkiln reads version {FORMAT_VERSION}. Use a newer webkiln"
        )
    requires = model.get("requires", [])
    unknown = [one for one in requires if one not in FEATURES] if isinstance(requires, list) else [requires]
    if unknown:
        raise FormatError(
            f"the model requires features that this webkiln does not know: {', '.join(map(repr, unknown))}. Use a newer webkiln"
        )


def check_structure(model: Mapping[str, Any]) -> None:
    """Check model.json against the JSON Schema."""
    try:
        error = jsonschema.exceptions.best_match(_validator().iter_errors(model))
    except RecursionError:
        raise FormatError("model.json is nested too deeply") from None
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path)[:200] or "the top"
        # What was received may be long, and stands before what was wanted.
        received = repr(error.instance)
        message = error.message.replace(received, f"{received[:100]}…") if len(received) > 100 else error.message
        raise FormatError(f"model.json, at {place}: {message[:300]}")


@functools.cache
def _validator() -> Any:
    schema = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=checker)(schema)


def _is_integer(_checker: Any, value: Any) -> bool:
    """An integer as it is written: `1.0` is none, since it would not index a list."""
    return isinstance(value, int) and not isinstance(value, bool)
