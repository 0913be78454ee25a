"""Files that hold a model's inputs: arrays, or a picture."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import FormatError, InputError
from webkiln.model import Model

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def read_inputs(model: Model, path: Path, option: str) -> dict[str, Any]:
    """What `path` holds for a run of the model: the arrays of an .npz file, or a picture for a model that takes one and nothing else.

    Raises `FormatError` for what cannot be read, `InputError` for a picture that the model does not take; messages name `option`.
    """
    if not path.is_file():
        raise FormatError(f"there is no file {path}; {option} wants an .npz file (numpy.savez) with an array per input, or a picture")
    return _of_picture(model, path) if path.suffix.lower() in _PICTURES else _arrays(path)


def _of_picture(model: Model, path: Path) -> dict[str, Any]:
    names = [one.name for one in model.inputs]
    if len(names) != 1 or model.processing.get("inputs", {}).get(names[0], {}).get("type") != "picture":
        raise InputError(f"{path} is a picture, and the model does not take one alone; give an .npz file with an array for each of: {', '.join(names)}")
    return {names[0]: path}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file; pickled objects, which could run code, are refused."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise FormatError(f"{path} holds a single array; an .npz file with an array per input is wanted (numpy.savez)")
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        # What NumPy says of other files is how to load them unsafely.
        reason = "it is of another kind" if "unsafely" in str(error) else str(error)
        raise FormatError(f"{path} is no .npz file of arrays: {reason}") from error
