"""`webkiln run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.commands.aside import written_aside
from webkiln.commands.inputs import read_inputs
from webkiln.commands.sources import open_model
from webkiln.commands.terminal import progress, remark, shape_text
from webkiln.model import Model


def command(*, source: str, inputs: Path, outputs: Path, backend: str | None, browser: str | None) -> bool:
    with progress(f"opening {source}") as note:
        model = open_model(source, note)
        given = read_inputs(model, inputs, "--inputs")
        note(f"running {model.name}")
        results = _results(model, given, backend or ("wasm" if browser else "numpy"), browser)
        # Through a file object, because savez appends a suffix to a name that has none.
        with written_aside(outputs) as aside, aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **results)
    for name, array in results.items():
        remark(f"{name}: {array.dtype} {shape_text(array.shape)}")
    return True


def _results(model: Model, given: dict[str, Any], backend: str, browser: str | None) -> dict[str, NDArray[Any]]:
    if backend == "numpy":
        return model.run(given)
    from webkiln.browsers.session import Session

    with Session(backend=backend, browser=browser or ("node" if backend == "wasm" else "chromium")) as session:
        results = session.run(model, given)
        if backend == "auto":
            remark(f"{session.description}: {session.reason(model)}")
        return results
