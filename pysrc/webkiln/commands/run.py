"""`webkiln run`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.commands.aside import written_aside
from webkiln.commands.sources import open_model
from webkiln.commands.terminal import progress, remark, shape_text
from webkiln.errors import FormatError
from webkiln.model import Model


def command(*, source: str, inputs: Path, outputs: Path, backend: str | None, browser: str | None) -> bool:
    given = read_arrays(inputs)
    with progress(f"opening {source}") as note:
        model = open_model(source, note)
        note(f"running {model.name}")
        results = _results(model, given, backend or ("wasm" if browser else "numpy"), browser)
        # Through a file object, because savez appends a suffix to a name that has none.
        with written_aside(outputs) as aside, aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **results)
    for name, array in results.items():
        remark(f"{name}: {array.dtype} {shape_text(array.shape)}")
    return True


def _results(model: Model, given: dict[str, NDArray[Any]], backend: str, browser: str | None) -> dict[str, NDArray[Any]]:
    if backend == "numpy":
        return model.run(given)
    from webkiln.browsers.session import Session

    with Session(backend=backend, browser=browser or ("node" if backend == "wasm" else "chromium")) as session:
        results = session.run(model, given)
        if backend == "auto":
            remark(f"{session.description}: {session.reason(model)}")
        return results


def read_arrays(path: Path, option: str = "--inputs") -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file; pickled objects, which could run code, are refused."""
    if not path.is_file():
        raise FormatError(f"there is no file {path}; {option} wants an .npz file (numpy.savez) with an array per input")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise FormatError(f"{path} holds a single array; an .npz file with an array per input is wanted (numpy.savez)")
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} is no .npz file of arrays: {error}") from error
