"""Writing a file or a folder so that it is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webkiln.errors import OutputExistsError, WebkilnError
from webkiln.webformat.write import replace_folder


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


def check_folder(target: Path, *, force: bool, is_earlier: Callable[[Path], bool], kind: str) -> None:
    """Raise `OutputExistsError` unless a folder may be put there: nothing is, or, with `force`, an earlier one of its kind."""
    if not os.path.lexists(target):
        above = next(one for one in target.absolute().parents if os.path.lexists(one))
        if not above.is_dir():
            raise OutputExistsError(f"{target} cannot be made, since {above} is a file; choose another folder")
    elif not target.is_dir():
        raise OutputExistsError(f"{target} exists and is not a folder; choose another one")
    elif any(target.iterdir()):
        if not force:
            raise OutputExistsError(f"{target} exists already; --force replaces it, or choose another folder")
        if not is_earlier(target):
            raise OutputExistsError(f"{target} holds something else than an earlier {kind}, so --force does not replace it; choose another folder")


def put_folder(folder: Path, target: Path) -> None:
    """Copy a folder to `target`, in place of what is there, which stays when that fails."""
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        replace_folder(Path(shutil.copytree(folder, aside / folder.name)), target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
