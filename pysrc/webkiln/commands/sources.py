"""What a MODEL argument stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from webkiln import gallery
from webkiln.commands.terminal import Note
from webkiln.errors import FormatError, GalleryError
from webkiln.gallery import Recipe, find
from webkiln.model import Model, convert, load


def is_web_format(path: Path) -> bool:
    """Whether `path` is a folder with a model.json of ours (models of other kinds have a file of that name too)."""
    file = path / "model.json"
    if not file.is_file():
        return False
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return True  # a damaged one: reading it says what is wrong
    return isinstance(found, dict) and found.get("format") == "webkiln"


def open_model(source: str, note: Note) -> Model:
    """The model that `source` stands for: a folder in the web format, a source file, or a gallery name."""
    folder = web_folder(source)
    if folder is None:
        return convert_source(source, note)
    note(f"reading {source}")
    return load(folder)


def web_folder(source: str) -> Path | None:
    """The folder in the web format that `source` (or the model.json that `source`) names, if it is one."""
    path = Path(source)
    if path.name == "model.json":
        path = path.parent
    return path if is_web_format(path) else None


def convert_source(
    source: str,
    note: Note,
    *,
    quantize: str | None = None,
    inputs: Mapping[str, tuple[int, ...]] | None = None,
    signature: str | None = None,
) -> Model:
    """Convert a source file, or a gallery model by its name. A path that exists wins over a name."""
    path = Path(source)
    if not path.exists():
        return gallery.convert(_recipe(source), quantize=quantize, inputs=inputs or None, signature=signature, note=note)
    note(f"converting {path.name}")
    return convert(path, quantize=quantize, inputs=inputs or None, signature=signature)


def _recipe(name: str) -> Recipe:
    if "/" in name or "\\" in name or Path(name).suffix:
        raise FormatError(f"there is no file or folder {name!r}")
    try:
        return find(name)
    except GalleryError as error:
        raise FormatError(f"{name!r} is no file or folder, and {error}") from None
