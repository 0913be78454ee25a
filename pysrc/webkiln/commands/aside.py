"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webkiln.errors import WebkilnError


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A path next to `path` to write to; it becomes `path` at the end, and is removed when something goes wrong."""
    if not path.parent.is_dir():
        raise WebkilnError(f"{path} can't be written: there is no folder {path.parent}")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=path.suffix)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        # mkstemp makes files that only their owner reads, which what the user asked for is not to be.
        mask = os.umask(0)
        os.umask(mask)
        aside.chmod(0o666 & ~mask)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
