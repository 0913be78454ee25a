"""`webkiln inspect`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from webkiln.commands.terminal import remark, say
from webkiln.errors import UnsupportedOperatorError
from webkiln.importers.inspection import Inspection, inspect, is_inspected

_WITHOUT_NUMPY = "This is what the file itself says. What its conversion tells (the plan of a run, its memory, what WebGL leaves to WASM) takes NumPy, which is not installed."


def command(*, source: str, backend: str | None, browser: str | None) -> bool:
    """Show a file's own facts where that is all that can be known: where it cannot be converted, or not here."""
    found = inspect(source) if is_inspected(Path(source)) else None
    if found is not None and find_spec("numpy") is None:
        _show(found)
        if found.unsupported:
            raise UnsupportedOperatorError(found.unsupported)
        remark(_WITHOUT_NUMPY)
        return True
    from webkiln.commands.inspect_model import show

    try:
        show(source, found, backend=backend, browser=browser)
    except UnsupportedOperatorError:
        if found is not None:
            _show(found)
        raise
    return True


def _show(found: Inspection) -> None:
    for line in found.facts:
        say(line)
