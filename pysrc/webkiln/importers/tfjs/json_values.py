"""Looking into JSON that anyone may have written."""

from __future__ import annotations

import re
from typing import Any

from webkiln.errors import FormatError

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NAMES = {dict: "an object", list: "a list", str: "text", int: "an integer", bool: "true or false"}


def expect(value: Any, kind: type, what: str) -> Any:
    """The value, when it is of the kind; `FormatError` names `what` it should have been."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise FormatError(f"{what} should be {_NAMES[kind]}, but is {str(value)[:60]!r}")
    return value


def member(value: Any, key: str, kind: type, what: str, default: Any = None) -> Any:
    """A member of an object; the default when it is absent or null, unless that is `None`."""
    found = expect(value, dict, what).get(key)
    if found is None:
        if default is None:
            raise FormatError(f"{what} has no {key!r}")
        return default
    return expect(found, kind, f"the {key!r} of {what}")


def integer(value: Any, what: str) -> int:
    """An integer, which protocol buffers write as text when it may have 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):  # Python itself would take digits of all scripts, and "1_0"
        return int(value)
    raise FormatError(f"{what} should be an integer, but is {str(value)[:60]!r}")
